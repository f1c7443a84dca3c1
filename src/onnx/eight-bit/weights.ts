/**
 * Kernels in whole numbers of -64 to 64, one scale per output channel.
 *
 * Seven bits of the eight are used: processors without VNNI add products of 8-bit numbers in pairs in 16 bits, which
 * saturate from 2 * 255 * 65 on. With 64 they hold 2 * 255 * 64 = 32,640, so that every processor gives the same sums.
 * Source: the advice to `reduce_range` in ONNX Runtime's page on quantisation.
 */
import type { StackedKernel } from './stack.ts';

/** Largest size of a whole number of a kernel. */
export const LARGEST_WEIGHT = 64;

/** A kernel in whole numbers. */
export interface WholeKernel {
  readonly shape: StackedKernel['shape'];
  readonly data: Int8Array;
  /** Real value of one step, per output channel. */
  readonly scales: Float32Array;
}

/**
 * Rounds a stacked kernel. All planes of a group share the scale of their channel.
 * @param channels output channels; the kernel has pack times as many rows
 */
export function wholeKernel({ shape, data }: StackedKernel, channels: number): WholeKernel {
  const [rows] = shape;
  const perRow = data.length / rows;
  const largest = new Float32Array(channels);
  data.forEach((value, index) => {
    const channel = Math.floor(index / perRow) % channels;
    largest[channel] = Math.max(largest[channel]!, Math.abs(value));
  });
  // a channel of zeros has any scale
  const scales = largest.map(size => (size === 0 ? 1 : size / LARGEST_WEIGHT));
  const whole = Int8Array.from(data, (value, index) =>
    Math.round(value / scales[Math.floor(index / perRow) % channels]!),
  );
  return { shape, data: whole, scales };
}
