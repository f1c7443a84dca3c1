import { describe, expect, it } from 'vitest';
import { assertSameGrid, type PlacedGrid } from '../../../src/volume/same-grid.ts';

const image: PlacedGrid = {
  path: 'image.nii.gz',
  sizeVoxels: [101, 51, 11],
  spacingMm: [1, 2, 0.5],
  affine: [1, 0, 0, 10, 0, 2, 0, -20, 0, 0, 0.5, 30, 0, 0, 0, 1],
};
const label = (at: number, value: number): PlacedGrid => ({
  ...image,
  path: 'label.nii.gz',
  affine: image.affine.with(at, value),
});

describe('assertSameGrid', () => {
  it('says nothing of equal grids and of rounding to float32', () => {
    expect(assertSameGrid(image, label(3, 10))).toEqual([]);
    expect(
      assertSameGrid(image, { ...image, affine: image.affine.map(value => Math.fround(value * 1.0000001)) }),
    ).toEqual([]);
  });

  it('warns of a small shift with its size', () => {
    const [warning] = assertSameGrid(image, label(3, 10.02));
    expect(warning).toMatchObject({ code: 'W_GEOMETRY_ROUNDING' });
    expect(warning?.message).toMatch(/label\.nii\.gz and image\.nii\.gz are up to 0\.02 mm apart/);
  });

  it('measures at the far corner: a slope adds up over 100 voxels', () => {
    // 0.0004 mm per voxel over 100 voxels are 0.04 mm, 0.001 are 0.1 mm, of an edge of 0.5 mm
    expect(assertSameGrid(image, label(0, 1.0004))).toMatchObject([{ code: 'W_GEOMETRY_ROUNDING' }]);
    expect(() => assertSameGrid(image, label(0, 1.001))).toThrow(/are up to 0\.1 mm apart: their affines differ/);
  });

  it.each([
    ['a mirrored axis', label(0, -1)],
    ['another origin', label(3, 0)],
    ['no affine at all', { ...label(3, 0), affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] }],
  ])('refuses %s', (_, other) => {
    expect(() => assertSameGrid(image, other)).toThrow(expect.objectContaining({ code: 'E_GEOMETRY_MISMATCH' }));
  });

  it('refuses another number of voxels first', () => {
    const other = { ...label(3, 0), sizeVoxels: [101, 51, 12] } as const;
    expect(() => assertSameGrid(image, other)).toThrow(expect.objectContaining({ code: 'E_SHAPE_MISMATCH' }));
  });
});
