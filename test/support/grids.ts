/** Grids that small volumes of tests lie on. */

/** A cube of four voxels of 1 mm a side. */
export const SMALL_CUBE = {
  sizeVoxels: [4, 4, 4],
  spacingMm: [1, 1, 1],
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
} as const;
