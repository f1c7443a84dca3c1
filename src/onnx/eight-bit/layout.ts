/**
 * The folded layout of the 8-bit form: channels last, and `pack` neighbouring planes side by side on the channel axis,
 * so that few channels fill the 16 lanes of an 8-bit kernel. An image [N, C, D, H, W] is
 *   [N groups, H, W, lanes], lane = slot C + channel, groups = D / pack, lanes = pack C.
 * Real numbers have the same memory as rows, [N, groups H, W lanes], over which moments and scales run fast. The batch
 * N is free: the first axis of every view is left to the runtime.
 */
import type { Triple } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';

/** Sizes of a folded image. */
export interface Folded {
  readonly batch: number;
  readonly channels: number;
  /** Size [D, H, W]. */
  readonly size: Triple;
  /** Planes that share the lanes; divides the depth. */
  readonly pack: number;
  /** Number of groups of planes, D / pack. */
  readonly groups: number;
  /** Number of lanes, pack times channels. */
  readonly lanes: number;
}

/** The folded layout of an image [N, C, D, H, W]. */
export function foldedLayout(shape: readonly number[], pack: number): Folded {
  const [batch, channels, depth, height, width] = shape as readonly [number, number, number, number, number];
  return { batch, channels, size: [depth, height, width], pack, groups: depth / pack, lanes: pack * channels };
}

/** The same numbers in another shape, whose first axis is left to the runtime. */
export function view(emit: Emitter, input: Emitted, shape: readonly number[]): Emitted {
  if (String(input.shape) === String(shape)) return input;
  return emit.node('Reshape', [input, emit.integers([-1, ...shape.slice(1)])], shape);
}

/** Copies along axes of size 1; the first axis stays. */
export function spread(emit: Emitter, input: Emitted, shape: readonly number[]): Emitted {
  if (String(input.shape) === String(shape)) return input;
  return emit.node('Expand', [input, emit.integers([1, ...shape.slice(1)])], shape);
}

/** Shape of a folded image, as 8-bit kernels take it. */
export function imageShape({ batch, groups, size: [, height, width], lanes }: Folded): readonly number[] {
  return [batch * groups, height, width, lanes];
}

/** Shape of a folded image as rows. */
export function rowsShape({ batch, groups, size: [, height, width], lanes }: Folded): readonly number[] {
  return [batch, groups * height, width * lanes];
}

/** A row-major image [N, C, D, H, W] folded. */
export function fold(emit: Emitter, input: Emitted, layout: Folded): Emitted {
  const { batch, channels, size, pack, groups } = layout;
  const area = size[1] * size[2];
  // ONNX Runtime transposes an axis of one number at the end number by number
  const turned =
    channels === 1
      ? emit.transpose(view(emit, input, [batch, groups, pack, area]), [0, 1, 3, 2])
      : emit.transpose(view(emit, input, [batch, channels, groups, pack, area]), [0, 2, 4, 3, 1]);
  return view(emit, turned, imageShape(layout));
}

/** A folded image as a row-major one, [N, C, D, H, W]. */
export function unfold(emit: Emitter, input: Emitted, layout: Folded): Emitted {
  const { batch, channels, size, pack, groups } = layout;
  const split = view(emit, input, [batch, groups, size[1] * size[2], pack, channels]);
  return view(emit, emit.transpose(split, [0, 4, 1, 3, 2]), [batch, channels, ...size]);
}

/** A folded image with another number of planes on the lanes. */
export function repack(emit: Emitter, input: Emitted, from: Folded, pack: number): Emitted {
  if (from.pack === pack) return input;
  const { batch, channels, size } = from;
  const area = size[1] * size[2];
  const apart = emit.transpose(view(emit, input, [batch * from.groups, area, from.pack, channels]), [0, 2, 1, 3]);
  const groups = size[0] / pack;
  const joined = emit.transpose(view(emit, apart, [batch * groups, pack, area, channels]), [0, 2, 1, 3]);
  return view(emit, joined, [batch * groups, size[1], size[2], pack * channels]);
}
