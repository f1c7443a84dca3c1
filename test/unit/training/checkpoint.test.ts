import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../../src/core/safetensors.ts';
import type { ParameterSpec } from '../../../src/nn/parameters.ts';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  keptParameters,
} from '../../../src/training/checkpoint.ts';

const specs: readonly ParameterSpec[] = [
  { name: 'conv.weight', shape: [2, 1, 1, 1, 3], initializer: { kind: 'normal', gain: 2 }, role: 'kernel' },
  { name: 'norm.scale', shape: [2], initializer: { kind: 'constant', value: 1 }, role: 'vector' },
  { name: 'norm.runningMean', shape: [2], initializer: { kind: 'constant', value: 0 }, role: 'buffer' },
];
const checkpoint: Checkpoint = {
  step: 120,
  theta: Float32Array.of(0.1, -0.2, 3e-39, 4, 5.5, -6, 1.25, 0.75, -0, 1e38),
  state: { m: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), v: Float32Array.of(8, 7, 6, 5, 4, 3, 2, 0.1) },
  best: { step: 100, dice: 0.8125 },
  seconds: 12.75,
  fingerprint: 'recipe A',
};
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const bytes = encodeCheckpoint(checkpoint, specs, sha256);
const options = { path: 'teacher/checkpoint/last.safetensors', specs, fingerprint: 'recipe A', sha256 };

function codeOf(damaged: Uint8Array): string {
  try {
    decodeCheckpoint(damaged, options);
    return 'read';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : `uncaught ${error}`;
  }
}

describe('a checkpoint', () => {
  it('comes back bit for bit', () => {
    expect(decodeCheckpoint(bytes, options)).toEqual(checkpoint);
    const fresh = { ...checkpoint, best: null, state: {} };
    expect(decodeCheckpoint(encodeCheckpoint(fresh, specs, sha256), options)).toEqual(fresh);
  });

  it('has how long the validation was no better, where the training follows it', () => {
    const watching = { ...checkpoint, plateau: { sinceBest: 3, sinceReduction: 1, reductions: 2 } };
    expect(decodeCheckpoint(encodeCheckpoint(watching, specs, sha256), options)).toEqual(watching);
  });

  it('has the average beside the parameters under the same names, and is refused where a part of it is missing', () => {
    const average = checkpoint.theta.map(value => value / 2);
    const averaged = { ...checkpoint, average };
    const both = encodeCheckpoint(averaged, specs, sha256);
    expect(decodeCheckpoint(both, options)).toEqual(averaged);
    expect(keptParameters(averaged)).toBe(average);
    expect(keptParameters(checkpoint)).toBe(checkpoint.theta);
    expect(Buffer.from(both).toString('latin1')).toContain('"average.norm.runningMean"');
    const { tensors, metadata } = decodeSafetensors(both, sha256);
    const rest = tensors.filter(({ name }) => name !== 'average.norm.scale');
    expect(() => decodeCheckpoint(encodeSafetensors({ tensors: rest, metadata }, sha256), options)).toThrow(
      'it lacks average.norm.scale',
    );
  });

  it('comes back from a part of a larger buffer, at any offset', () => {
    const larger = new Uint8Array(bytes.length + 5);
    larger.set(bytes, 3);
    expect(decodeCheckpoint(larger.subarray(3, 3 + bytes.length), options)).toEqual(checkpoint);
  });

  it('has the bytes of version 0.1.0, so that a training begun by it goes on', () => {
    expect([bytes.length, sha256(bytes)]).toEqual([
      712,
      '1657310dd37b98419e362bdd65620a0bf872bdeedaf974e964a07ec24a444cef',
    ]);
  });

  it('is a safetensors file: header length, JSON header, then every tensor by name without gaps', () => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const headerLength = Number(view.getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
    const { __metadata__: metadata, ...entries } = header;
    const payload = 8 + headerLength;
    const read = (name: string): { shape: number[]; values: number[] } => {
      const { dtype, shape, data_offsets } = entries[name];
      expect(dtype).toBe('F32');
      const [start, end] = data_offsets;
      const count = shape.reduce((product: number, size: number) => product * size, 1);
      expect(end - start).toBe(4 * count);
      const at = (index: number): number => view.getFloat32(payload + start + 4 * index, true);
      return { shape, values: Array.from({ length: count }, (_, index) => at(index)) };
    };
    const theta = [...checkpoint.theta];
    expect(Object.fromEntries(Object.keys(entries).map(name => [name, read(name)]))).toEqual({
      'parameters.conv.weight': { shape: [2, 1, 1, 1, 3], values: theta.slice(0, 6) },
      'parameters.norm.scale': { shape: [2], values: theta.slice(6, 8) },
      'parameters.norm.runningMean': { shape: [2], values: theta.slice(8) },
      'state.m': { shape: [8], values: [...checkpoint.state['m']!] },
      'state.v': { shape: [8], values: [...checkpoint.state['v']!] },
    });
    const ends = Object.values(entries as Record<string, { data_offsets: [number, number] }>);
    expect(ends.map(entry => entry.data_offsets[0])).toEqual([
      0,
      ...ends.slice(0, -1).map(entry => entry.data_offsets[1]),
    ]);
    expect(payload + ends.at(-1)!.data_offsets[1]).toBe(bytes.length);
    expect(Object.values(metadata).every(value => typeof value === 'string')).toBe(true);
  });

  it('is refused when it was cut off, wherever', () => {
    const outcomes = new Set<string>();
    for (let length = 0; length < bytes.length; length++) outcomes.add(codeOf(bytes.subarray(0, length)));
    expect(outcomes).toEqual(new Set(['E_CHECKPOINT_CORRUPT']));
  });

  it('is refused when a single bit has changed, in the header or in the numbers', () => {
    const outcomes = new Set<string>();
    for (let index = 0; index < bytes.length; index++) {
      const damaged = bytes.slice();
      damaged[index]! ^= 1 << (index % 8);
      outcomes.add(codeOf(damaged));
    }
    expect(outcomes).toEqual(new Set(['E_CHECKPOINT_CORRUPT']));
  });

  it('is refused by the name of its format where it has another one', () => {
    const text = Buffer.from(bytes).toString('latin1').replace('voxstill-checkpoint-1', 'voxstill-checkpoint-7');
    const unsealed = text.replace(/"sha256":"[0-9a-f]{64}"/, '"sha256":""');
    const seal = sha256(Buffer.from(unsealed.slice(8), 'latin1'));
    const other = Buffer.from(text.replace(/"sha256":"[0-9a-f]{64}"/, `"sha256":"${seal}"`), 'latin1');
    expect(() => decodeCheckpoint(other, options)).toThrow(
      'its format is voxstill-checkpoint-7, not voxstill-checkpoint-1',
    );
  });

  it('is refused with its path and what to do when it belongs to another recipe', () => {
    expect(() => decodeCheckpoint(bytes, { ...options, fingerprint: 'recipe B' })).toThrow(
      expect.objectContaining({
        code: 'E_CHECKPOINT_OTHER',
        exitCode: 2,
        message: expect.stringMatching(/^teacher\/checkpoint\/last\.safetensors .*same recipe/),
      }),
    );
  });
});
