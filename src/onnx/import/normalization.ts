/** Normalisations, reductions and softmax of other models. */
import { elementCount, type Shape } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { perChannel } from '../../graph/moments.ts';
import {
  type Context,
  demand,
  floatOf,
  fromFront,
  intOf,
  isGiven,
  type NodeRule,
  numbersOf,
  refuse,
} from './context.ts';

/** InstanceNormalization, of images and of groups in a row, as exporters write group normalisation. */
export const instanceNormalization: NodeRule = ({ builder, node, value }) => {
  const x = value(0);
  const [batch = 0, channels = 0, ...rest] = x.shape;
  const image = rest.length === 3 ? x : builder.reshape(x, [batch, channels, elementCount(rest), 1, 1]);
  const epsilon = floatOf(node, 'epsilon', 1e-5);
  return builder.reshape(builder.apply('InstanceNormalization', [image, value(1), value(2)], { epsilon }), x.shape);
};

/** (x - mean) / sqrt(variance + epsilon) * scale + bias, with the moments of the training. */
export const batchNormalization: NodeRule = ({ builder, node, value }) => {
  demand(node, { training_mode: 0 });
  const [x, scale, bias, mean, variance] = [value(0), value(1), value(2), value(3), value(4)];
  const factor = builder.div(scale, builder.sqrt(builder.add(variance, floatOf(node, 'epsilon', 1e-5))));
  const shift = builder.sub(bias, builder.mul(mean, factor));
  return builder.add(builder.mul(x, perChannel(builder, factor)), perChannel(builder, shift));
};

/**
 * GroupNormalization, with a scale and a bias per channel; before operator set 21 they were one per group, which was
 * withdrawn.
 */
export const groupNormalization: NodeRule = ({ builder, node, value, operatorSet }) => {
  const x = value(0);
  const [batch = 0, channels = 0, ...rest] = x.shape;
  if (operatorSet < 21) refuse(`GroupNormalization of operator set ${operatorSet}`);
  const groups = intOf(node, 'num_groups', 0);
  if (!(groups > 0) || channels % groups !== 0)
    refuse(`GroupNormalization of ${channels} channels in ${groups} groups`);
  const rows = builder.reshape(x, [batch, groups, (channels / groups) * elementCount(rest), 1, 1]);
  const fixed = (number: number): Value => builder.float(new Array<number>(groups).fill(number), [groups]);
  const epsilon = floatOf(node, 'epsilon', 1e-5);
  const normalized = builder.apply('InstanceNormalization', [rows, fixed(1), fixed(0)], { epsilon });
  const [scale, bias] = [value(1), value(2)];
  const perRow = (vector: Value): Value => builder.reshape(vector, [1, channels, ...rest.map(() => 1)]);
  return builder.add(builder.mul(builder.reshape(normalized, x.shape), perRow(scale)), perRow(bias));
};

/** LayerNormalization over the last axes. */
export const layerNormalization: NodeRule = context => {
  const { builder, node, value } = context;
  if (node.outputs.length > 1) refuse('LayerNormalization that gives its moments');
  const x = value(0);
  const rank = x.shape.length;
  const first = (intOf(node, 'axis', -1) + rank) % rank;
  const axes = x.shape.map((_, axis) => axis).filter(axis => axis >= first);
  const centred = builder.sub(x, builder.mean(x, axes));
  const variance = builder.add(builder.mean(builder.mul(centred, centred), axes), floatOf(node, 'epsilon', 1e-5));
  const scaled = builder.mul(builder.div(centred, builder.sqrt(variance)), value(1));
  return isGiven(context, 2) ? builder.add(scaled, value(2)) : scaled;
};

/** The result without the axes that were reduced, where they do not stay. */
function reduced(context: Context, axes: readonly number[], result: Value): Value {
  if (intOf(context.node, 'keepdims', 1) === 1) return result;
  const kept: Shape = result.shape.filter((_, axis) => !axes.includes(axis));
  return context.builder.reshape(result, kept);
}

/** ReduceMean, ReduceSum and ReduceMax. */
export const reduce =
  (op: 'ReduceMean' | 'ReduceSum' | 'ReduceMax'): NodeRule =>
  context => {
    const { builder, node, value } = context;
    const x = value(0);
    const given = numbersOf(context, 'axes', 1);
    if (given === undefined && intOf(node, 'noop_with_empty_axes', 0) === 1) return x;
    const axes = fromFront(given ?? x.shape.map((_, axis) => axis), x.shape.length);
    return reduced(context, axes, builder.apply(op, [x], { axes }));
  };

/** GlobalAveragePool and GlobalMaxPool: over all axes of space, which stay. */
export const globalPool =
  (op: 'ReduceMean' | 'ReduceMax'): NodeRule =>
  ({ builder, value }) => {
    const x = value(0);
    return builder.apply(op, [x], { axes: x.shape.map((_, axis) => axis).slice(2) });
  };

/** LogSoftmax along one axis. */
export function logSoftmax({ builder, node, operatorSet, value }: Context): Value {
  if (operatorSet < 13) refuse(`${node.op} of operator set ${operatorSet}, over all axes that follow`);
  const x = value(0);
  const axis = intOf(node, 'axis', -1);
  return builder.apply('LogSoftmax', [x], { axis: axis < 0 ? axis + x.shape.length : axis });
}

/** Softmax along one axis. */
export const softmax = (context: Context): Value => exponential(context.builder, logSoftmax(context));

const exponential = (builder: GraphBuilder, x: Value): Value => builder.exp(x);
