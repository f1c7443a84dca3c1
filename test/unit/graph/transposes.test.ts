/** Transpositions that cancel: the same values by the float64 evaluator, with fewer or none of them. */
import { describe, expect, it } from 'vitest';
import { elementCount } from '../../../src/core/shape.ts';
import { type Graph, GraphBuilder, isOp, reachable, type Value } from '../../../src/graph/graph.ts';
import { cancelTransposes } from '../../../src/graph/transposes.ts';
import { evaluate } from '../../support/evaluate.ts';

const SHAPE = [2, 3, 4, 5, 6];
const LAST = [0, 2, 3, 4, 1];
const FIRST = [0, 4, 1, 2, 3];
const x = Float64Array.from({ length: elementCount(SHAPE) }, (_, index) => Math.sin(index));

const count = (graph: Graph, op: Value['op']): number =>
  reachable(Object.values(graph.outputs)).filter(value => isOp(value, op)).length;

type Build = (builder: GraphBuilder, image: Value) => Value;

function both(build: Build): Graph {
  const builder = new GraphBuilder();
  const before = { outputs: { y: build(builder, builder.input('x', SHAPE)) } };
  const after = cancelTransposes(new GraphBuilder(), before);
  expect(after.outputs['y']!.shape).toEqual(before.outputs.y.shape);
  const [expected, actual] = [evaluate(before.outputs, { x }), evaluate(after.outputs, { x })];
  for (const [index, value] of actual['y']!.entries()) expect(value).toBeCloseTo(expected['y']![index]!, 9);
  return after;
}

const around =
  (inner: Build): Build =>
  (builder, image) =>
    builder.transpose(inner(builder, builder.transpose(image, LAST)), FIRST);

describe('cancelTransposes leaves no transposition', () => {
  it.each<[string, Build]>([
    ['around nothing', (_, t) => t],
    ['around an activation', (builder, t) => builder.apply('LeakyRelu', [t], { alpha: 0.1 })],
    ['around a number per channel', (builder, t) => builder.add(builder.mul(t, 2), builder.float([1, 2, 3], [3]))],
    [
      'around a normalisation',
      (builder, t) => {
        const centred = builder.sub(t, builder.mean(t, [1, 2, 3]));
        return builder.div(centred, builder.sqrt(builder.mean(builder.mul(centred, centred), [1, 2, 3])));
      },
    ],
    ['around a concatenation of channels', (builder, t) => builder.concat([t, builder.neg(t)], 4)],
    ['around a part', (builder, t) => builder.slice(t, 2, 1, 4)],
    ['around uneven pads', (builder, t) => builder.pad(t, [0, 1, 0, 2, 0, 0, 0, 3, 0, 1])],
    ['around a softmax', (builder, t) => builder.apply('LogSoftmax', [t], { axis: 4 })],
    ['of a residual', (builder, t) => builder.add(t, builder.apply('Tanh', [t], {}))],
  ])('%s', (_, inner) => {
    // constants per channel are turned once, when the model is loaded
    const graph = both(around(inner));
    const turned = reachable(Object.values(graph.outputs)).filter(value => isOp(value, 'Transpose'));
    expect(turned.filter(({ inputs: [base] }) => !isOp(base!, 'Constant') && !isOp(base!, 'Reshape'))).toEqual([]);
  });
});

it('keeps those that something needs', () => {
  expect(
    count(
      both((builder, image) => builder.reshape(builder.transpose(image, LAST), [2, 360])),
      'Transpose',
    ),
  ).toBe(1);
  expect(
    count(
      both((builder, image) => builder.transpose(image, LAST)),
      'Transpose',
    ),
  ).toBe(1);
});

it('makes nearest upsampling of voxels that are repeated along one axis after another', () => {
  const repeat = (builder: GraphBuilder, image: Value, axis: number, factor: number): Value => {
    const { shape } = image;
    const apart = builder.reshape(image, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
    const spread = builder.expand(apart, [...shape.slice(0, axis + 1), factor, ...shape.slice(axis + 1)]);
    return builder.reshape(spread, shape.with(axis, factor * shape[axis]!));
  };
  const graph = both(around((builder, t) => repeat(builder, repeat(builder, repeat(builder, t, 1, 2), 2, 3), 3, 2)));
  expect([count(graph, 'Resize'), count(graph, 'Transpose'), count(graph, 'Expand')]).toEqual([1, 0, 0]);
  // channels are no space
  expect(
    count(
      both((builder, image) => repeat(builder, image, 1, 2)),
      'Resize',
    ),
  ).toBe(0);
  // copies of the whole are no copies of voxels
  const tiled = both((builder, image) => {
    const apart = builder.reshape(image, [2, 3, 1, 4, 5, 6]);
    return builder.reshape(builder.expand(apart, [2, 3, 2, 4, 5, 6]), [2, 3, 8, 5, 6]);
  });
  expect(count(tiled, 'Resize')).toBe(0);
});
