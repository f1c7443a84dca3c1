import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import {
  canonicalSliceIndices,
  labelsToCanonical,
  orientationCode,
  storedSliceIndices,
  toCanonical,
} from '../../../src/volume/orientation.ts';
import type { Volume } from '../../../src/volume/volume.ts';
import { STORAGES, storedAs } from '../../support/orientations.ts';

interface Golden {
  readonly affine: readonly number[];
  readonly code: string;
  readonly canonical: {
    readonly affine: readonly number[];
    readonly size: readonly number[];
    readonly values: readonly number[];
  };
}

/** Written by nibabel 5; see test/fixtures/make-orientation-goldens.py. */
const goldens: readonly Golden[] = JSON.parse(
  readFileSync(new URL('../../fixtures/orientation-goldens.json', import.meta.url), 'utf8'),
);

const canonical: Volume = {
  data: Float32Array.from({ length: 48 }, (_, index) => index),
  sizeVoxels: [2, 3, 4],
  channels: 2,
  spacingMm: [0.5, 1, 2],
  affine: [0.5, 0, 0, -7, 0, 1, 0, 5, 0, 0, 2, 3, 0, 0, 0, 1],
};

test.each(goldens.map(golden => [golden.code, golden] as const))('reads the axes %s as nibabel does', (_, golden) => {
  const volume: Volume = {
    data: Float32Array.from({ length: 24 }, (_unused, index) => index),
    sizeVoxels: [2, 3, 4],
    channels: 1,
    spacingMm: [0.7, 1.1, 2.5],
    affine: golden.affine,
  };
  expect(orientationCode(golden.affine)).toBe(golden.code);
  const turned = toCanonical(volume);
  expect(turned.sizeVoxels).toEqual(golden.canonical.size);
  expect([...turned.data]).toEqual(golden.canonical.values);
  golden.canonical.affine.forEach((value, index) => {
    expect(turned.affine[index]).toBeCloseTo(value, 10);
  });
});

describe('all 48 ways to store a volume', () => {
  it.each(STORAGES)('%o turn into the same canonical volume, and back voxel by voxel', storage => {
    const stored = storedAs(canonical, storage);
    const turned = toCanonical(stored);
    expect(turned).toEqual(canonical);

    const labels = { ...stored, data: Uint8Array.from(stored.data.subarray(0, 24)) };
    const turnedLabels = labelsToCanonical(labels, stored);
    expect([...turnedLabels.data]).toEqual([...canonical.data.subarray(0, 24)]);

    const indices = canonicalSliceIndices(stored);
    const back = new Float32Array(24);
    for (let z = 0; z < 4; z++) {
      indices(z).forEach((place, index) => {
        back[place] = turned.data[z * 6 + index]!;
      });
    }
    expect(back).toEqual(stored.data.subarray(0, 24));
  });

  it('are 48', () => {
    const codes = new Set(STORAGES.map(storage => orientationCode(storedAs(canonical, storage).affine)));
    expect(codes.size).toBe(48);
  });
});

it('gives a volume in canonical axes back as it is', () => {
  expect(toCanonical(canonical)).toBe(canonical);
});

it('turns a single slice like any volume', () => {
  const slice: Volume = { ...canonical, sizeVoxels: [2, 3, 1], channels: 1, data: canonical.data.subarray(0, 6) };
  for (const storage of STORAGES) expect(toCanonical(storedAs(slice, storage))).toEqual(slice);
});

it('numbers the voxels of stored slices one after the other', () => {
  const indices = storedSliceIndices(canonical);
  expect([...indices(2)]).toEqual([12, 13, 14, 15, 16, 17]);
});

it('turns labels as their image, whichever side of a tie between axes the rounding of their own affine is on', () => {
  // turned by 45 degrees about z: which stored axis runs right is decided by the last digit
  const turned = (degrees: number): number[] => {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    return [c, -s, 0, 0, s, c, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  };
  const image: Volume = {
    data: Float32Array.from({ length: 24 }, (_, index) => index),
    sizeVoxels: [2, 3, 4],
    channels: 1,
    spacingMm: [1, 1, 1],
    affine: turned(45.001),
  };
  const labels = { ...image, affine: turned(44.999), data: Uint8Array.from(image.data) };
  expect(orientationCode(image.affine)).not.toBe(orientationCode(labels.affine));
  const [turnedImage, turnedLabels] = [toCanonical(image), labelsToCanonical(labels, image)];
  expect(turnedLabels.sizeVoxels).toEqual(turnedImage.sizeVoxels);
  expect([...turnedLabels.data]).toEqual([...turnedImage.data]);
});
