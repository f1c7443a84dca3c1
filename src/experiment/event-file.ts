/**
 * TensorBoard's event files: records of { length, checksum, protobuf, checksum } (TFRecord), each an Event with scalar
 * values.
 * Sources: tensorflow/core/lib/io/record_writer.h (framing, CRC-32C with the mask), tensorflow/core/util/event.proto,
 * summary.proto (field numbers).
 */

import { PbfWriter } from 'pbf';
import type { StepRecord } from '../training/trainer.ts';

/** Table of CRC-32C (Castagnoli), reflected polynomial 0x82f63b78. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C of some bytes. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** As records have it: turned by 15 bits and shifted, so that a checksum of checksums is no weak point. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function record(event: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + event.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(event.length), true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(event, 12);
  view.setUint32(12 + event.length, maskedCrc(event), true);
  return bytes;
}

function event(seconds: number, write: (pbf: PbfWriter) => void): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeDoubleField(1, seconds);
  write(pbf);
  return record(pbf.finish());
}

function scalars(row: StepRecord): readonly (readonly [tag: string, value: number])[] {
  return [
    ['learningRate', row.learningRate],
    ...Object.entries(row.losses).map(([term, value]) => [`loss/${term}`, value] as const),
    ...(row.validationDice === undefined ? [] : [['validation/meanDice', row.validationDice] as const]),
  ];
}

/**
 * A history as an event file.
 * @param startedAt seconds since 1970 at which the training began
 */
export function encodeEventFile(rows: readonly StepRecord[], startedAt: number): Uint8Array {
  const events = [
    event(startedAt, pbf => pbf.writeStringField(3, 'brain.Event:2')),
    ...rows.map(row =>
      event(startedAt + row.seconds, pbf => {
        pbf.writeVarintField(2, row.step);
        pbf.writeMessage(
          5,
          (values: ReturnType<typeof scalars>, summary) => {
            for (const value of values) {
              summary.writeMessage(
                1,
                ([tag, number]: (typeof values)[number], one) => {
                  one.writeStringField(1, tag);
                  one.writeFloatField(2, number);
                },
                value,
              );
            }
          },
          scalars(row),
        );
      }),
    ),
  ];
  const bytes = new Uint8Array(events.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of events) {
    bytes.set(one, at);
    at += one.length;
  }
  return bytes;
}
