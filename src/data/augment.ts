/**
 * Random variations of training patches. Mirroring, rotation and zoom are one resampling (linear for the image, nearest for the label)
 * straight from the case around the centre of the patch, so that what turns into view is real anatomy; without rotation and zoom it
 * is a copy. Intensities follow: noise, brightness, contrast, gamma, in nnU-Net's order. All of it follows from the random source.
 * Source: Isensee et al., nnU-Net, arXiv:1904.08128, supplementary note on data augmentation.
 */
import type { Random } from '../core/random.ts';
import type { Xyz } from '../volume/volume.ts';
import { cropInto, type Padding, type PatchWindow } from './patches.ts';

/** What may vary; a range of [1, 1] or a 0 switches that part off. */
export interface AugmentSettings {
  /** Axes that are mirrored with probability 1/2. */
  readonly flip: readonly ('x' | 'y' | 'z')[];
  /** Largest rotation about each axis, in degrees; uniform in [-r, r]. */
  readonly rotateDegrees: number;
  /** Range of the zoom, above 1 magnifies; uniform in its logarithm. */
  readonly scale: readonly [number, number];
  /** Largest standard deviation of Gaussian noise, in normalised intensity; uniform in [0, noise]. */
  readonly noise: number;
  /** Range of the exponent, on the range of the patch; uniform in its logarithm. */
  readonly gamma: readonly [number, number];
  /** Largest shift, in normalised intensity; uniform in [-b, b]. None if not given. */
  readonly brightness?: number;
  /** Range of the factor on the difference from the mean; uniform in its logarithm. None if not given. */
  readonly contrast?: readonly [number, number];
}

/** What was drawn for one patch. */
export interface Augmentation {
  readonly flip: readonly [boolean, boolean, boolean];
  /** 3x3, row-major: offset from the patch's centre to offset in the case, both in voxels; undefined where nothing is resampled. */
  readonly matrix: readonly number[] | undefined;
  readonly noise: number;
  readonly brightness: number;
  readonly contrast: number;
  readonly gamma: number;
}

/** A patch as it is. */
export const NO_AUGMENTATION: Augmentation = {
  flip: [false, false, false],
  matrix: undefined,
  noise: 0,
  brightness: 0,
  contrast: 1,
  gamma: 1,
};

function logUniform([low, high]: readonly [number, number], source: Random): number {
  const position = source.uniform();
  return low === high ? low : low * (high / low) ** position;
}

function multiply(left: readonly number[], right: readonly number[]): number[] {
  return Array.from({ length: 9 }, (_, index) => {
    const [row, column] = [Math.floor(index / 3), index % 3];
    return [0, 1, 2].reduce((sum, k) => sum + left[row * 3 + k]! * right[k * 3 + column]!, 0);
  });
}

/** Rz Ry Rx, angles in radians. */
function rotation([aboutX, aboutY, aboutZ]: Xyz): number[] {
  const [cx, sx, cy, sy] = [Math.cos(aboutX), Math.sin(aboutX), Math.cos(aboutY), Math.sin(aboutY)];
  const [cz, sz] = [Math.cos(aboutZ), Math.sin(aboutZ)];
  const x = [1, 0, 0, 0, cx, -sx, 0, sx, cx];
  const y = [cy, 0, sy, 0, 1, 0, -sy, 0, cy];
  const z = [cz, -sz, 0, sz, cz, 0, 0, 0, 1];
  return multiply(multiply(z, y), x);
}

/**
 * Draws the variations of one patch. The number of draws does not depend on the settings' values.
 * @param spacingMm of the case: rotations are rotations in millimetres
 */
export function drawAugmentation(settings: AugmentSettings, spacingMm: Xyz, source: Random): Augmentation {
  const { flip, rotateDegrees, scale, noise, gamma, brightness = 0, contrast = [1, 1] } = settings;
  const mirrored = (axis: 'x' | 'y' | 'z'): boolean => source.uniform() < 0.5 && flip.includes(axis);
  const angle = (): number => ((source.uniform() * 2 - 1) * rotateDegrees * Math.PI) / 180;
  const flips = [mirrored('x'), mirrored('y'), mirrored('z')] as const;
  const angles: Xyz = [angle(), angle(), angle()];
  const zoom = logUniform(scale, source);
  const drawn = {
    noise: source.uniform() * noise,
    brightness: (source.uniform() * 2 - 1) * brightness,
    contrast: logUniform(contrast, source),
    gamma: logUniform(gamma, source),
  };
  if (rotateDegrees === 0 && zoom === 1) return { flip: flips, matrix: undefined, ...drawn };
  const matrix = rotation(angles).map((value, index) => {
    const [row, column] = [Math.floor(index / 3), index % 3];
    return (value * spacingMm[column]!) / (spacingMm[row]! * zoom);
  });
  return { flip: flips, matrix, ...drawn };
}

/** A case as patches are cut from it. */
export interface PatchSource {
  /** channels * voxels. */
  readonly image: Float32Array;
  readonly label: Uint8Array;
  readonly sizeVoxels: Xyz;
  readonly channels: number;
  /** Smallest value per channel: what constant padding shows. */
  readonly minima: readonly number[];
}

/** Where a patch is written: parts of a batch. */
export interface PatchTarget {
  /** channels * patch voxels. */
  readonly image: Float32Array;
  readonly label: Int32Array;
}

/** Which patch. */
export interface PatchCut {
  readonly window: PatchWindow;
  readonly padding: Padding;
  readonly augmentation: Augmentation;
}

/** A patch's grid in the coordinates of a box around it: position = origin + x * stepX + y * stepY + z * stepZ. */
interface SamplingGrid {
  readonly size: Xyz;
  readonly origin: Xyz;
  readonly steps: readonly [Xyz, Xyz, Xyz];
}

/** The sampling grid of a turned patch, and the box of case voxels that it needs, with a margin for interpolation. */
function turnedGrid(
  { window, augmentation }: PatchCut,
  matrix: readonly number[],
): { grid: SamplingGrid; box: PatchWindow } {
  const half = window.size.map(size => (size - 1) / 2);
  const step = (column: number): Xyz => {
    const sign = augmentation.flip[column] ? -1 : 1;
    return [sign * matrix[column]!, sign * matrix[3 + column]!, sign * matrix[6 + column]!];
  };
  const steps = [step(0), step(1), step(2)] as const;
  const along = (axis: 0 | 1 | 2) => {
    const centre = window.start[axis] + half[axis]!;
    const reach = steps.reduce((sum, one, column) => sum + Math.abs(one[axis]) * half[column]!, 0);
    const start = Math.floor(centre - reach) - 1;
    const corner = steps.reduce((sum, one, column) => sum - one[axis] * half[column]!, centre);
    return { start, size: Math.ceil(centre + reach) + 2 - start, origin: corner - start };
  };
  const [x, y, z] = [along(0), along(1), along(2)];
  return {
    grid: { size: window.size, origin: [x.origin, y.origin, z.origin], steps },
    box: { start: [x.start, y.start, z.start], size: [x.size, y.size, z.size] },
  };
}

interface Box<T> {
  readonly data: T;
  readonly size: Xyz;
}

function sampleLinear(
  target: Float32Array,
  { data, size }: Box<Float32Array>,
  { size: patch, origin, steps }: SamplingGrid,
) {
  const strideY = size[0];
  const strideZ = size[0] * size[1];
  const [[dx, dy, dz], stepY, stepZ] = steps;
  let to = 0;
  for (let z = 0; z < patch[2]; z++) {
    for (let y = 0; y < patch[1]; y++) {
      const rowX = origin[0] + y * stepY[0] + z * stepZ[0];
      const rowY = origin[1] + y * stepY[1] + z * stepZ[1];
      const rowZ = origin[2] + y * stepY[2] + z * stepZ[2];
      for (let x = 0; x < patch[0]; x++) {
        const px = rowX + x * dx;
        const py = rowY + x * dy;
        const pz = rowZ + x * dz;
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
        target[to++] = near + wz * (c + wy * (d - c) - near);
      }
    }
  }
}

function sampleNearest(
  target: Int32Array,
  { data, size }: Box<Uint8Array>,
  { size: patch, origin, steps }: SamplingGrid,
) {
  const strideY = size[0];
  const strideZ = size[0] * size[1];
  const [[dx, dy, dz], stepY, stepZ] = steps;
  let to = 0;
  for (let z = 0; z < patch[2]; z++) {
    for (let y = 0; y < patch[1]; y++) {
      const rowX = origin[0] + y * stepY[0] + z * stepZ[0] + 0.5;
      const rowY = origin[1] + y * stepY[1] + z * stepZ[1] + 0.5;
      const rowZ = origin[2] + y * stepY[2] + z * stepZ[2] + 0.5;
      for (let x = 0; x < patch[0]; x++) {
        target[to++] = data[((rowZ + x * dz) | 0) * strideZ + ((rowY + x * dy) | 0) * strideY + ((rowX + x * dx) | 0)]!;
      }
    }
  }
}

/**
 * Cuts a patch of image and label out of a case, mirrored, turned and zoomed as drawn. Intensities stay as they are.
 * @see changeIntensities
 */
export function cutPatch(target: PatchTarget, source: PatchSource, cut: PatchCut): void {
  const { window, padding, augmentation } = cut;
  const { matrix, flip } = augmentation;
  const { sizeVoxels, channels, minima } = source;
  const voxels = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
  const patchVoxels = window.size[0] * window.size[1] * window.size[2];
  const channelOf = (channel: number) => source.image.subarray(channel * voxels, (channel + 1) * voxels);
  const targetOf = (channel: number) => target.image.subarray(channel * patchVoxels, (channel + 1) * patchVoxels);
  if (matrix === undefined) {
    for (let channel = 0; channel < channels; channel++) {
      const fill = minima[channel] ?? 0;
      cropInto(targetOf(channel), { data: channelOf(channel), sizeVoxels }, { window, padding, fill, flip });
    }
    cropInto(target.label, { data: source.label, sizeVoxels }, { window, padding, fill: 0, flip });
    return;
  }
  const { grid, box } = turnedGrid(cut, matrix);
  const boxVoxels = box.size[0] * box.size[1] * box.size[2];
  const options = { window: box, padding, flip: NO_AUGMENTATION.flip };
  const data = new Float32Array(boxVoxels);
  for (let channel = 0; channel < channels; channel++) {
    cropInto(data, { data: channelOf(channel), sizeVoxels }, { ...options, fill: minima[channel] ?? 0 });
    sampleLinear(targetOf(channel), { data, size: box.size }, grid);
  }
  const labels = new Uint8Array(boxVoxels);
  cropInto(labels, { data: source.label, sizeVoxels }, { ...options, fill: 0 });
  sampleNearest(target.label, { data: labels, size: box.size }, grid);
}

/** Adds normal noise; both numbers of each Box-Muller pair are used. */
function addNoise(data: Float32Array, deviation: number, source: Random): void {
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - source.uniform()));
    const angle = 2 * Math.PI * source.uniform();
    data[i]! += radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1]! += radius * Math.sin(angle);
  }
}

function changeContrast(data: Float32Array, factor: number, shift: number): void {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]!;
  const mean = sum / data.length;
  for (let i = 0; i < data.length; i++) data[i] = (data[i]! - mean) * factor + mean + shift;
}

/** v -> min + (max - min) * ((v - min) / (max - min)) ** gamma */
function changeGamma(data: Float32Array, gamma: number): void {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    if (data[i]! < min) min = data[i]!;
    if (data[i]! > max) max = data[i]!;
  }
  const range = max - min;
  if (!(range > 0)) return;
  for (let i = 0; i < data.length; i++) data[i] = min + range * ((data[i]! - min) / range) ** gamma;
}

/**
 * Applies the drawn noise, brightness, contrast and gamma to one channel of a patch, in place.
 * @param source for the noise
 */
export function changeIntensities(channel: Float32Array, drawn: Augmentation, source: Random): void {
  const { noise, brightness, contrast, gamma } = drawn;
  if (noise > 0) addNoise(channel, noise, source);
  if (contrast !== 1 || brightness !== 0) changeContrast(channel, contrast, brightness);
  if (gamma !== 1) changeGamma(channel, gamma);
}
