/** TensorBoard's event files: the checksum by its published values, and what is read back. */
import { PbfReader } from 'pbf';
import { describe, expect, it } from 'vitest';
import { crc32c, encodeEventFile } from '../../../src/experiment/event-file.ts';

/** Events of a file: step, and scalars by tag. */
function readEvents(
  bytes: Uint8Array,
): { step: number; seconds: number; version?: string; values: Record<string, number> }[] {
  const view = new DataView(bytes.buffer);
  const events = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    const content = bytes.subarray(at + 12, at + 12 + length);
    const event = { step: 0, seconds: 0, values: {} as Record<string, number> } as ReturnType<
      typeof readEvents
    >[number];
    new PbfReader(content).readFields((tag, _, pbf) => {
      if (tag === 1) event.seconds = pbf.readDouble();
      else if (tag === 2) event.step = pbf.readVarint();
      else if (tag === 3) event.version = pbf.readString();
      else if (tag === 5) {
        pbf.readMessage((field, __, summary) => {
          if (field !== 1) return;
          const value = { tag: '', number: Number.NaN };
          summary.readMessage((part, ___, one) => {
            if (part === 1) value.tag = one.readString();
            else if (part === 2) value.number = one.readFloat();
          }, null);
          event.values[value.tag] = value.number;
        }, null);
      }
    }, null);
    events.push(event);
    at += 16 + length;
  }
  return events;
}

describe('an event file', () => {
  it('has the checksum of RFC 3720, appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
  });

  it('has every step with its losses, and the validation where there was one', () => {
    const rows = [
      { step: 1, epoch: 0, seconds: 0.5, learningRate: 0.5, losses: { total: 2, kd: 0.25 } },
      { step: 2, epoch: 0, seconds: 1, learningRate: 0.25, losses: { total: 1 }, validationDice: 0.75 },
    ];
    expect(readEvents(encodeEventFile(rows, 1000))).toEqual([
      { step: 0, seconds: 1000, version: 'brain.Event:2', values: {} },
      { step: 1, seconds: 1000.5, values: { learningRate: 0.5, 'loss/total': 2, 'loss/kd': 0.25 } },
      { step: 2, seconds: 1001, values: { learningRate: 0.25, 'loss/total': 1, 'validation/meanDice': 0.75 } },
    ]);
  });
});
