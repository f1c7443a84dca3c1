/**
 * Taps of a kernel along one axis as copies of the image side by side on its channels: a convolution along the axis
 * becomes one over the channels.
 */
import { range } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';

/** Zeros before and after the image along an axis (fewer than none cut it), and the places of a tap. */
export interface Window {
  readonly before: number;
  readonly after: number;
  /** First place of each tap in the padded image. */
  readonly starts: readonly number[];
  readonly stride: number;
  /** Number of places. */
  readonly length: number;
}

/** Zeros around one axis; a negative number cuts. */
function padAxis(emit: Emitter, image: Emitted, axis: number, { before, after }: Window): Emitted {
  const size = image.shape[axis] as number;
  const cut = emit.slice(image, axis, Math.max(0, -before), size - Math.max(0, -after));
  const pads = new Array<number>(2 * image.shape.length).fill(0);
  pads[axis] = Math.max(0, before);
  pads[axis + image.shape.length] = Math.max(0, after);
  return emit.pad(cut, pads);
}

/** What each tap of a window meets along an axis. */
export function viewsAlong(emit: Emitter, image: Emitted, axis: number, window: Window): readonly Emitted[] {
  const padded = padAxis(emit, image, axis, window);
  const { starts, stride, length } = window;
  return starts.map(start => emit.slice(padded, axis, start, start + (length - 1) * stride + 1, stride));
}

/**
 * Views side by side on the channels, each group by itself: channel (group, view, channel of the group).
 * @param options.axis axis of the channels
 */
export function besideEachOther(
  emit: Emitter,
  views: readonly Emitted[],
  { axis, group }: { readonly axis: number; readonly group: number },
): Emitted {
  if (group === 1 || views.length === 1) return emit.concat(views, axis);
  const [first] = views as readonly [Emitted];
  const channels = first.shape[axis] as number;
  const split = [...first.shape.slice(0, axis), group, channels / group, ...first.shape.slice(axis + 1)];
  const beside = emit.concat(
    views.map(view => emit.reshape(view, split)),
    axis + 1,
  );
  return emit.reshape(beside, first.shape.with(axis, channels * views.length));
}

/** The window of a convolution along an axis. */
export function convolutionWindow(
  { taps, dilation, stride }: { readonly taps: number; readonly dilation: number; readonly stride: number },
  pads: { readonly before: number; readonly after: number },
  length: number,
): Window {
  return { ...pads, starts: range(taps).map(tap => tap * dilation), stride, length };
}
