/**
 * Cuts a patch out of a case, mirrored, turned, zoomed and deformed as drawn: one resampling straight from the case
 * around the centre of the patch, so that what turns into view is real anatomy. The positions of a row are worked out
 * once; every channel is interpolated linearly at them and the label takes the nearest voxel. Without anything to
 * resample it is a copy. Arrays are in file order, x fastest, one channel after the other.
 */
import type { Axis } from '../../core/axes.ts';
import { createLabelsLike, type LabelArray, type Xyz } from '../../volume/volume.ts';
import { cropInto, type PatchPadding, type PatchWindow } from '../patches.ts';
import { type Augmentation, NO_AUGMENTATION } from './augmentation.ts';
import { createDisplacement, type Row } from './elastic.ts';

/** A case as patches are cut from it. */
export interface PatchSource {
  /** Image, channels * voxels values. */
  readonly image: Float32Array;
  readonly label: LabelArray;
  readonly sizeVoxels: Xyz;
  readonly channels: number;
  /** Smallest value per channel, used by constant padding. */
  readonly minima: readonly number[];
}

/** Output of a patch: parts of a batch. */
export interface PatchTarget {
  /** Image, channels * patch voxels values. */
  readonly image: Float32Array;
  readonly label: Int32Array;
}

/** Position of the patch. */
export interface PatchCut {
  readonly window: PatchWindow;
  readonly padding: PatchPadding;
  readonly augmentation: Augmentation;
  /** Memory for what is cut out before it is resampled; new memory if not given. */
  readonly boxes?: BoxMemory;
}

/**
 * Memory that is used from patch to patch. Without it every patch leaves its boxes behind as garbage, which V8 collects
 * late in a thread that allocates little else: tens of megabytes lie around in a training.
 */
export interface BoxMemory {
  /** Memory for a channel of a box, with any content. */
  readonly image: (channel: number, voxels: number) => Float32Array;
  /** Memory for the labels of a box of this kind of array, with any content. */
  readonly labels: (like: LabelArray, voxels: number) => LabelArray;
}

/** Share by which memory grows beyond what is needed, since boxes vary with the angles. */
const SPARE = 1.1;

/** Creates memory for boxes; they are used one after another. */
export function createBoxMemory(): BoxMemory {
  const kept = new Map<string, Float32Array | LabelArray>();
  const take = <T extends Float32Array | LabelArray>(key: string, voxels: number, make: (length: number) => T): T => {
    let memory = kept.get(key) as T | undefined;
    if (memory === undefined || memory.length < voxels) {
      memory = make(Math.ceil(voxels * SPARE));
      kept.set(key, memory);
    }
    return memory.subarray(0, voxels) as T;
  };
  return {
    image: (channel, voxels) => take(`image ${channel}`, voxels, length => new Float32Array(length)),
    labels: (like, voxels) =>
      take(`labels of ${like.BYTES_PER_ELEMENT} bytes`, voxels, length => createLabelsLike(like, length)),
  };
}

/**
 * A patch's grid in the coordinates of a box around it: position = origin + x * steps[0] + y * steps[1] + z * steps[2].
 */
interface SamplingGrid {
  readonly origin: Xyz;
  readonly steps: readonly [Xyz, Xyz, Xyz];
}

const UNIT = [1, 0, 0, 0, 1, 0, 0, 0, 1] as const;

/** The sampling grid of a varied patch, and the box of case voxels that it needs, with a margin for interpolation. */
function samplingGrid({ window, augmentation }: PatchCut): { grid: SamplingGrid; box: PatchWindow } {
  const { matrix = UNIT, deformation, flip } = augmentation;
  const half = window.size.map(size => (size - 1) / 2);
  const step = (column: number): Xyz => {
    const sign = flip[column] ? -1 : 1;
    return [sign * matrix[column]!, sign * matrix[3 + column]!, sign * matrix[6 + column]!];
  };
  const steps = [step(0), step(1), step(2)] as const;
  const along = (axis: Axis) => {
    const centre = window.start[axis] + half[axis]!;
    const turned = steps.reduce((sum, one, column) => sum + Math.abs(one[axis]) * half[column]!, 0);
    const reach = turned + (deformation?.reachVoxels[axis] ?? 0);
    const start = Math.floor(centre - reach) - 1;
    const corner = steps.reduce((sum, one, column) => sum - one[axis] * half[column]!, centre);
    return { start, size: Math.ceil(centre + reach) + 2 - start, origin: corner - start };
  };
  const [x, y, z] = [along(0), along(1), along(2)];
  return {
    grid: { origin: [x.origin, y.origin, z.origin], steps },
    box: { start: [x.start, y.start, z.start], size: [x.size, y.size, z.size] },
  };
}

/** Output of a row of values. */
interface RowTarget<T> {
  readonly values: T;
  /** Index of the row's first value. */
  readonly start: number;
}

/** A part of the case. */
interface Box<T> {
  readonly data: T;
  readonly size: Xyz;
}

function linearRow({ values, start }: RowTarget<Float32Array>, { data, size }: Box<Float32Array>, row: Row): void {
  const [xs, ys, zs] = row;
  const strideY = size[0];
  const strideZ = size[0] * size[1];
  for (let k = 0; k < xs.length; k++) {
    const px = xs[k]!;
    const py = ys[k]!;
    const pz = zs[k]!;
    const ix = px | 0;
    const iy = py | 0;
    const iz = pz | 0;
    const wx = px - ix;
    const wy = py - iy;
    const wz = pz - iz;
    const i = iz * strideZ + iy * strideY + ix;
    const j = i + strideZ;
    const a = data[i]! + wx * (data[i + 1]! - data[i]!);
    const b = data[i + strideY]! + wx * (data[i + strideY + 1]! - data[i + strideY]!);
    const c = data[j]! + wx * (data[j + 1]! - data[j]!);
    const d = data[j + strideY]! + wx * (data[j + strideY + 1]! - data[j + strideY]!);
    const near = a + wy * (b - a);
    values[start + k] = near + wz * (c + wy * (d - c) - near);
  }
}

function nearestRow({ values, start }: RowTarget<Int32Array>, { data, size }: Box<LabelArray>, row: Row): void {
  const [xs, ys, zs] = row;
  const strideY = size[0];
  const strideZ = size[0] * size[1];
  for (let k = 0; k < xs.length; k++) {
    values[start + k] = data[((zs[k]! + 0.5) | 0) * strideZ + ((ys[k]! + 0.5) | 0) * strideY + ((xs[k]! + 0.5) | 0)]!;
  }
}

/** Calls `visit` with the positions of each row of the patch, in order. */
function forEachRow(
  { grid, size, deformation }: { grid: SamplingGrid; size: Xyz; deformation: Augmentation['deformation'] },
  visit: (row: Row, start: number) => void,
): void {
  const [width, height, depth] = size;
  const row: Row = [new Float64Array(width), new Float64Array(width), new Float64Array(width)];
  const displace = deformation === undefined ? undefined : createDisplacement(deformation, size);
  const [stepX, stepY, stepZ] = grid.steps;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let axis = 0; axis < 3; axis++) {
        const positions = row[axis]!;
        const first = grid.origin[axis]! + y * stepY[axis]! + z * stepZ[axis]!;
        for (let x = 0; x < width; x++) positions[x] = first + x * stepX[axis]!;
      }
      displace?.(row, y, z);
      visit(row, (z * height + y) * width);
    }
  }
}

/**
 * Cuts a patch of image and label out of a case, varied in space as drawn. Intensities are not varied.
 * @see changeIntensities
 */
export function cutPatch(target: PatchTarget, source: PatchSource, cut: PatchCut): void {
  const { window, padding, augmentation, boxes = createBoxMemory() } = cut;
  const { matrix, deformation, flip } = augmentation;
  const { sizeVoxels, channels, minima } = source;
  const voxels = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
  const patchVoxels = window.size[0] * window.size[1] * window.size[2];
  const channelOf = (channel: number) => ({
    data: source.image.subarray(channel * voxels, (channel + 1) * voxels),
    sizeVoxels,
  });
  const targets = Array.from({ length: channels }, (_, channel) =>
    target.image.subarray(channel * patchVoxels, (channel + 1) * patchVoxels),
  );
  const label = { data: source.label, sizeVoxels };
  if (matrix === undefined && deformation === undefined) {
    const options = { window, padding, flip };
    targets.forEach((values, channel) => {
      cropInto(values, channelOf(channel), { ...options, fill: minima[channel] ?? 0 });
    });
    cropInto(target.label, label, { ...options, fill: 0 });
    return;
  }
  const { grid, box } = samplingGrid(cut);
  const { size } = box;
  const boxVoxels = size[0] * size[1] * size[2];
  const options = { window: box, padding, flip: NO_AUGMENTATION.flip };
  const images = targets.map((_, channel) => {
    const data = boxes.image(channel, boxVoxels);
    cropInto(data, channelOf(channel), { ...options, fill: minima[channel] ?? 0 });
    return { data, size };
  });
  const labels = { data: boxes.labels(label.data, boxVoxels), size };
  cropInto(labels.data, label, { ...options, fill: 0 });
  forEachRow({ grid, size: window.size, deformation }, (row, start) => {
    images.forEach((image, channel) => {
      linearRow({ values: targets[channel]!, start }, image, row);
    });
    nearestRow({ values: target.label, start }, labels, row);
  });
}
