/** Derivatives of every operator against central differences in float64. */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import type { OpName } from '../../../src/graph/ops.ts';
import { centralDifference, relativeError } from '../../support/central-difference.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw, OPERATOR_CASES, type OperatorCase } from '../../support/operator-cases.ts';

/**
 * What is asked of each operator: its derivative, zero whatever it computes, or the reason that the error gives for
 * having none.
 */
const EXPECTED: { readonly [K in OpName]: 'derivative' | 'zero' | RegExp } = {
  Input: 'derivative',
  Constant: 'derivative',
  Add: 'derivative',
  Sub: 'derivative',
  Mul: 'derivative',
  Div: 'derivative',
  Max: 'derivative',
  Min: 'derivative',
  Neg: 'derivative',
  Abs: 'derivative',
  Sign: /Sign \(layer\) has no gradient: the derivative of Sign is zero/,
  Sqrt: 'derivative',
  Exp: 'derivative',
  Log: 'derivative',
  Sigmoid: 'derivative',
  Tanh: 'derivative',
  Erf: 'derivative',
  Elu: 'derivative',
  Softplus: 'derivative',
  Relu: 'derivative',
  LeakyRelu: 'derivative',
  PRelu: 'derivative',
  LeakyReluGradient: /LeakyReluGradient \(layer\) has no gradient: second derivatives/,
  Clip: 'derivative',
  Equal: /Equal \(layer\) has no gradient: a comparison/,
  Greater: /Greater \(layer\) has no gradient: a comparison/,
  Where: 'derivative',
  Cast: /Cast \(layer\) has no gradient: a cast/,
  ReduceSum: 'derivative',
  ReduceMean: 'derivative',
  ReduceMax: /ReduceMax \(layer\) has no gradient: only used for numerical stability/,
  Detach: 'zero',
  LogSoftmax: 'derivative',
  Reshape: 'derivative',
  Transpose: 'derivative',
  Slice: 'derivative',
  Pad: 'derivative',
  Concat: 'derivative',
  Expand: 'derivative',
  MatMul: 'derivative',
  Conv: 'derivative',
  ConvTranspose: 'derivative',
  ConvKernelGradient: /ConvKernelGradient \(layer\) has no gradient: second derivatives/,
  MaxPool: 'derivative',
  MaxPoolGradient: /MaxPoolGradient \(layer\) has no gradient: second derivatives/,
  AveragePool: 'derivative',
  Resize: 'derivative',
  InstanceNormalization: 'derivative',
};

/** A case in a graph: the loss is the result's entries, each times a number of its own. */
function prepare(builder: GraphBuilder, { name, operands, build }: OperatorCase) {
  const inputs = operands.map(({ shape, dataType }, index) => builder.input(`x${index}`, shape, dataType));
  const result = builder.scope('layer', () => build(builder, inputs));
  const dy = builder.input('dy', result.shape);
  const feeds: Record<string, Float64Array> = { dy: draw({ shape: result.shape, draw: 'signed' }, name, 'dy') };
  operands.forEach((operand, index) => {
    feeds[`x${index}`] = draw(operand, name, index);
  });
  return { inputs, loss: builder.total(builder.mul(result, dy)), feeds };
}

describe.each(Object.entries(EXPECTED))('the gradient of %s', (op, expected) => {
  const cases = OPERATOR_CASES[op as OpName];
  if (expected === 'derivative') {
    it.each(cases)('agrees with central differences: $name', setting => {
      const builder = new GraphBuilder();
      const { inputs, loss, feeds } = prepare(builder, setting);
      const names = setting.operands.flatMap(({ dataType }, index) => (dataType === 'float32' ? [index] : []));
      const gradients = gradient(
        builder,
        loss,
        names.map(index => inputs[index]!),
      );
      const values = evaluate(Object.fromEntries(gradients.map((value, index) => [names[index]!, value])), feeds);
      for (const index of names) {
        const numeric = centralDifference(loss, feeds, `x${index}`);
        expect(relativeError(values[index]!, numeric), `operand ${index}`).toBeLessThan(1e-6);
      }
    });
  } else if (expected === 'zero') {
    it.each(cases)('is zero, and the value is that of the operand: $name', setting => {
      const builder = new GraphBuilder();
      const { inputs, loss, feeds } = prepare(builder, setting);
      const [slope] = gradient(builder, loss, inputs);
      const plain = builder.total(builder.mul(inputs[0]!, builder.input('dy', inputs[0]!.shape)));
      const values = evaluate({ slope: slope!, loss, plain }, feeds);
      expect(values['slope']!.every(value => value === 0)).toBe(true);
      expect(values['loss']).toEqual(values['plain']);
    });
  } else {
    it.each(cases)('is refused with the reason: $name', setting => {
      const builder = new GraphBuilder();
      const inputs = setting.operands.map(({ shape, dataType }, index) => builder.input(`x${index}`, shape, dataType));
      const result = builder.scope('layer', () => setting.build(builder, inputs));
      expect(() => gradient(builder, builder.total(result), inputs)).toThrow(
        expect.objectContaining({ code: 'E_NO_GRADIENT', message: expect.stringMatching(expected) }),
      );
    });
  }
});

describe('gradient', () => {
  it('adds up the paths by which a value reaches the loss', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [3]);
    // x^2 e^x: x is used three times
    const loss = builder.total(builder.mul(builder.mul(x, x), builder.exp(x)));
    const [dx] = gradient(builder, loss, [x]);
    const values = [0.5, -1, 2];
    const closedForm = values.map(value => (value * value + 2 * value) * Math.exp(value));
    const result = evaluate({ dx: dx! }, { x: Float64Array.from(values) });
    expect(relativeError(result['dx']!, closedForm)).toBeLessThan(1e-14);
  });

  it('does not go through what is detached, and goes through what is beside it', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2]);
    const mask = builder.cast(builder.greater(builder.detach(x), 0), 'float32');
    const [dx] = gradient(builder, builder.total(builder.mul(builder.mul(x, x), mask)), [x]);
    expect([...evaluate({ dx: dx! }, { x: Float64Array.of(3, -3) })['dx']!].map(Math.abs)).toEqual([6, 0]);
  });

  it('is zero, in the shape of the target, for a value that the loss does not use', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2]);
    const unused = builder.input('unused', [2, 3]);
    const gradients = gradient(builder, builder.total(x), [unused, x]);
    const result = evaluate({ unused: gradients[0]!, x: gradients[1]! }, { x: new Float64Array(2) });
    expect(gradients[0]!.shape).toEqual([2, 3]);
    expect([...result['unused']!]).toEqual([0, 0, 0, 0, 0, 0]);
    expect([...result['x']!]).toEqual([1, 1]);
  });

  it('gives derivatives to values inside the graph too', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2]);
    const inner = builder.mul(x, 3);
    const gradients = gradient(builder, builder.total(builder.mul(inner, inner)), [inner, x]);
    const result = evaluate({ inner: gradients[0]!, x: gradients[1]! }, { x: Float64Array.of(1, -2) });
    expect([...result['inner']!]).toEqual([6, -12]);
    expect([...result['x']!]).toEqual([18, -36]);
  });

  it('shares the derivative of a maximum or minimum equally at a tie', () => {
    const builder = new GraphBuilder();
    const [a, b] = [builder.input('a', [3]), builder.input('b', [3])];
    const gradients = [builder.max(a, b), builder.min(a, b)].flatMap(value =>
      gradient(builder, builder.total(value), [a, b]),
    );
    const feeds = { a: Float64Array.of(1, 2, 3), b: Float64Array.of(2, 2, 2) };
    const result = Object.values(evaluate(Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])), feeds));
    expect(result.map(values => [...values])).toEqual([
      [0, 0.5, 1],
      [1, 0.5, 0],
      [1, 0.5, 0],
      [0, 0.5, 1],
    ]);
  });

  it('shares the derivative of a maximum pool equally among the maxima of a window', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [1, 1, 1, 2, 4]);
    const pooled = builder.apply('MaxPool', [x], { kernel: [1, 2, 2] });
    const [dx] = gradient(builder, builder.total(builder.mul(pooled, builder.float([6, 1], [1, 1, 1, 1, 2]))), [x]);
    const { dx: result } = evaluate({ dx: dx! }, { x: Float64Array.of(1, 1, 0, 5, 1, 0, 2, 3) });
    expect([...result!]).toEqual([2, 2, 0, 1, 2, 0, 0, 0]);
  });

  it('does not go through branches that lead to no target', () => {
    const builder = new GraphBuilder();
    const [x, constant] = [builder.input('x', [2]), builder.input('constant', [2])];
    const sign = builder.apply('Sign', [constant], {});
    const [dx] = gradient(builder, builder.total(builder.mul(x, sign)), [x]);
    const { dx: result } = evaluate({ dx: dx! }, { constant: Float64Array.of(-3, 4) });
    expect([...result!]).toEqual([-1, 1]);
  });

  it('refuses to go through a condition that depends on a target', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2]);
    const loss = builder.total(builder.where(builder.greater(x, 0), x, 0));
    expect(() => gradient(builder, loss, [x])).toThrow(
      expect.objectContaining({ code: 'E_NO_GRADIENT', message: expect.stringContaining('Where') }),
    );
  });

  it('refuses a loss that is not a scalar', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2, 3]);
    expect(() => gradient(builder, x, [x])).toThrow(
      expect.objectContaining({ code: 'E_NO_GRADIENT', message: 'the loss is a scalar, got 2x3' }),
    );
  });

  it('tags each derivative with the layer it belongs to', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2]);
    const y = builder.scope('encoder0.conv1', () => builder.exp(x));
    const [dx] = gradient(builder, builder.total(builder.mul(y, y)), [x]);
    expect(dx!.tag).toBe('encoder0.conv1.gradient');
  });
});
