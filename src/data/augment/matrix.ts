/** Linear maps of space as 3x3 matrices, row-major. */
import type { Xyz } from '../../volume/volume.ts';

/** The product of two matrices. */
export function multiply(left: readonly number[], right: readonly number[]): number[] {
  return Array.from({ length: 9 }, (_, index) => {
    const [row, column] = [Math.floor(index / 3), index % 3];
    return [0, 1, 2].reduce((sum, k) => sum + left[row * 3 + k]! * right[k * 3 + column]!, 0);
  });
}

/** Rz Ry Rx, angles in radians. */
export function rotation([aboutX, aboutY, aboutZ]: Xyz): number[] {
  const [cx, sx, cy, sy] = [Math.cos(aboutX), Math.sin(aboutX), Math.cos(aboutY), Math.sin(aboutY)];
  const [cz, sz] = [Math.cos(aboutZ), Math.sin(aboutZ)];
  const x = [1, 0, 0, 0, cx, -sx, 0, sx, cx];
  const y = [cy, 0, sy, 0, 1, 0, -sy, 0, cy];
  const z = [cz, -sz, 0, sz, cz, 0, 0, 0, 1];
  return multiply(multiply(z, y), x);
}
