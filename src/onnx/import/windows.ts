/** Convolutions and pooling of other models as operators of the graph. */

import { AXES } from '../../core/axes.ts';
import { elementCount, range, type Shape } from '../../core/shape.ts';
import { type MovingWindow, NO_PADS, reachOf, samePads } from '../../graph/convolution.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';
import { perChannel } from '../../graph/moments.ts';
import type { ConvAttributes, Pads } from '../../graph/ops.ts';
import type { FileNode } from '../read-model.ts';
import { type Context, demand, intOf, intsOf, isGiven, type NodeRule, refuse, textOf, triple } from './context.ts';

/** Zeros on both sides, as auto_pad or the pads themselves say. */
function padsOf(node: FileNode, window: MovingWindow): Pads {
  const auto = textOf(node, 'auto_pad', 'NOTSET');
  if (auto === 'SAME_UPPER') return samePads(window, 'after');
  if (auto === 'SAME_LOWER') return samePads(window, 'before');
  if (auto === 'VALID') return NO_PADS;
  const pads = intsOf(node, 'pads', NO_PADS);
  if (pads.length !== 6) refuse(`${node.op} of ${pads.length / 2} axes`);
  const [d0 = 0, h0 = 0, w0 = 0, d1 = 0, h1 = 0, w1 = 0] = pads;
  return [d0, h0, w0, d1, h1, w1];
}

/** The geometry of a convolution with this kernel [., ., kD, kH, kW]. */
function convAttributes(node: FileNode, image: Value, kernel: Value): ConvAttributes {
  const taps = triple(kernel.shape.slice(2), node.op);
  const strides = triple(intsOf(node, 'strides', [1, 1, 1]), node.op);
  const dilations = triple(intsOf(node, 'dilations', [1, 1, 1]), node.op);
  const reach = reachOf(taps, dilations);
  const pads = padsOf(node, { size: spatial(image.shape), reach, strides });
  return { kernel: taps, strides, dilations, pads, group: intOf(node, 'group', 1), upsample: [1, 1, 1] };
}

function withBias(context: Context, result: Value): Value {
  const { builder, value } = context;
  return isGiven(context, 2) ? builder.add(result, perChannel(builder, value(2))) : result;
}

/** Conv. */
export const conv: NodeRule = context => {
  const { builder, node, value } = context;
  const [x, kernel] = [value(0), value(1)];
  return withBias(context, builder.apply('Conv', [x, kernel], convAttributes(node, x, kernel)));
};

/** FusedConv of ONNX Runtime's optimizer: a convolution, perhaps another tensor added, and an activation. */
export const fusedConv: NodeRule = context => {
  const { builder, node, value } = context;
  const plain = conv(context) as Value;
  const sum = isGiven(context, 3) ? builder.add(plain, value(3)) : plain;
  const [first = 0, second = 0] = node.attributes.get('activation_params')?.floats ?? [];
  const activation = textOf(node, 'activation', '');
  switch (activation) {
    case '':
      return sum;
    case 'Relu':
    case 'Sigmoid':
    case 'Tanh':
      return builder.apply(activation, [sum], {});
    case 'LeakyRelu':
      return builder.apply('LeakyRelu', [sum], { alpha: first });
    case 'Clip':
      return builder.min(builder.max(sum, first), second);
    default:
      return refuse(`FusedConv with ${activation}`);
  }
};

/** ConvTranspose. */
export const convTranspose: NodeRule = context => {
  const { builder, node, value } = context;
  const [y, kernel] = [value(0), value(1)];
  if (node.attributes.has('output_shape')) refuse('ConvTranspose with output_shape');
  if (textOf(node, 'auto_pad', 'NOTSET').startsWith('SAME')) refuse('ConvTranspose with auto_pad SAME');
  const attributes = convAttributes(node, y, kernel);
  const { kernel: taps, strides, dilations, pads } = attributes;
  const extra = intsOf(node, 'output_padding', [0, 0, 0]);
  const size = AXES.map(axis => {
    const made = strides[axis] * ((y.shape[axis + 2] ?? 0) - 1) + dilations[axis] * (taps[axis] - 1) + 1;
    return made + (extra[axis] ?? 0) - pads[axis] - pads[(axis + 3) as 3 | 4 | 5];
  });
  return withBias(context, builder.apply('ConvTranspose', [y, kernel], { ...attributes, size: triple(size, node.op) }));
};

/** Below every number that an image holds. */
const LOWEST = -3.4028234663852886e38;

/** The image with a constant on both sides of an axis. */
function padded(
  builder: GraphBuilder,
  x: Value,
  axis: number,
  { sides, filler }: { sides: readonly [number, number]; filler: number },
): Value {
  const [before, after] = sides.map(length =>
    length === 0 ? [] : [builder.expand(builder.float(filler), x.shape.with(axis, length))],
  ) as [Value[], Value[]];
  return builder.concat([...before, x, ...after], axis);
}

/** Every window's tap along one axis: the image from `tap` on, in steps. */
function strided(
  builder: GraphBuilder,
  x: Value,
  axis: number,
  { tap, step, count }: { tap: number; step: number; count: number },
): Value {
  if (step === 1) return builder.slice(x, axis, tap, tap + count);
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const rows = builder.reshape(x, [...before, x.shape[axis]! / step, step, ...after]);
  const first = Math.floor(tap / step);
  const some = builder.slice(builder.slice(rows, axis, first, first + count), axis + 1, tap % step, (tap % step) + 1);
  return builder.reshape(some, [...before, count, ...after]);
}

/** The largest of overlapping windows, axis by axis. */
function slidingMax(
  builder: GraphBuilder,
  x: Value,
  window: MovingWindow & { readonly pads: ConvAttributes['pads'] },
): Value {
  return AXES.reduce((image, axis) => {
    const [taps, step, size] = [window.reach[axis], window.strides[axis], window.size[axis]];
    const sides = [window.pads[axis], window.pads[(axis + 3) as 3 | 4 | 5]] as const;
    const count = Math.floor((size + sides[0] + sides[1] - taps) / step) + 1;
    if (count < 1) refuse('MaxPool of windows that are larger than the image');
    // as long as whole steps are, so that the last window's taps exist
    const length = step * Math.ceil((step * (count - 1) + taps) / step);
    const wide = padded(builder, image, axis + 2, {
      sides: [sides[0], Math.max(0, length - size - sides[0])],
      filler: LOWEST,
    });
    const whole = builder.slice(wide, axis + 2, 0, length);
    return range(taps)
      .map(tap => strided(builder, whole, axis + 2, { tap, step, count }))
      .reduce(builder.max);
  }, x);
}

/** Weights [out, in] of the mean of each window along an axis. */
function meanWeights(
  size: number,
  {
    taps,
    step,
    sides,
    countsPads,
  }: { taps: number; step: number; sides: readonly [number, number]; countsPads: boolean },
): { readonly rows: number; readonly values: number[] } {
  const rows = Math.floor((size + sides[0] + sides[1] - taps) / step) + 1;
  const values = range(Math.max(0, rows)).flatMap(row => {
    const start = row * step - sides[0];
    const isIn = (at: number): boolean => at >= start && at < start + taps;
    const inside = range(size).filter(isIn).length;
    return range(size).map(at => (isIn(at) ? 1 / (countsPads ? taps : inside) : 0));
  });
  return { rows, values };
}

/** x with a matrix [out, in] applied along an axis of space. */
export function alongAxis(
  builder: GraphBuilder,
  x: Value,
  axis: number,
  { rows, values }: { readonly rows: number; readonly values: readonly number[] },
): Value {
  const shape = x.shape;
  const size = shape[axis]!;
  const inner = elementCount(shape.slice(axis + 1));
  const outer: Shape = shape.slice(0, axis);
  if (inner === 1) {
    const turned = range(size).flatMap(at => range(rows).map(row => values[row * size + at]!));
    const flat = builder.reshape(x, [elementCount(outer), size]);
    return builder.reshape(
      builder.apply('MatMul', [flat, builder.float(turned, [size, rows])], {}),
      shape.with(axis, rows),
    );
  }
  const planes = builder.reshape(x, [elementCount(outer), size, inner]);
  return builder.reshape(
    builder.apply('MatMul', [builder.float(values, [rows, size]), planes], {}),
    shape.with(axis, rows),
  );
}

/** Pooling: windows side by side as they are, others spelled out. */
export const pool =
  (op: 'MaxPool' | 'AveragePool'): NodeRule =>
  ({ builder, node, value }) => {
    demand(node, { ceil_mode: 0, storage_order: 0 });
    const x = value(0);
    const kernel = triple(intsOf(node, 'kernel_shape', []), op);
    const strides = triple(intsOf(node, 'strides', [1, 1, 1]), op);
    if (intsOf(node, 'dilations', [1, 1, 1]).some(dilation => dilation !== 1)) refuse(`${op} with dilations`);
    if (node.outputs.length > 1) refuse(`${op} that gives places`);
    const size = spatial(x.shape);
    const window = { size, reach: kernel, strides };
    const pads = padsOf(node, window);
    const isPlain = pads.every(pad => pad === 0);
    if (isPlain && String(strides) === String(kernel)) {
      // what does not fill a window at the end is left out
      const whole = AXES.reduce(
        (image, axis) => builder.slice(image, axis + 2, 0, size[axis] - (size[axis] % kernel[axis])),
        x,
      );
      return builder.apply(op, [whole], { kernel });
    }
    if (op === 'MaxPool') return slidingMax(builder, x, { ...window, pads });
    const countsPads = intOf(node, 'count_include_pad', 0) === 1;
    return AXES.reduce((image, axis) => {
      const sides = [pads[axis], pads[(axis + 3) as 3 | 4 | 5]] as const;
      return alongAxis(
        builder,
        image,
        axis + 2,
        meanWeights(size[axis], { taps: kernel[axis], step: strides[axis], sides, countsPads }),
      );
    }, x);
  };
