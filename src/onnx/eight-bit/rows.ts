/** Passes over real images as rows, [N, groups H, W lanes]: numbers per channel are spread over a row. */
import { range } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { ONNX_TYPES } from '../model.ts';
import type { Affine, Spread } from './convolution.ts';
import { type Folded, rowsShape, spread, view } from './layout.ts';

/** A number per sample and channel, [N, 1, C], for every place of a row, [N, 1, W lanes]. */
function overRow(emit: Emitter, vector: Emitted, { batch, channels, size, pack, lanes }: Folded): Emitted {
  const places = size[2] * pack;
  return view(emit, spread(emit, vector, [batch, places, channels]), [batch, 1, size[2] * lanes]);
}

/** Mean over space of rows, [N, 1, C]: a product with a row of ones is faster than a reduction. */
function mean(emit: Emitter, rows: Emitted, { batch, channels, size, pack, groups, lanes }: Folded): Emitted {
  const count = groups * size[1];
  const ones = emit.float(new Array<number>(count).fill(1 / count), [1, count]);
  const sums = emit.node('MatMul', [ones, rows], [batch, 1, size[2] * lanes]);
  return emit.reduce('ReduceMean', view(emit, sums, [batch, size[2] * pack, channels]), [1]);
}

/** The numbers of a convolution as rows. */
export function numberRows(emit: Emitter, { numbers }: Spread, layout: Folded): Emitted {
  // not DequantizeLinear: ONNX Runtime would repeat it for everything that reads the rows
  return emit.node('Cast', [view(emit, numbers, rowsShape(layout))], rowsShape(layout), {
    attributes: { to: ONNX_TYPES.float32 },
    dataType: 'float32',
  });
}

/** rows * scale + shift, a constant per channel. */
export function affineRows(emit: Emitter, rows: Emitted, layout: Folded, { scale, shift }: Affine): Emitted {
  const { size, pack, lanes } = layout;
  const row = (values: Float32Array): Emitted => {
    const numbers = range(size[2] * pack).flatMap(() => [...values]);
    return emit.float(numbers, [1, 1, size[2] * lanes]);
  };
  const isOne = scale.every(value => value === 1);
  const isZero = shift.every(value => value === 0);
  const scaled = isOne ? rows : emit.binary('Mul', rows, row(scale));
  return isZero ? scaled : emit.binary('Add', scaled, row(shift));
}

/**
 * Instance normalisation of rows: (x - mean) / sqrt(variance + epsilon) * scale + bias, with one epsilon per channel.
 * The variance is E[x^2] - mean^2; x are 8-bit numbers, whose squares lose less to rounding than the 8 bits have lost
 * before.
 */
export function normalizedRows(
  emit: Emitter,
  rows: Emitted,
  layout: Folded,
  {
    scale,
    bias,
    epsilon,
  }: { readonly scale: Float32Array; readonly bias: Float32Array; readonly epsilon: Float32Array },
): Emitted {
  const perChannel = (values: Float32Array): Emitted => emit.float([...values], [1, 1, layout.channels]);
  const centre = mean(emit, rows, layout);
  const square = mean(emit, emit.binary('Mul', rows, rows), layout);
  const variance = emit.binary('Max', emit.binary('Sub', square, emit.binary('Mul', centre, centre)), emit.float(0));
  const deviation = emit.unary('Sqrt', emit.binary('Add', variance, perChannel(epsilon)));
  const factor = emit.binary('Div', perChannel(scale), deviation);
  const offset = emit.binary('Sub', perChannel(bias), emit.binary('Mul', centre, factor));
  const scaled = emit.binary('Mul', rows, overRow(emit, factor, layout));
  return emit.binary('Add', scaled, overRow(emit, offset, layout));
}
