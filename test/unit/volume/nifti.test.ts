import { readFileSync } from 'node:fs';
import zlib from 'node:zlib';
import { gzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { InputError, ShapeError } from '../../../src/core/errors.ts';
import {
  createNiftiHeader,
  decodeLabels,
  decodeNifti,
  encodeNiftiImage,
  encodeNiftiLabels,
} from '../../../src/volume/nifti.ts';
import type { Affine, LabelVolume, Volume, Xyz } from '../../../src/volume/volume.ts';
import { countAllocations } from '../../support/allocations.ts';

interface Expected {
  readonly shape: readonly number[];
  readonly zooms: readonly number[];
  /** null where the file has neither form. */
  readonly affine: readonly number[];
  readonly values: readonly number[];
}

const FIXTURES = new URL('../../fixtures/nifti/', import.meta.url);

function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, FIXTURES)));
}

/** Written by nibabel 5; see test/fixtures/make-nifti-goldens.py. */
const expected: Record<string, Expected> = JSON.parse(new TextDecoder().decode(fixture('expected.json')));

function failure(action: () => unknown): { code: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function edited(bytes: Uint8Array, edit: (view: DataView) => void): Uint8Array {
  const copy = bytes.slice();
  edit(new DataView(copy.buffer));
  return copy;
}

const AFFINE: Affine = [-1.5, 0, 0, 10, 0, 0.75, 0, -20, 0, 0, 2, 30, 0, 0, 0, 1];
const SPACING: Xyz = [1.5, 0.75, 2];

function imageOf(sizeVoxels: Xyz, channels = 1): Volume {
  const data = Float32Array.from(
    { length: sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2] * channels },
    (_, i) => i / 3 - 2,
  );
  return { data, sizeVoxels, channels, spacingMm: SPACING, affine: AFFINE };
}

function unzipped(bytes: Uint8Array): Uint8Array {
  const { header } = decodeNifti(bytes, { path: 'x' });
  return header.bytes;
}

describe('decodeNifti', () => {
  test('the fixtures are there', () => expect(Object.keys(expected).length).toBe(14));

  test.each(Object.entries(expected))('reads %s as nibabel does', (name, { shape, zooms, affine, values }) => {
    const { volume } = decodeNifti(fixture(name), { path: name });
    expect(volume.sizeVoxels).toEqual(shape.slice(0, 3));
    expect(volume.channels).toBe(shape[3] ?? 1);
    expect(Array.from(volume.data)).toEqual(values.map(Math.fround));
    zooms.forEach((zoom, axis) => {
      expect(volume.spacingMm[axis]).toBeCloseTo(zoom, 6);
    });
    affine.forEach((value, index) => {
      expect(volume.affine[index]).toBeCloseTo(value, 5);
    });
  });

  test('reads the same from a view that starts at an odd byte of a larger buffer', () => {
    const bytes = fixture('float32-both-forms.nii');
    const shifted = new Uint8Array(bytes.length + 9).subarray(3, 3 + bytes.length);
    shifted.set(bytes);
    expect(decodeNifti(shifted, { path: 'x' }).volume).toEqual(decodeNifti(bytes, { path: 'x' }).volume);
  });

  test('does not share memory with the file it came from', () => {
    const bytes = fixture('float32-both-forms.nii');
    const { volume, header } = decodeNifti(bytes, { path: 'x' });
    const before = [...volume.data, ...header.bytes];
    bytes.fill(0);
    expect([...volume.data, ...header.bytes]).toEqual(before);
  });

  test('turns metres and micrometres into millimetres', () => {
    const bytes = fixture('float32-both-forms.nii');
    const millimetres = decodeNifti(bytes, { path: 'x' }).volume;
    for (const [unit, factor] of [
      [1, 1000],
      [3, 0.001],
    ] as const) {
      const { volume } = decodeNifti(
        edited(bytes, view => view.setUint8(123, unit)),
        { path: 'x' },
      );
      expect(volume.spacingMm[2]).toBeCloseTo(millimetres.spacingMm[2] * factor, 6);
      expect(volume.affine[3]).toBeCloseTo((millimetres.affine[3] ?? 0) * factor, 6);
      expect(volume.affine[15]).toBe(1);
    }
  });

  test('passes over an sform without volume and takes the qform', () => {
    const bytes = fixture('float32-both-forms.nii');
    const flat = edited(bytes, view => {
      for (let offset = 280; offset < 328; offset += 4) view.setFloat32(offset, 0, true);
    });
    const unset = edited(bytes, view => view.setInt16(254, 0, true));
    const { affine } = decodeNifti(flat, { path: 'x' }).volume;
    expect(affine).toEqual(decodeNifti(unset, { path: 'x' }).volume.affine);
    expect(affine[3]).toBe(5);
  });

  test('prefers the sform whatever the code of the qform is', () => {
    const bytes = edited(fixture('float32-both-forms.nii'), view => view.setInt16(252, 4, true));
    expect(decodeNifti(bytes, { path: 'x' }).volume.affine[3]).toBe(12.5);
  });

  test('a quaternion longer than 1 is a half turn, not a zoom', () => {
    const bytes = edited(fixture('uint32.nii'), view => {
      [0.9, 0.9, 0.3].forEach((value, i) => {
        view.setFloat32(256 + i * 4, value, true);
      });
    });
    const { affine, spacingMm } = decodeNifti(bytes, { path: 'x' }).volume;
    spacingMm.forEach((spacing, axis) => {
      expect(Math.hypot(affine[axis]!, affine[4 + axis]!, affine[8 + axis]!)).toBeCloseTo(spacing, 6);
    });
  });

  test('a flat image of two dimensions is one slice', () => {
    const bytes = edited(fixture('int8.nii'), view => {
      view.setInt16(40, 2, true);
      view.setInt16(46, 0, true);
      view.setFloat32(88, 0, true);
    });
    const { volume } = decodeNifti(bytes, { path: 'x' });
    expect([volume.sizeVoxels, volume.spacingMm[2]]).toEqual([[4, 3, 1], 1]);
  });

  const raw = fixture('float32-both-forms.nii');
  const noSform = edited(raw, view => view.setInt16(254, 0, true));
  const packed = fixture('float64-big.nii.gz');

  test('a file with both codes 0 is taken as nibabel takes it, with a warning, and its place is a guess', () => {
    const { volume, header, warnings } = decodeNifti(fixture('float32-no-form.nii'), { path: 'scans/a.nii' });
    expect(volume.isPlaced).toBe(false);
    expect(header.isPlaced).toBe(false);
    expect(warnings).toMatchObject([{ code: 'W_NIFTI_CODES', message: expect.stringContaining('scans/a.nii') }]);
    expect(decodeNifti(raw, { path: 'a' })).toMatchObject({ warnings: [], header: { isPlaced: true } });
  });

  test.each([
    ['negative', 80, -1.5],
    ['0', 88, 0],
    ['no number', 84, Number.NaN],
  ])('a spacing that is %s is taken from the sform, with a warning, in results too', (_, offset, value) => {
    const whole = decodeNifti(raw, { path: 'a' });
    const { volume, header, warnings } = decodeNifti(
      edited(raw, view => view.setFloat32(offset, value, true)),
      { path: 'a' },
    );
    expect(warnings).toMatchObject([{ code: 'W_NIFTI_SPACING' }]);
    expect(volume.affine).toEqual(whole.volume.affine);
    const [a = 0, b = 0, c = 0] = [0, 1, 2].map(axis =>
      Math.hypot(...[0, 4, 8].map(row => volume.affine[row + axis]!)),
    );
    [a, b, c].forEach((length, axis) => {
      const expected = axis === (offset - 80) / 4 ? length : whole.volume.spacingMm[axis]!;
      expect(volume.spacingMm[axis]).toBeCloseTo(expected, 6);
    });
    const labels = { ...volume, data: new Uint8Array(volume.data.length) };
    const result = decodeNifti(encodeNiftiLabels(labels, header), { path: 'b' });
    expect(result.warnings).toEqual([]);
    expect(result.volume.affine).toEqual(volume.affine);
  });

  const refusals: [string, Uint8Array, string][] = [
    ['an empty file', new Uint8Array(0), 'E_NIFTI_CORRUPT'],
    ['text', new TextEncoder().encode('not an image. '.repeat(60)), 'E_NIFTI_CORRUPT'],
    ['a gzip file of text', gzipSync(new TextEncoder().encode('text '.repeat(200))), 'E_NIFTI_CORRUPT'],
    ['a file cut within the header', raw.subarray(0, 200), 'E_NIFTI_CORRUPT'],
    ['a file cut within the voxels', raw.subarray(0, raw.length - 1), 'E_NIFTI_CORRUPT'],
    ['a gzip file cut within its data', packed.subarray(0, packed.length - 40), 'E_NIFTI_CORRUPT'],
    ['a gzip file cut within its trailer', packed.subarray(0, packed.length - 3), 'E_NIFTI_CORRUPT'],
    ['two bytes of a gzip file', packed.subarray(0, 2), 'E_NIFTI_CORRUPT'],
    ['a header of a .hdr/.img pair', edited(raw, view => view.setUint8(345, 0x69)), 'E_NIFTI_CORRUPT'],
    ['a wrong header size', edited(raw, view => view.setInt32(0, 999, true)), 'E_NIFTI_CORRUPT'],
    ['a negative dimension', edited(raw, view => view.setInt16(42, -4, true)), 'E_NIFTI_CORRUPT'],
    ['a dimension of 0', edited(raw, view => view.setInt16(44, 0, true)), 'E_NIFTI_CORRUPT'],
    ['no dimensions', edited(raw, view => view.setInt16(40, 0, true)), 'E_NIFTI_CORRUPT'],
    ['voxels that start within the header', edited(raw, view => view.setFloat32(108, 16, true)), 'E_NIFTI_CORRUPT'],
    ['voxels that start nowhere', edited(raw, view => view.setFloat32(108, Number.NaN, true)), 'E_NIFTI_CORRUPT'],
    ['colour voxels', edited(raw, view => view.setInt16(70, 128, true)), 'E_NIFTI_TYPE'],
    ['complex voxels', edited(raw, view => view.setInt16(70, 32, true)), 'E_NIFTI_TYPE'],
    ['an unknown voxel type', edited(raw, view => view.setInt16(70, 77, true)), 'E_NIFTI_TYPE'],
    ['a spacing of 0 without a sform', edited(noSform, view => view.setFloat32(80, 0, true)), 'E_NIFTI_SPACING'],
    ['a negative spacing without a sform', edited(noSform, view => view.setFloat32(84, -1, true)), 'E_NIFTI_SPACING'],
    ['no number as a spacing', edited(noSform, view => view.setFloat32(88, Number.NaN, true)), 'E_NIFTI_SPACING'],
  ];
  test.each(refusals)('refuses %s and names the file', (_, bytes, code) => {
    const error = failure(() => decodeNifti(bytes, { path: 'scans/a.nii' }));
    expect(error.code).toBe(code);
    expect(error.message).toContain('scans/a.nii');
  });

  test('notices one flipped bit in a gzip file', () => {
    const noise = imageOf([8, 8, 8]);
    const bytes = encodeNiftiImage(noise, createNiftiHeader(noise));
    let refused = 0;
    for (let at = 20; at < bytes.length; at += 37) {
      try {
        decodeNifti(
          edited(bytes, view => view.setUint8(at, view.getUint8(at) ^ 4)),
          { path: 'x' },
        );
        throw new Error(`a flipped bit in byte ${at} went unnoticed`);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(10);
  });

  test('refuses more voxels than the limit, before it unpacks them', () => {
    const huge = edited(raw, view => [42, 44, 46].forEach(offset => void view.setInt16(offset, 30000, true)));
    for (const bytes of [huge, gzipSync(huge)]) {
      const error = failure(() => decodeNifti(bytes, { path: 'a.nii' }));
      expect(error.code).toBe('E_NIFTI_TOO_LARGE');
      expect(error.message).toContain('30000x30000x30000');
    }
    expect(failure(() => decodeNifti(raw, { path: 'a.nii', maxBytes: 95 })).code).toBe('E_NIFTI_TOO_LARGE');
    expect(decodeNifti(raw, { path: 'a.nii', maxBytes: 96 }).volume.data.length).toBe(24);
  });

  test('stops a gzip bomb early, whether its header is modest or boastful', () => {
    const modest = new Uint8Array(30_000_000);
    modest.set(raw);
    expect(failure(() => decodeNifti(zlib.gzipSync(modest, { level: 1 }), { path: 'a.nii.gz' })).message).toMatch(
      /far more data than its header declares/,
    );
    const boastful = edited(raw, view => [42, 44, 46].forEach(offset => void view.setInt16(offset, 1000, true)));
    expect(failure(() => decodeNifti(gzipSync(boastful), { path: 'a.nii.gz' })).message).toMatch(
      /is truncated: 1000x1000x1000 .*at most/,
    );
  });

  test('reads a gzip file of several members', () => {
    const packedTwice = [gzipSync(raw.subarray(0, 401)), gzipSync(raw.subarray(401))];
    const bytes = Uint8Array.from(packedTwice.flatMap(part => [...part]));
    expect(decodeNifti(bytes, { path: 'x' }).volume.data).toEqual(decodeNifti(raw, { path: 'x' }).volume.data);
  });

  test('needs the float32 voxels and little more, plain or zipped, in either byte order', () => {
    const big = imageOf([40, 50, 60]);
    for (const name of ['int16-big-scaled.nii', 'uint16-scaled.nii.gz', 'float64-big.nii.gz']) {
      const { bytes: header, voxelOffset, dataType } = decodeNifti(fixture(name), { path: name }).header;
      const voxelBytes = { int16: 2, uint16: 2, float64: 8 }[dataType as string] as number;
      const content = new Uint8Array(voxelOffset + big.data.length * voxelBytes);
      content.set(header);
      const littleEndian = header[0] === 92;
      big.sizeVoxels.forEach((size, axis) => {
        new DataView(content.buffer).setInt16(42 + 2 * axis, size, littleEndian);
      });
      const file = name.endsWith('.gz') ? gzipSync(content) : content;
      const { bytes } = countAllocations(() => decodeNifti(file, { path: name }));
      expect(bytes).toBeGreaterThan(big.data.byteLength);
      expect(bytes).toBeLessThan(big.data.byteLength + 100_000);
    }
  });
});

describe('decodeLabels', () => {
  const labelFile = (values: readonly number[]): Uint8Array => {
    const volume: Volume = { ...imageOf([2, 2, 1]), data: Float32Array.from(values) };
    return encodeNiftiImage(volume, createNiftiHeader(volume));
  };

  test('reads integers from any type', () => {
    const labels = decodeLabels(labelFile([0, 1, 255, 2]), { path: 'l' });
    expect(labels.data).toEqual(Uint8Array.of(0, 1, 255, 2));
    expect(labels.sizeVoxels).toEqual([2, 2, 1]);
  });

  test.each([0.5, -1, 65_536, Number.NaN, Number.POSITIVE_INFINITY])('refuses the value %s', value => {
    const error = failure(() => decodeLabels(labelFile([0, 1, value, 2]), { path: 'labels/a.nii.gz' }));
    expect(error.code).toBe('E_LABEL_VALUE');
    expect(error.message).toContain(`${value} at voxel (0, 1, 0)`);
    expect(error.message).toContain('labels/a.nii.gz');
  });

  test('refuses several channels', () => {
    const volume = { ...imageOf([2, 2, 1], 2), data: new Float32Array(8) };
    const bytes = encodeNiftiImage(volume, createNiftiHeader(volume));
    expect(failure(() => decodeLabels(bytes, { path: 'l' })).code).toBe('E_LABEL_CHANNELS');
  });
});

describe('encodeNiftiLabels', () => {
  /** Offsets of everything that says where the volume lies: pixdim, units, codes, quaternion, offsets, sform. */
  const GEOMETRY = {
    1: [
      [76, 108],
      [123, 124],
      [252, 328],
    ],
    2: [
      [104, 168],
      [344, 496],
      [500, 504],
    ],
  } as const;

  test.each(Object.keys(expected))('writes the geometry of %s byte by byte, and the labels', name => {
    const input = fixture(name);
    const { header, volume } = decodeNifti(input, { path: name });
    const { sizeVoxels, spacingMm, affine } = volume;
    const voxels = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
    const labels: LabelVolume = {
      data: Uint8Array.from({ length: voxels }, (_, i) => i % 4),
      sizeVoxels,
      spacingMm,
      affine,
    };
    const written = encodeNiftiLabels(labels, header);
    expect(decodeLabels(written, { path: 'out' })).toMatchObject(labels);
    const [before, after] = [header.bytes, unzipped(written)];
    for (const [from, to] of GEOMETRY[header.version]) expect(after.slice(from, to)).toEqual(before.slice(from, to));
    const result = decodeNifti(written, { path: 'out' }).header;
    expect(result).toMatchObject({ dataType: 'uint8', channels: 1, slope: 1, intercept: 0, version: header.version });
    expect(result.littleEndian).toBe(header.littleEndian);
  });

  test('refuses labels on another grid', () => {
    const volume = imageOf([3, 4, 5]);
    const labels: LabelVolume = { ...volume, sizeVoxels: [3, 5, 4], data: new Uint8Array(60) };
    expect(() => encodeNiftiLabels(labels, createNiftiHeader(volume))).toThrow(ShapeError);
  });

  test('the same labels give the same bytes', () => {
    const volume = imageOf([3, 4, 5]);
    const labels: LabelVolume = { ...volume, data: new Uint8Array(60) };
    const header = createNiftiHeader(volume);
    expect(encodeNiftiLabels(labels, header)).toEqual(encodeNiftiLabels(labels, header));
  });
});

describe('encodeNiftiImage', () => {
  test.each([1, 3])('a volume of %i channel(s) survives a new header', channels => {
    const volume = imageOf([5, 4, 3], channels);
    const back = decodeNifti(encodeNiftiImage(volume, createNiftiHeader(volume)), { path: 'x' }).volume;
    expect(back).toEqual(volume);
  });

  test('writes the byte order of the header it takes over', () => {
    const { header } = decodeNifti(fixture('int32-big.nii'), { path: 'x' });
    const volume = imageOf([4, 3, 2], 2);
    const written = decodeNifti(encodeNiftiImage(volume, header), { path: 'x' });
    expect(written.header.littleEndian).toBe(false);
    expect(written.volume.data).toEqual(volume.data);
  });

  test('an axis beyond 32,767 voxels becomes NIfTI-2', () => {
    const volume = imageOf([40000, 1, 1]);
    const { header, volume: back } = decodeNifti(encodeNiftiImage(volume, createNiftiHeader(volume)), { path: 'x' });
    expect(header.version).toBe(2);
    expect(back).toEqual(volume);
  });
});
