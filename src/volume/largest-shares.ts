/**
 * Labels on another grid over the same box: each new voxel takes the label with the largest share by linear
 * interpolation. Shares are the very numbers that interpolating an image of each label gives, axis after axis in single
 * precision, but only the up to eight labels around a voxel are looked at, and most voxels have one.
 */
import { type Axis, mapAxes } from '../core/axes.ts';
import { samplePosition } from './linear.ts';
import { createLabelsLike, type LabelArray, type LabelVolume, voxelCount, type Xyz } from './volume.ts';

/** Where the voxels of an axis lie among the old ones. */
interface AxisPositions {
  readonly lower: Int32Array;
  readonly weight: Float64Array;
}

function positionsOf(length: number, newLength: number): AxisPositions {
  const lower = new Int32Array(newLength);
  const weight = new Float64Array(newLength);
  for (let j = 0; j < newLength; j++) {
    const position = length === newLength ? { lower: j, weight: 0 } : samplePosition(j, length, newLength);
    lower[j] = position.lower;
    weight[j] = position.weight;
  }
  return { lower, weight };
}

/** One step of linear interpolation, rounded as a stored value. */
function between(low: number, high: number, weight: number): number {
  return Math.fround(low + weight * (high - low));
}

/** The share of a label among eight corners, x fastest. */
function shareOf(label: number, corners: Uint16Array, weights: Float64Array): number {
  const along = (k: number): number =>
    between(corners[k] === label ? 1 : 0, corners[k + 1] === label ? 1 : 0, weights[0]!);
  const near = between(along(0), along(2), weights[1]!);
  return between(near, between(along(4), along(6), weights[1]!), weights[2]!);
}

/** The label with the largest share, the lower one of two equal ones. */
function largestOf(corners: Uint16Array, weights: Float64Array): number {
  let [best, most] = [0, 0];
  for (let k = 0; k < 8; k++) {
    const label = corners[k]!;
    if (label === best && most > 0) continue;
    const share = shareOf(label, corners, weights);
    if (share > most || (share === most && label < best)) [best, most] = [label, share];
  }
  return best;
}

/** Distances in memory from the first corner to the next along each axis; 0 where a position is that of a voxel. */
type Steps = readonly [x: number, y: number, z: number];

/** Reads the labels of the eight corners. @returns whether all are one */
function readCorners(labels: LabelArray, place: number, [stepX, stepY, stepZ]: Steps, corners: Uint16Array): boolean {
  const first = labels[place]!;
  let isOne = true;
  for (let k = 0; k < 8; k++) {
    const label = labels[place + (k & 1) * stepX + ((k >> 1) & 1) * stepY + (k >> 2) * stepZ]!;
    corners[k] = label;
    isOne &&= label === first;
  }
  return isOne;
}

/**
 * Resamples labels to a number of voxels over the same box, linearly.
 * @returns an array like that of the labels
 */
export function largestShares(labels: LabelVolume, sizeVoxels: Xyz): LabelArray {
  const [width, height] = labels.sizeVoxels;
  const along = mapAxes(axis => positionsOf(labels.sizeVoxels[axis], sizeVoxels[axis]));
  const data = createLabelsLike(labels.data, voxelCount(sizeVoxels));
  const corners = new Uint16Array(8);
  const weights = new Float64Array(3);
  const step = (axis: Axis, voxel: number, distance: number): number => {
    weights[axis] = along[axis].weight[voxel]!;
    return weights[axis] > 0 ? distance : 0;
  };
  let to = 0;
  for (let z = 0; z < sizeVoxels[2]; z++) {
    const stepZ = step(2, z, width * height);
    for (let y = 0; y < sizeVoxels[1]; y++) {
      const stepY = step(1, y, width);
      const row = (along[2].lower[z]! * height + along[1].lower[y]!) * width;
      for (let x = 0; x < sizeVoxels[0]; x++) {
        const steps: Steps = [step(0, x, 1), stepY, stepZ];
        const isOne = readCorners(labels.data, row + along[0].lower[x]!, steps, corners);
        data[to++] = isOne ? corners[0]! : largestOf(corners, weights);
      }
    }
  }
  return data;
}
