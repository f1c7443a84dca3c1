/**
 * Results keep the place of their input in 81 kinds of NIfTI headers: two forms, their codes, units, versions and byte
 * orders.
 */
import { describe, expect, test } from 'vitest';
import { decodeLabels, decodeNifti, encodeNiftiLabels } from '../../../src/volume/nifti.ts';

const SIZE = [4, 3, 2] as const;
const COUNT = 24;
const PIXDIM = [0.7, 1.3, 3.1] as const;
/** A rotation about z with another origin than the qform's. */
const SFORM = [0.6, -1.04, 0, 7, 0.56, 0.78, 0, -5, 0, 0, 3.1, 3];

interface Kind {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  readonly sformCode: number;
  readonly qformCode: number;
  readonly units: number;
}

const LAYOUT = {
  1: { bytes: 348, pixdim: 76, xyzt: 123, qform: 252, sform: 254, quatern: 256, srow: 280, real: 4 },
  2: { bytes: 540, pixdim: 104, xyzt: 500, qform: 344, sform: 348, quatern: 352, srow: 400, real: 8 },
} as const;

/** A file of 24 int16 voxels, written field by field as nifti1.h and nifti2.h have them. */
function fileOf({ version, littleEndian, sformCode, qformCode, units }: Kind): Uint8Array {
  const at = LAYOUT[version];
  const bytes = new Uint8Array(at.bytes + 4 + 2 * COUNT);
  const view = new DataView(bytes.buffer);
  const real = (offset: number, value: number): void =>
    at.real === 4 ? view.setFloat32(offset, value, littleEndian) : view.setFloat64(offset, value, littleEndian);
  const code = (offset: number, value: number): void =>
    version === 1 ? view.setInt16(offset, value, littleEndian) : view.setInt32(offset, value, littleEndian);
  view.setInt32(0, at.bytes, littleEndian);
  [3, ...SIZE, 1, 1, 1, 1].forEach((size, index) => {
    if (version === 1) view.setInt16(40 + 2 * index, size, littleEndian);
    else view.setBigInt64(16 + 8 * index, BigInt(size), littleEndian);
  });
  view.setInt16(version === 1 ? 70 : 12, 4, littleEndian);
  view.setInt16(version === 1 ? 72 : 14, 16, littleEndian);
  [-1, ...PIXDIM].forEach((value, index) => {
    real(at.pixdim + index * at.real, value);
  });
  if (version === 1) view.setFloat32(108, 352, littleEndian);
  else view.setBigInt64(168, 544n, littleEndian);
  real(version === 1 ? 112 : 176, 1);
  if (version === 1) view.setUint8(at.xyzt, units);
  else view.setInt32(at.xyzt, units, littleEndian);
  code(at.qform, qformCode);
  code(at.sform, sformCode);
  [0.1, -0.2, 0.3, 11, -12, 13].forEach((value, index) => {
    real(at.quatern + index * at.real, value);
  });
  SFORM.forEach((value, index) => {
    real(at.srow + index * at.real, value);
  });
  if (version === 1) bytes.set([0x6e, 0x2b, 0x31, 0], 344);
  else bytes.set([0x6e, 0x2b, 0x32, 0, 13, 10, 26, 10], 4);
  for (let i = 0; i < COUNT; i++) view.setInt16(at.bytes + 4 + 2 * i, i, littleEndian);
  return bytes;
}

const forms = [
  { version: 1, littleEndian: true },
  { version: 1, littleEndian: false },
  { version: 2, littleEndian: true },
] as const;
const kinds: readonly Kind[] = forms.flatMap(form =>
  [0, 1, 4].flatMap(sformCode =>
    [0, 1, 2].flatMap(qformCode => [0, 2, 3].map(units => ({ ...form, sformCode, qformCode, units }))),
  ),
);

describe('81 headers', () => {
  test('are as many', () => expect(kinds).toHaveLength(81));

  test.each(kinds)('%o', kind => {
    const at = LAYOUT[kind.version];
    const input = decodeNifti(fileOf(kind), { path: 'in' });
    expect(Array.from(input.volume.data)).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    const labels = { ...input.volume, data: Uint8Array.from({ length: COUNT }, (_, i) => i % 3) };
    const written = encodeNiftiLabels(labels, input.header);
    const result = decodeNifti(written, { path: 'out' });
    expect(decodeLabels(written, { path: 'out' }).data).toEqual(labels.data);
    expect(result.volume.affine).toEqual(input.volume.affine);
    expect(result.volume.spacingMm).toEqual(input.volume.spacingMm);
    expect(result.warnings).toEqual(input.warnings.map(({ code }) => expect.objectContaining({ code })));
    const geometry = (bytes: Uint8Array): readonly number[][] =>
      [
        [at.pixdim, at.pixdim + 4 * at.real],
        [at.xyzt, at.xyzt + 1],
        [at.qform, at.srow + 12 * at.real],
      ].map(([from, to]) => Array.from(bytes.subarray(from, to)));
    expect(geometry(result.header.bytes)).toEqual(geometry(fileOf(kind)));
    const micrometres = kind.units === 3 ? 0.001 : 1;
    if (kind.sformCode > 0) {
      SFORM.forEach((value, index) => {
        expect(input.volume.affine[index]).toBeCloseTo(value * micrometres, 5);
      });
    }
  });
});
