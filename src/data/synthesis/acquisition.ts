/**
 * The scan that an image might have been: its voxels, the thickness of its slices, and what both do to the image.
 *
 * A scan has the voxels of the map, voxels that are as coarse along all axes, or thick slices along one axis, the most
 * frequent case. Slices may be thinner than their distance, so that there are gaps: the thickness along an axis is
 * uniform from the size of the map's voxels to that of the scan's. The image is blurred by a Gaussian of
 * 0.75 min(voxel, thickness) (0.5 voxels of the map where the scan has its voxels), sampled at the voxels of the scan,
 * and interpolated linearly back to the map's grid. Sampling begins at the first voxel, so that nothing is shifted.
 * All of this is separable: along each axis it is one product by a band matrix.
 * Source: as settings.ts; SampleResolution, blurring_sigma_for_downsampling, DynamicGaussianBlur and MimicAcquisition
 * of SynthSeg's code. In a scan that is coarse along all axes its documentation has one size for all of them, as here;
 * its code draws them one by one.
 */
import { type Axis, mapAxes } from '../../core/axes.ts';
import type { Random } from '../../core/random.ts';
import type { Xyz } from '../../volume/volume.ts';
import type { SynthesisSettings } from './settings.ts';

/** A drawn scan. */
export interface Acquisition {
  /** Distance of the voxels along each axis. */
  readonly voxelMm: Xyz;
  /** Standard deviation of the blur, in voxels of the map. */
  readonly sigmaVoxels: Xyz;
}

/** Blur of a scan as a share of its voxels, and of one with the voxels of the map in these. */
const [BLUR, LEAST_BLUR] = [0.75, 0.5];
/** Factor by which the blur varies, either way. */
const BLUR_RANGE = 1.03;
/** Standard deviations beyond which a Gaussian is cut off. */
const REACH = 3;

/** Draws a scan of a map with these voxels. */
export function drawAcquisition(
  { coarseMm, thickMm, coarseProbability, fineProbability }: SynthesisSettings,
  spacingMm: Xyz,
  source: Random,
): Acquisition {
  const isFine = source.uniform() < fineProbability;
  const isCoarse = source.uniform() < coarseProbability;
  const thickAxis = source.integer(3);
  const [coarse, thick] = [source.uniform(), source.uniform()];
  const finest = Math.min(...spacingMm);
  const voxelMm = mapAxes(axis => {
    const own = spacingMm[axis];
    if (isFine) return own;
    if (isCoarse) return Math.max(own, finest + coarse * (coarseMm - finest));
    return axis === thickAxis && thickMm > own ? own + thick * (thickMm - own) : own;
  });
  const sigmaVoxels = mapAxes(axis => {
    const thickness = spacingMm[axis] + source.uniform() * (voxelMm[axis] - spacingMm[axis]);
    const factor = 1 / BLUR_RANGE + source.uniform() * (BLUR_RANGE - 1 / BLUR_RANGE);
    const sigma = voxelMm[axis] === spacingMm[axis] ? LEAST_BLUR : (BLUR * thickness) / spacingMm[axis];
    return sigma * factor;
  });
  return { voxelMm, sigmaVoxels };
}

/** A matrix of few entries per row that are side by side: row i has `width` weights from column `first[i]` on. */
interface Band {
  readonly first: Int32Array;
  readonly width: number;
  readonly weights: Float64Array;
}

/** Gaussian weights of sum 1. */
function gaussian(sigma: number): Float64Array {
  const radius = Math.max(1, Math.ceil(REACH * sigma));
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-0.5 * ((k - radius) / sigma) ** 2));
  const sum = weights.reduce((left, right) => left + right, 0);
  return weights.map(weight => weight / sum);
}

/**
 * The blurred values at positions of an axis, between two voxels by linear interpolation; beyond its ends the last
 * voxel is repeated.
 */
function sampling(length: number, positions: Float64Array, kernel: Float64Array): Band {
  const radius = (kernel.length - 1) / 2;
  const width = Math.min(length, kernel.length + 1);
  const first = new Int32Array(positions.length);
  const weights = new Float64Array(positions.length * width);
  for (let i = 0; i < positions.length; i++) {
    const before = Math.min(length - 1, Math.floor(positions[i]!));
    const share = positions[i]! - before;
    first[i] = Math.max(0, Math.min(length - width, before - radius));
    const add = (voxel: number, weight: number): void => {
      weights[i * width + Math.min(length - 1, Math.max(0, voxel)) - first[i]!]! += weight;
    };
    for (let k = 0; k < kernel.length; k++) {
      add(before + k - radius, (1 - share) * kernel[k]!);
      if (share > 0) add(before + 1 + k - radius, share * kernel[k]!);
    }
  }
  return { first, width, weights };
}

/** An array to read and one to write. */
interface Passage {
  readonly source: Float32Array;
  readonly target: Float32Array;
}

/** The row of a band that makes voxel i of an axis. */
interface BandRow {
  /** Index of the first value to read, and of the first to write. */
  readonly from: number;
  readonly to: number;
  /** Number of values side by side that are made together. */
  readonly inner: number;
  readonly weights: Float64Array;
}

/** One sum of neighbours along x. */
function sumAlong({ source, target }: Passage, { from, to, weights }: BandRow): void {
  let sum = 0;
  for (let k = 0; k < weights.length; k++) sum += weights[k]! * source[from + k]!;
  target[to] = sum;
}

/** Sums of neighbours along y or z, for all that lie side by side in memory at once. */
function sumAcross({ source, target }: Passage, { from, to, inner, weights }: BandRow): void {
  target.fill(0, to, to + inner);
  for (let k = 0; k < weights.length; k++) {
    const weight = weights[k]!;
    if (weight === 0) continue;
    const at = from + k * inner;
    for (let j = 0; j < inner; j++) target[to + j]! += weight * source[at + j]!;
  }
}

/** Applies a band to an axis. @returns the size of the result, which `target` holds then */
function applyBand(
  passage: Passage,
  { size, axis }: { readonly size: Xyz; readonly axis: Axis },
  { first, width, weights }: Band,
): Xyz {
  const [length, rows] = [size[axis], first.length];
  const inner = axis === 0 ? 1 : axis === 1 ? size[0] : size[0] * size[1];
  const outer = (size[0] * size[1] * size[2]) / (inner * length);
  const sum = axis === 0 ? sumAlong : sumAcross;
  const own = Array.from({ length: rows }, (_, i) => weights.subarray(i * width, (i + 1) * width));
  for (let block = 0; block < outer; block++) {
    for (let i = 0; i < rows; i++) {
      const from = (block * length + first[i]!) * inner;
      sum(passage, { from, to: (block * rows + i) * inner, inner, weights: own[i]! });
    }
  }
  return mapAxes(other => (other === axis ? rows : size[other]));
}

/** Memory for {@link acquire}: two arrays of the image's length. */
export interface AcquisitionMemory {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/**
 * Shows an image as a scan would have, in place.
 * @param image values, x fastest
 */
export function acquire(
  image: { readonly data: Float32Array; readonly size: Xyz; readonly spacingMm: Xyz },
  { voxelMm, sigmaVoxels }: Acquisition,
  { first, second }: AcquisitionMemory,
): void {
  let size = image.size;
  let [source, target, spare] = [image.data, first, second];
  const apply = (axis: Axis, band: Band): void => {
    size = applyBand({ source, target }, { size, axis }, band);
    [source, target, spare] = [target, spare, source];
  };
  const steps = mapAxes(axis => voxelMm[axis] / image.spacingMm[axis]);
  // the axis that loses most voxels first
  const order = ([0, 1, 2] as const).toSorted((left, right) => steps[right] - steps[left]);
  for (const axis of order) {
    const length = image.size[axis];
    if (length === 1) continue;
    const count = Math.max(1, Math.floor(length / steps[axis] + 1e-9));
    const step = length / count;
    apply(
      axis,
      sampling(
        length,
        Float64Array.from({ length: count }, (_, i) => i * step),
        gaussian(sigmaVoxels[axis]),
      ),
    );
  }
  for (const axis of order.toReversed()) {
    const [count, length] = [size[axis], image.size[axis]];
    if (count === length) continue;
    apply(
      axis,
      sampling(
        count,
        Float64Array.from({ length }, (_, i) => (i * count) / length),
        Float64Array.of(1),
      ),
    );
  }
  if (source !== image.data) image.data.set(source.subarray(0, image.data.length));
}
