/**
 * The slowly varying factor that coils lay over an MR image: b(x) = exp(f(x)), where f is interpolated linearly
 * between normal numbers at points some centimetres apart.
 * Source: as settings.ts; BiasFieldCorruption of SynthSeg's code.
 */
import { type Axis, mapAxes } from '../../core/axes.ts';
import type { Random } from '../../core/random.ts';
import type { Xyz } from '../../volume/volume.ts';
import type { SynthesisSettings } from './settings.ts';

/** A field: its logarithm at a coarse grid. */
export interface BiasField {
  /** Points along each axis; the outer ones lie at the outer voxels. */
  readonly points: Xyz;
  /** x fastest. */
  readonly logarithm: Float64Array;
}

/**
 * Draws a field; its deviation is uniform in 0 to `biasField`.
 * @returns undefined with probability 1 - biasProbability
 */
export function drawBiasField(
  { biasField, biasSpacingMm, biasProbability }: SynthesisSettings,
  { size, spacingMm }: { readonly size: Xyz; readonly spacingMm: Xyz },
  source: Random,
): BiasField | undefined {
  const happens = source.uniform() < biasProbability;
  const deviation = source.uniform() * biasField;
  if (!happens || deviation === 0) return undefined;
  const points = mapAxes(axis => Math.max(2, Math.ceil((size[axis] * spacingMm[axis]) / biasSpacingMm)));
  const count = points[0] * points[1] * points[2];
  return { points, logarithm: Float64Array.from({ length: count }, () => deviation * source.normal()) };
}

/** Where the voxels of an axis lie between the points: the point before, and the share of the next. */
function between(length: number, points: number): { readonly first: Int32Array; readonly share: Float64Array } {
  const first = new Int32Array(length);
  const share = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const position = length === 1 ? 0 : (i * (points - 1)) / (length - 1);
    first[i] = Math.min(points - 2, Math.floor(position));
    share[i] = position - first[i]!;
  }
  return { first, share };
}

/**
 * Returns a function that writes the field of a row of voxels.
 * @returns a function of the row to write, its y and its z
 */
export function createBiasRows(
  { points, logarithm }: BiasField,
  size: Xyz,
): (row: Float64Array, y: number, z: number) => void {
  const along = (axis: Axis) => between(size[axis], points[axis]);
  const [x, y, z] = [along(0), along(1), along(2)];
  const [columns, rows] = points;
  const line = new Float64Array(columns);
  return (row, atY, atZ) => {
    const [shareY, shareZ] = [y.share[atY]!, z.share[atZ]!];
    const from = (z.first[atZ]! * rows + y.first[atY]!) * columns;
    const [up, deep] = [columns, rows * columns];
    for (let i = 0; i < columns; i++) {
      const k = from + i;
      const near = logarithm[k]! + shareY * (logarithm[k + up]! - logarithm[k]!);
      const far = logarithm[k + deep]! + shareY * (logarithm[k + up + deep]! - logarithm[k + deep]!);
      line[i] = near + shareZ * (far - near);
    }
    for (let i = 0; i < row.length; i++) {
      const k = x.first[i]!;
      row[i] = Math.exp(line[k]! + x.share[i]! * (line[k + 1]! - line[k]!));
    }
  };
}
