/**
 * Networks of planes in the words of networks of volumes: their layers are those of volumes, one voxel deep. What is
 * said of two axes of space gets a third before them. Networks that were trained on arrays with x before y, as nibabel
 * has them, also have the two axes exchanged, so that the graph sees y, x like everything else here.
 */
import type { Shape } from '../../core/shape.ts';
import { turned } from './call.ts';
import type { Settings } from './config.ts';

/** How planes are seen. */
export interface PlaneView {
  /** Whether the network sees x before y. */
  readonly isTurned: boolean;
}

const SIZES = ['kernel_size', 'strides', 'dilation_rate', 'pool_size', 'size'];
const MARGINS = ['cropping', 'padding'];
/** Axes of a plane, as Keras counts them: samples, first and second of space, channels. */
const CHANNELS = 3;

function ordered<T>(pair: readonly T[], { isTurned }: PlaneView): readonly T[] {
  return isTurned ? pair.toReversed() : pair;
}

function isPair(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length === 2;
}

/** Two sizes, or one for both, with 1 before them; anything else is left to whoever reads it. */
function sizesOf(value: unknown, view: PlaneView): unknown {
  if (typeof value === 'number') return [1, value, value];
  return isPair(value) ? [1, ...ordered(value, view)] : value;
}

function marginsOf(value: unknown, view: PlaneView): unknown {
  if (typeof value === 'number') return [0, value, value];
  return isPair(value) ? [0, ...ordered(value, view)] : value;
}

/** An axis of a plane as an axis of a volume; negative ones count from the end. */
function axisOf(axis: unknown, { isTurned }: PlaneView): unknown {
  if (typeof axis !== 'number' || axis === -1 || axis === 0) return axis;
  const place = axis < 0 ? axis + CHANNELS + 1 : axis;
  if (place === CHANNELS) return CHANNELS + 1;
  if (place === 1 || place === 2) return isTurned ? 4 - place : place + 1;
  return axis;
}

/** The settings of a layer of planes as those of a layer of volumes. */
export function settingsOfPlanes(settings: Settings, view: PlaneView): Settings {
  const changed = Object.entries(settings).map(([key, value]): readonly [string, unknown] => {
    if (SIZES.includes(key)) return [key, sizesOf(value, view)];
    if (MARGINS.includes(key) && typeof value !== 'string') return [key, marginsOf(value, view)];
    if (key === 'axis') return [key, Array.isArray(value) ? value.map(one => axisOf(one, view)) : axisOf(value, view)];
    // the third axis of space is as long as one voxel, shared or not
    if (key === 'shared_axes' && Array.isArray(value)) return [key, [1, ...value.map(one => axisOf(one, view))]];
    return [key, value];
  });
  return Object.fromEntries(changed);
}

/** The class of volumes that does what a class of planes does; the class itself if it is not of planes. */
export function classOfPlanes(className: string): string {
  return className.replace(/2D(?=$|Transpose$)/, '3D');
}

/**
 * Numbers of a layer of planes in the shape of a layer of volumes: kernels [1, y, x, ...] and slopes [1, y, x, C];
 * numbers by channel stay as they are.
 * @param take gives them in the shape of the file
 */
export function takeFromPlanes(
  take: (kind: string, shape: Shape) => Float32Array,
  { isTurned }: PlaneView,
): (kind: string, shape: Shape) => Float32Array {
  return (kind, shape) => {
    if (kind !== 'kernel' && kind !== 'alpha') return take(kind, shape);
    const [, height = 1, width = 1, ...rest] = shape;
    if (!isTurned) return take(kind, [height, width, ...rest]);
    const inFile = [width, height, ...rest];
    return turned(take(kind, inFile), inFile, [1, 0, ...rest.map((_, index) => index + 2)]).data;
  };
}
