/**
 * One convolution in 8 bits, by ONNX Runtime's QLinearConv with the channels last: unsigned images, signed kernels. The
 * result is spread over 0 to 255 for each channel by itself: its real value is number times scale plus shift, which
 * what follows (a normalisation, a bias) puts right in the pass that it makes anyway.
 */
import { range } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { type Folded, imageShape } from './layout.ts';
import type { Range } from './ranges.ts';
import type { StackedKernel } from './stack.ts';
import { wholeKernel } from './weights.ts';

/** ONNX Runtime's own operators beside the standard ones. */
export const RUNTIME_DOMAIN = 'com.microsoft';

const LARGEST = 255;
/** Numbers of a channel as real values: number * scale + shift. */
export interface Affine {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

/** An 8-bit tensor whose numbers are real values by an affine map per channel. */
export interface Spread {
  /** Folded image. */
  readonly numbers: Emitted;
  readonly affine: Affine;
}

/** Smallest span of a channel beside its size: a channel that is constant is still a number. */
const LEAST_SPAN = 1e-6;

/**
 * Convolves stacked planes.
 * @param zero the number of the image that stands for 0
 * @param seen range of the result per channel
 */
export function eightBitConvolution(
  emit: Emitter,
  image: Emitted,
  kernel: StackedKernel,
  {
    layout,
    attributes,
    zero,
    seen,
  }: {
    readonly layout: Folded;
    readonly attributes: ConvAttributes;
    readonly zero: Emitted;
    readonly seen: Range;
  },
): Spread {
  const { channels, pack } = layout;
  const whole = wholeKernel(kernel, channels);
  const perChannel = (compute: (channel: number) => number): Float32Array =>
    Float32Array.from({ length: channels }, (_, channel) => compute(channel));
  const span = perChannel(c => {
    const [low, high] = [seen.low[c]!, seen.high[c]!];
    return Math.max(high - low, LEAST_SPAN * Math.max(1, Math.abs(low), Math.abs(high)));
  });
  const rows = (values: (channel: number) => number): number[] =>
    range(pack * channels).map(row => values(row % channels));
  const [, , height, width] = kernel.shape;
  const { pads, dilations } = attributes;
  const weights = emit.constant(tensor('int8', whole.data, whole.shape));
  const one = emit.float(1);
  const numbers = emit.node(
    'QLinearConv',
    [
      image,
      one,
      zero,
      weights,
      emit.float(
        rows(c => (whole.scales[c]! * LARGEST) / span[c]!),
        [pack * channels],
      ),
      emit.constant(tensor('int8', new Int8Array(pack * channels), [pack * channels])),
      one,
      emit.constant(tensor('uint8', new Uint8Array(1), [])),
      emit.constant(
        tensor('int32', Int32Array.from(rows(c => Math.round(-seen.low[c]! / whole.scales[c]!))), [pack * channels]),
      ),
    ],
    imageShape(layout),
    {
      domain: RUNTIME_DOMAIN,
      attributes: {
        channels_last: 1,
        kernel_shape: [height, width],
        pads: [pads[1], pads[2], pads[4], pads[5]],
        dilations: [dilations[1], dilations[2]],
        strides: [1, 1],
        group: 1,
      },
      dataType: 'uint8',
    },
  );
  const scale = perChannel(c => span[c]! / LARGEST);
  return { numbers, affine: { scale, shift: seen.low } };
}
