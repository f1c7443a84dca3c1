/**
 * The head of deepvoxnet2's networks (there "common pathway"): convolutions at full resolution with dropout; the last
 * one gives the logits.
 */
import type { Triple } from '../core/shape.ts';

export interface HeadOptions {
  /** Kernel per convolution, D, H, W. */
  readonly kernels: readonly Triple[];
  /** Channels of all convolutions but the last, which has one per class. */
  readonly features: readonly number[];
  /** Fraction that is dropped before each convolution. */
  readonly dropout: readonly number[];
}

/** One convolution of the head. */
export interface HeadLayer {
  readonly kernel: Triple;
  readonly channels: number;
  readonly rate: number;
  readonly isLast: boolean;
}

/** The convolutions of a head, in order. */
export function headLayers({ kernels, features, dropout }: HeadOptions, classes: number): readonly HeadLayer[] {
  return kernels.map((kernel, index) => ({
    kernel,
    channels: features[index] ?? classes,
    rate: dropout[index] ?? 0,
    isLast: index === kernels.length - 1,
  }));
}
