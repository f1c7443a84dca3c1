/**
 * The surface of a structure as triangles: surface nets on its voxels, in millimetres of the patient (RAS). The surface
 * is closed and faces outwards; it encloses the volume of the voxels but for rounded corners. Source: Gibson,
 * Constrained elastic surface nets, MERL TR99-24.
 */
import { surfaceNets } from 'isosurface';
import { AXES, mapAxes } from '../core/axes.ts';
import { affineDeterminant } from '../volume/determinant.ts';
import type { LabelVolume, Xyz } from '../volume/volume.ts';

/** Triangles of a surface. */
export interface Surface {
  readonly name: string;
  /** Corners, RAS millimetres. */
  readonly corners: readonly Xyz[];
  /** Indices of corners, counter-clockwise as seen from outside. */
  readonly triangles: readonly Xyz[];
}

/** The smallest and largest voxel of a label value; undefined where there is none. */
function boxOf(
  { data, sizeVoxels }: LabelVolume,
  value: number,
): { readonly low: Xyz; readonly high: Xyz } | undefined {
  const [width, height] = sizeVoxels;
  const [low, high] = [
    [Infinity, Infinity, Infinity],
    [-Infinity, -Infinity, -Infinity],
  ] as [number[], number[]];
  for (let index = 0; index < data.length; index++) {
    if (data[index] !== value) continue;
    const place = [index % width, Math.floor(index / width) % height, Math.floor(index / (width * height))];
    for (const axis of AXES) {
      low[axis] = Math.min(low[axis]!, place[axis]!);
      high[axis] = Math.max(high[axis]!, place[axis]!);
    }
  }
  return high[0]! < 0 ? undefined : { low: mapAxes(axis => low[axis]!), high: mapAxes(axis => high[axis]!) };
}

/**
 * The surface of a structure.
 * @returns undefined where no voxel has the value
 */
export function surfaceOf(
  labels: LabelVolume,
  { value, name }: { readonly value: number; readonly name: string },
): Surface | undefined {
  const box = boxOf(labels, value);
  if (box === undefined) return undefined;
  const { data, sizeVoxels, affine } = labels;
  const [width, height] = sizeVoxels;
  const isInside = (place: Xyz): boolean =>
    AXES.every(axis => place[axis] >= 0 && place[axis] < sizeVoxels[axis]) &&
    data[(place[2] * height + place[1]) * width + place[0]] === value;
  // a voxel of air on every side, so that the surface closes at the border of the image too
  const low = mapAxes(axis => box.low[axis] - 1);
  const size = mapAxes(axis => box.high[axis] - box.low[axis] + 3);
  const { positions, cells } = surfaceNets(
    [...size],
    (x, y, z) => (isInside([Math.round(x), Math.round(y), Math.round(z)]) ? -1 : 1),
    [[...low], [...mapAxes(axis => low[axis] + size[axis])]],
  );
  const corners = positions.map(([x, y, z]) =>
    mapAxes(row => {
      const [a = 0, b = 0, c = 0, origin = 0] = affine.slice(row * 4, row * 4 + 4);
      return a * x + b * y + c * z + origin;
    }),
  );
  // axes that form a left hand turn a surface inside out
  const isMirrored = affineDeterminant(affine) < 0;
  return { name, corners, triangles: cells.map(([a, b, c]) => (isMirrored ? [a, c, b] : [a, b, c])) };
}
