/**
 * Resampling that treats a thick axis separately: splines within slices, and nearest or linear interpolation across
 * them, since a spline through distant slices would invent content between them. If no axis is thick, splines run along
 * all three. The result is cut to the range of the input, per slice or per volume. Voxel order is x, y, z, channel.
 * Source: nnunetv2 2.8.1, preprocessing/resampling/default_resampling.py.
 */

import { AXES, mapAxes } from '../core/axes.ts';
import { interpolateAxisEdge } from './edge-spline.ts';
import { type AxisView, interpolateAxis } from './linear.ts';
import { voxelCount, type Xyz } from './volume.ts';

/** Ratio of the largest to the smallest spacing from which an axis counts as thick. */
const ANISOTROPY = 3;

/** An axis of x, y, z. */
export type AxisIndex = 0 | 1 | 2;

/** The thickest axis; undefined if several are equally thick. */
function thickestAxis(spacingMm: Xyz): AxisIndex | undefined {
  const largest = Math.max(...spacingMm);
  const thickest = AXES.filter(axis => largest / spacingMm[axis] === 1);
  return thickest.length === 1 ? thickest[0] : undefined;
}

function isThick(spacingMm: Xyz): boolean {
  return Math.max(...spacingMm) / Math.min(...spacingMm) > ANISOTROPY;
}

/**
 * The axis that is treated separately between two grids; undefined if there is none.
 * @param separate whether the thickest axis is treated separately; null decides by the spacings, those before
 * resampling first
 */
export function axisApart(fromMm: Xyz, toMm: Xyz, separate: boolean | null): AxisIndex | undefined {
  if (separate === false) return undefined;
  if (separate === true || isThick(fromMm)) return thickestAxis(fromMm);
  return isThick(toMm) ? thickestAxis(toMm) : undefined;
}

/** Whole half numbers go to the even neighbour, as Python rounds. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Index of the nearest old voxel for each new one along an axis. */
export function nearestIndices(length: number, newLength: number): Int32Array {
  return Int32Array.from({ length: newLength }, (_, j) =>
    Math.min(length - 1, Math.max(0, Math.floor(((j + 0.5) * length) / newLength))),
  );
}

/** Each new voxel along an axis takes the nearest old one. */
export function nearestAxis(data: Float32Array, { outer, length, inner }: AxisView, newLength: number): Float32Array {
  const result = new Float32Array(outer * newLength * inner);
  const places = nearestIndices(length, newLength);
  for (let o = 0, to = 0; o < outer; o++) {
    for (const place of places) {
      const from = (o * length + place) * inner;
      result.set(data.subarray(from, from + inner), to);
      to += inner;
    }
  }
  return result;
}

/** An axis of a grid as a view on one channel. */
function viewOf(size: Xyz, axis: AxisIndex): AxisView {
  const inner = size.slice(0, axis).reduce((product, length) => product * length, 1);
  const outer = size.slice(axis + 1).reduce((product, length) => product * length, 1);
  return { outer, length: size[axis], inner };
}

/** Cuts each of the slices along an axis to the range of the same slice of another array. */
function clipSlices(data: Float32Array, view: AxisView, original: Float32Array, originalView: AxisView): void {
  const { length } = view;
  const low = new Float32Array(length).fill(Number.POSITIVE_INFINITY);
  const high = new Float32Array(length).fill(Number.NEGATIVE_INFINITY);
  const each = (size: number, { inner }: AxisView, see: (at: number, slice: number) => void): void => {
    for (let at = 0; at < size; at++) see(at, Math.floor(at / inner) % length);
  };
  each(original.length, originalView, (at, slice) => {
    const value = original[at]!;
    if (value < low[slice]!) low[slice] = value;
    if (value > high[slice]!) high[slice] = value;
  });
  each(data.length, view, (at, slice) => {
    data[at] = Math.min(high[slice]!, Math.max(low[slice]!, data[at]!));
  });
}

/** Settings of the resampling of an image. */
export interface ApartOptions {
  /** Order of the splines: 1 linear, 3 cubic. */
  readonly order: 1 | 3;
  /** Axis that is treated separately, if any. */
  readonly apart: AxisIndex | undefined;
  /** Interpolation along the separate axis: 0 nearest, 1 linear. */
  readonly orderAcross: 0 | 1;
}

function resampleChannel(
  data: Float32Array,
  from: Xyz,
  to: Xyz,
  { order, apart, orderAcross }: ApartOptions,
): Float32Array {
  const along = order === 3 ? interpolateAxisEdge : interpolateAxis;
  let [values, size] = [data, from];
  for (const axis of AXES) {
    if (axis === apart || to[axis] === size[axis]) continue;
    values = along(values, viewOf(size, axis), to[axis]);
    const before: Xyz = size;
    size = mapAxes(other => (other === axis ? to : before)[other]);
  }
  // a volume without a separate axis counts as one slice
  const slices = (of: Xyz): AxisView =>
    apart === undefined ? { outer: 1, length: 1, inner: voxelCount(of) } : viewOf(of, apart);
  if (order === 3 && values !== data) clipSlices(values, slices(size), data, slices(from));
  if (apart === undefined || size[apart] === to[apart]) return values;
  return (orderAcross === 0 ? nearestAxis : interpolateAxis)(values, viewOf(size, apart), to[apart]);
}

/**
 * Resamples an image to another number of voxels over the same box.
 * @param data [channels, z, y, x] of `from`
 * @returns [channels, z, y, x] of `to`; the data themselves if the sizes are equal
 */
export function resampleApart(data: Float32Array, from: Xyz, to: Xyz, options: ApartOptions): Float32Array {
  if (from.every((length, axis) => length === to[axis])) return data;
  const [voxels, newVoxels] = [voxelCount(from), voxelCount(to)];
  const channels = data.length / voxels;
  const result = new Float32Array(channels * newVoxels);
  for (let channel = 0; channel < channels; channel++) {
    const one = data.subarray(channel * voxels, (channel + 1) * voxels);
    result.set(resampleChannel(one, from, to, options), channel * newVoxels);
  }
  return result;
}
