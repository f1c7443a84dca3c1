/** Determinant of a 3x3 matrix: 0 where its axes span no volume, negative where they form a left hand. */

/** @param matrix nine numbers, row-major */
export function determinant(matrix: readonly number[]): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = matrix;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** That of the axes of an affine (3x4 or 4x4, row-major), which have the length of a voxel. */
export function affineDeterminant(affine: readonly number[]): number {
  return determinant([0, 4, 8].flatMap(row => affine.slice(row, row + 3)));
}
