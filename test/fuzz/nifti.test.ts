/**
 * Files that are not what they say: 10,000 seeded mutations of real headers. Each gives a volume or an InputError, and
 * no allocation of more than twice the voxels that its header declares.
 */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { gunzipSync, gzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import { decodeNifti } from '../../src/volume/nifti.ts';
import { countAllocations } from '../support/allocations.ts';

const FOLDER = new URL('../fixtures/nifti/', import.meta.url);
const RUNS = 10_000;
/** Of the two headers and of messages; nothing that grows with a file. */
const FIXED_BYTES = 4096;
/** All runs together, garbage and the inflate library's own buffers included. */
const LARGEST_GROWTH_BYTES = 300e6;
/** float64, int64, uint64 */
const EIGHT_BYTE_TYPES = [64, 1024, 1280];

/** Written by nibabel, unpacked; both versions, both byte orders, every type. */
const sources = readdirSync(FOLDER)
  .filter(name => name.includes('.nii'))
  .map(name => {
    const bytes = new Uint8Array(readFileSync(new URL(name, FOLDER)));
    return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  });

/** Where the fields of a header lie that decide about memory, geometry and type. */
const FIELDS = {
  348: [0, 40, 42, 44, 46, 48, 70, 72, 76, 80, 84, 108, 112, 252, 280, 344],
  540: [0, 12, 16, 24, 32, 40, 48, 104, 112, 168, 176, 344, 400],
};
const EXTREMES = [0, 1, -1, 2, 127, 255, 512, 1024, 32767, -32768, 2 ** 31 - 1, 2 ** 53, 1e30, Number.NaN, Infinity];

type Mutation =
  | { readonly kind: 'byte'; readonly at: number; readonly value: number }
  | {
      readonly kind: 'field';
      readonly field: number;
      readonly value: number;
      readonly as: 'int16' | 'int32' | 'int64' | 'float32';
    }
  | { readonly kind: 'cut'; readonly share: number }
  | { readonly kind: 'grow'; readonly bytes: number };

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(640), value: fc.nat(255) }),
  fc.record({
    kind: fc.constant('field' as const),
    field: fc.nat(15),
    value: fc.constantFrom(...EXTREMES),
    as: fc.constantFrom('int16' as const, 'int32' as const, 'int64' as const, 'float32' as const),
  }),
  fc.record({ kind: fc.constant('cut' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ kind: fc.constant('grow' as const), bytes: fc.nat(80_000) }),
);

function isLittle(bytes: Uint8Array): boolean {
  return bytes[0] === 92 || bytes[0] === 28;
}

function mutate(bytes: Uint8Array, change: Mutation): Uint8Array {
  if (change.kind === 'cut') return bytes.slice(0, Math.floor(change.share * bytes.length));
  if (change.kind === 'grow') {
    const grown = new Uint8Array(bytes.length + change.bytes);
    grown.set(bytes);
    return grown;
  }
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  if (change.kind === 'byte') {
    if (copy.length > 0) copy[change.at % copy.length] = change.value;
    return copy;
  }
  const fields = FIELDS[copy[0] === 28 || copy[3] === 28 ? 540 : 348];
  const at = fields[change.field % fields.length]!;
  if (at + 8 > copy.length) return copy;
  const little = isLittle(copy);
  const whole = Number.isFinite(change.value) ? Math.trunc(change.value) : 0;
  if (change.as === 'int16') view.setInt16(at, whole, little);
  if (change.as === 'int32') view.setInt32(at, whole, little);
  if (change.as === 'int64') view.setBigInt64(at, BigInt(Math.min(whole, 2 ** 62)), little);
  if (change.as === 'float32') view.setFloat32(at, change.value, little);
  return copy;
}

/**
 * Bytes of the voxels that a header declares, in the wider of their stored type and float32; read without the code
 * under test.
 */
function declaredBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isTwo = String.fromCharCode(...bytes.subarray(4, 7)) === 'n+2';
  if (bytes.length < (isTwo ? 540 : 348)) return 0;
  const little = view.getInt32(0, true) === (isTwo ? 540 : 348);
  const dim = (index: number): number =>
    isTwo ? Number(view.getBigInt64(16 + 8 * index, little)) : view.getInt16(40 + 2 * index, little);
  const rank = dim(0);
  if (!(rank >= 1 && rank <= 7)) return 0;
  let voxels = 1;
  for (let axis = 1; axis <= rank; axis++) voxels *= dim(axis);
  const type = view.getInt16(isTwo ? 12 : 70, little);
  return voxels > 0 ? voxels * (EIGHT_BYTE_TYPES.includes(type) ? 8 : 4) : 0;
}

test('the meter sees what a decoder makes', () => {
  const { result, bytes } = countAllocations(() => new Float32Array(1000));
  expect([result.length, bytes]).toEqual([1000, 4000]);
  expect(countAllocations(() => decodeNifti(sources[0]!, { path: 'a' })).bytes).toBeGreaterThan(24 * 4);
});

test(`${RUNS} mutated files give a volume or an InputError, within their declared size`, { timeout: 60_000 }, () => {
  const outcomes = { read: 0, refused: 0 };
  const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;
  const before = peakBytes();
  fc.assert(
    fc.property(
      fc.constantFrom(...sources),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('plain' as const, 'zipped' as const, 'zip damaged' as const),
      fc.nat(),
      (source, changes, form, salt) => {
        const content = changes.reduce(mutate, source);
        const bytes = form === 'plain' ? content : gzipSync(content, { level: 1 });
        if (form === 'zip damaged') bytes[10 + (salt % (bytes.length - 10))]! ^= 1 << (salt % 8);
        const { result, bytes: allocated } = countAllocations(() => {
          try {
            return decodeNifti(bytes, { path: 'mutant.nii' });
          } catch (error) {
            return error;
          }
        });
        if (form !== 'zip damaged') expect(allocated).toBeLessThanOrEqual(2 * declaredBytes(content) + FIXED_BYTES);
        // a byte of a file becomes at most a float32 and its copy
        if (form === 'plain') expect(allocated).toBeLessThanOrEqual(8 * bytes.length + FIXED_BYTES);
        if (result instanceof InputError) {
          expect(result.message).toContain('mutant.nii');
          outcomes.refused++;
          return;
        }
        if (result instanceof Error) throw result;
        const { volume } = result as ReturnType<typeof decodeNifti>;
        const [x, y, z] = volume.sizeVoxels;
        expect(volume.data.length).toBe(x * y * z * volume.channels);
        expect([...volume.affine, ...volume.spacingMm].every(Number.isFinite)).toBe(true);
        outcomes.read++;
      },
    ),
    { numRuns: RUNS, seed: 20261124 },
  );
  expect(peakBytes() - before).toBeLessThan(LARGEST_GROWTH_BYTES);
  expect(outcomes.read).toBeGreaterThan(RUNS / 20);
  expect(outcomes.refused).toBeGreaterThan(RUNS / 4);
});
