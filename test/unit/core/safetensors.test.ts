/**
 * Files of named tensors: what comes back, and what is refused. Checkpoints and soft labels have tests of their own.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors, type Safetensors } from '../../../src/core/safetensors.ts';

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const content: Safetensors = {
  tensors: [
    { name: 'a', dtype: 'F32', shape: [2, 1], data: Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 192) },
    { name: 'b', dtype: 'F16', shape: [3], data: Uint8Array.of(0, 60, 0, 0, 0, 188) },
    { name: 'empty', dtype: 'F32', shape: [0], data: new Uint8Array(0) },
  ],
  metadata: { format: 'of a test', note: '"quoted" and ü' },
};
const bytes = encodeSafetensors(content, sha256);

/** A file with any header, sealed as ours are. */
function sealed(header: object, payload: Uint8Array): Uint8Array {
  const textOf = (seal: string): Buffer =>
    Buffer.from(JSON.stringify({ ...header, __metadata__: { sha256: seal } }), 'utf8');
  const text = textOf(sha256(Buffer.concat([textOf(''), payload])));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, payload]);
}

describe('a safetensors file', () => {
  it('gives back what was written, with the checksum beside it', () => {
    const { tensors, metadata } = decodeSafetensors(bytes, sha256);
    expect(tensors).toEqual(content.tensors);
    expect(metadata).toEqual({ ...content.metadata, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('puts the numbers at the start of a buffer, whatever kind of view it is read from', () => {
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 3);
    // a Buffer, which is what Node reads a file into, has a slice that copies nothing
    for (const view of [larger.subarray(3), Buffer.from(larger.buffer, 3)]) {
      for (const { data } of decodeSafetensors(view, sha256).tensors) {
        expect(data.byteOffset).toBe(0);
        expect(data.buffer).not.toBe(larger.buffer);
      }
    }
  });

  it.each<[string, Uint8Array, string]>([
    ['cut off in its length', bytes.subarray(0, 7), 'it is too short to hold tensors'],
    ['cut off in its header', bytes.subarray(0, 40), 'its header is cut off'],
    ['cut off in its numbers', bytes.subarray(0, -1), 'its checksum does not match'],
    ['with more behind it', Buffer.concat([bytes, Buffer.of(0)]), 'its checksum does not match'],
    ['with a header that is null', Buffer.from('\u0004\0\0\0\0\0\0\0null', 'latin1'), 'it has no metadata'],
    ['with a header that is not JSON', Buffer.from('\u0001\0\0\0\0\0\0\0{', 'latin1'), 'its header is not JSON'],
  ])('that is %s is refused', (_, damaged, reason) => {
    expect(() => decodeSafetensors(damaged, sha256)).toThrow(reason);
  });

  it.each([
    ['beyond the numbers', { dtype: 'F32', shape: [3], data_offsets: [0, 12] }],
    ['from before the numbers', { dtype: 'F32', shape: [2], data_offsets: [-4, 4] }],
    ['of another length than its shape', { dtype: 'F32', shape: [3], data_offsets: [0, 8] }],
    ['of an unknown type', { dtype: 'I64', shape: [1], data_offsets: [0, 8] }],
    ['of an inherited name as its type', { dtype: 'toString', shape: [1], data_offsets: [0, 8] }],
    ['without a shape', { dtype: 'F32', data_offsets: [0, 8] }],
    ['that is nothing', null],
  ])('with an entry %s is refused, checksum or not', (_, entry) => {
    expect(() => decodeSafetensors(sealed({ x: entry }, new Uint8Array(8)), sha256)).toThrow(
      'its entry "x" is malformed',
    );
    const whole = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
    expect(decodeSafetensors(sealed({ x: whole }, new Uint8Array(8)), sha256).tensors).toHaveLength(1);
  });
});
