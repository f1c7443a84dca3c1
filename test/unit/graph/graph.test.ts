/** The builder: one node for equal work, tags, order, and what it leaves out. */
import { describe, expect, it } from 'vitest';
import { tensor } from '../../../src/core/tensor.ts';
import { GraphBuilder, isOp, reachable } from '../../../src/graph/graph.ts';
import { rewrite } from '../../../src/graph/rewrite.ts';
import { evaluate } from '../../support/evaluate.ts';

describe('GraphBuilder', () => {
  it('makes equal nodes once', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2]);
    expect(builder.input('x', [2])).toBe(x);
    expect(builder.add(x, 1)).toBe(builder.add(x, 1));
    expect(builder.sum(x, [0])).toBe(builder.sum(x, [0]));
    expect(builder.float([1, 2], [2])).toBe(builder.float([1, 2], [2]));
  });

  it('makes nodes that differ in operands, attributes, values or shape each on their own', () => {
    const builder = new GraphBuilder();
    const [x, y] = [builder.input('x', [2, 3]), builder.input('y', [2, 3])];
    const different = [
      builder.sub(x, y),
      builder.sub(y, x),
      builder.sum(x, [0]),
      builder.sum(x, [1]),
      builder.mean(x, [0]),
      builder.float([1, 2], [2]),
      builder.float([1, 2], [1, 2]),
      builder.float([2, 1], [2]),
      builder.constant(tensor('int32', Int32Array.of(1, 2), [2])),
    ];
    expect(new Set(different).size).toBe(different.length);
  });

  it('refuses two inputs of one name and different shapes', () => {
    const builder = new GraphBuilder();
    builder.input('x', [2]);
    expect(() => builder.input('x', [3])).toThrow('internal: Input:x was made before with shape [2], now [3]');
  });

  it('keeps constants apart that are too large to compare', () => {
    const builder = new GraphBuilder();
    const large = (value: number) => builder.float(new Array<number>(5000).fill(value), [5000]);
    const [ones, twos] = [large(1), large(2)];
    const results = evaluate({ ones: builder.sum(ones, [0]), twos: builder.sum(twos, [0]) }, {});
    expect([results['ones']![0], results['twos']![0]]).toEqual([5000, 10000]);
  });

  it('leaves out movements that move nothing', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2, 3]);
    expect(builder.reshape(x, [2, 3])).toBe(x);
    expect(builder.expand(x, [2, 3])).toBe(x);
    expect(builder.slice(x, 1, 0, 3)).toBe(x);
    expect(builder.concat([x], 0)).toBe(x);
    expect(builder.slice(x, 1, 0, 2)).not.toBe(x);
  });

  it('tags values with the scopes they are made in, also after a scope has failed', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2]);
    expect(builder.scope('student', () => builder.scope('conv0', () => builder.exp(x))).tag).toBe('student/conv0');
    expect(() => builder.scope('broken', () => builder.reshape(x, [5]))).toThrow('cannot become 5');
    expect(builder.neg(x).tag).toBe('');
    expect(builder.scope('a', () => builder.retag('b', () => builder.abs(x))).tag).toBe('b');
  });

  it('sums all elements into a scalar', () => {
    const builder = new GraphBuilder();
    const total = builder.total(builder.input('x', [2, 1, 3]));
    expect(total.shape).toEqual([]);
    expect([...evaluate({ total }, { x: Float64Array.of(1, 2, 3, 4, 5, 6) })['total']!]).toEqual([21]);
  });
});

describe('reachable', () => {
  it('gives what the outputs need, operands first, and nothing else', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2]);
    const unused = builder.exp(x);
    const y = builder.mul(builder.neg(x), x);
    const values = reachable([y]);
    expect(values).not.toContain(unused);
    expect(values.map(value => value.op)).toEqual(['Input', 'Neg', 'Mul']);
    for (const value of values)
      for (const input of value.inputs) expect(values.indexOf(input)).toBeLessThan(values.indexOf(value));
  });
});

describe('rewrite', () => {
  it('copies a graph with its tags, replacing what it is asked to', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2]);
    const y = builder.scope('layer', () => builder.add(builder.exp(x), builder.float([1, 2], [2])));
    const target = new GraphBuilder();
    const { outputs } = rewrite(target, { outputs: { y } }, (_, value, inputs) =>
      isOp(value, 'Exp') ? target.neg(inputs[0]!) : undefined,
    );
    expect(outputs['y']!.tag).toBe('layer');
    expect(outputs['y']!.inputs.map(value => value.tag)).toEqual(['layer', 'layer']);
    expect([...evaluate(outputs, { x: Float64Array.of(5, 7) })['y']!]).toEqual([-4, -5]);
    expect(evaluate({ y }, { x: new Float64Array(2) })['y']![1]).toBe(3);
  });
});
