import { describe, expect, test } from 'vitest';
import { boxAround, boxOfCrop, cropped, croppedVolume, nonzeroBox, nonzeroMask } from '../../../src/volume/nonzero.ts';

const SIZE = [5, 4, 3] as const;

/** A volume of zeros with ones where the function says so. */
function volumeOf(isOne: (x: number, y: number, z: number) => boolean): Float32Array {
  const [width, height, depth] = SIZE;
  return Float32Array.from({ length: width * height * depth }, (_, voxel) =>
    isOne(voxel % width, Math.floor(voxel / width) % height, Math.floor(voxel / (width * height))) ? 1 : 0,
  );
}

describe('nonzeroMask', () => {
  test('fills a hole that no way from face to face leads out of, and leaves a bay open', () => {
    const isShell = (x: number, y: number, z: number): boolean => x < 3 && y < 3 && !(x === 1 && y === 1 && z === 1);
    const data = volumeOf(isShell);
    const mask = nonzeroMask({ data, channels: 1, sizeVoxels: SIZE });
    expect(mask.reduce((sum, value) => sum + value, 0)).toBe(27);
    const open = nonzeroMask({
      data: volumeOf((x, y, z) => isShell(x, y, z) && !(x === 1 && y === 1)),
      channels: 1,
      sizeVoxels: SIZE,
    });
    expect(open.reduce((sum, value) => sum + value, 0)).toBe(24);
    // a diagonal is no way out
    const diagonal = nonzeroMask({
      data: volumeOf((x, y, z) => isShell(x, y, z) && !(x === 0 && y === 0 && z === 1)),
      channels: 1,
      sizeVoxels: SIZE,
    });
    expect(diagonal.reduce((sum, value) => sum + value, 0)).toBe(26);
  });

  test('sees every channel, and negative voxels', () => {
    const first = volumeOf((x, y, z) => x === 1 && y === 1 && z === 1);
    const second = volumeOf((x, y, z) => x === 4 && y === 3 && z === 1).map(value => -value);
    const mask = nonzeroMask({ data: Float32Array.of(...first, ...second), channels: 2, sizeVoxels: SIZE });
    expect(boxAround(mask, SIZE)).toEqual({ start: [1, 1, 1], size: [4, 3, 1] });
  });
});

describe('boxAround and cropped', () => {
  test('cut out what is there, and all where nothing is', () => {
    expect(boxAround(new Uint8Array(60), SIZE)).toEqual({ start: [0, 0, 0], size: [5, 4, 3] });
    const data = Float32Array.from({ length: 120 }, (_, index) => index);
    expect([...cropped(data, SIZE, { start: [3, 1, 2], size: [2, 2, 1] })]).toEqual([
      48, 49, 53, 54, 108, 109, 113, 114,
    ]);
    expect(cropped(data, SIZE, { start: [0, 0, 0], size: SIZE })).toBe(data);
  });
});

describe('a crop', () => {
  const at = (value: number): Float32Array =>
    volumeOf((x, y, z) => x === 2 && y === 1 && z === 1).map((is, voxel) => (is === 1 ? 7 : voxel === 0 ? value : 0));

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'takes %s around the body for 0',
    value => {
      const volume = { data: at(value), channels: 1, sizeVoxels: SIZE };
      expect(nonzeroBox(volume)).toEqual({ start: [2, 1, 1], size: [1, 1, 1] });
      expect(nonzeroMask(volume)[0]).toBe(0);
      expect(nonzeroBox({ ...volume, data: at(-1) })).toEqual({ start: [0, 0, 0], size: [3, 2, 2] });
    },
  );

  test('is the whole grid without one, and where nothing is left', () => {
    const whole = { start: [0, 0, 0], size: SIZE };
    expect(boxOfCrop({ data: at(0), channels: 1, sizeVoxels: SIZE }, 'none')).toEqual(whole);
    expect(boxOfCrop({ data: new Float32Array(60), channels: 1, sizeVoxels: SIZE }, 'nonzero')).toEqual(whole);
    expect(
      boxOfCrop({ data: new Float32Array(60).fill(Number.NaN), channels: 1, sizeVoxels: SIZE }, 'nonzero'),
    ).toEqual(whole);
  });

  test('leaves every voxel at its place in the world', () => {
    const affine = [0, -2, 0, 10, 1, 0, 0, 20, 0, 0, 3, 30, 0, 0, 0, 1];
    const volume = { data: at(0), channels: 1, sizeVoxels: SIZE, spacingMm: [1, 2, 3], affine } as const;
    const kept = croppedVolume(volume, { start: [2, 1, 1], size: [3, 2, 1] });
    expect(kept).toMatchObject({ sizeVoxels: [3, 2, 1], spacingMm: [1, 2, 3], channels: 1 });
    expect([...kept.data]).toEqual([7, 0, 0, 0, 0, 0]);
    // voxel 2, 1, 1 is at x = 10 - 2 y, y = 20 + x, z = 30 + 3 z
    expect(kept.affine).toEqual([0, -2, 0, 8, 1, 0, 0, 22, 0, 0, 3, 33, 0, 0, 0, 1]);
    expect(croppedVolume(volume, { start: [0, 0, 0], size: SIZE })).toBe(volume);
  });
});
