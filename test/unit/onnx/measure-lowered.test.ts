/** Peak of the tensors alive in a run, on graphs small enough to follow by hand. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder, type Value } from '../../../src/graph/graph.ts';
import { lower } from '../../../src/onnx/lower.ts';
import { peakTensorBytes } from '../../../src/onnx/measure-lowered.ts';

const FLOATS = 100;
const BYTES = 4 * FLOATS;

function peakOf(build: (builder: GraphBuilder, x: Value, y: Value) => Value): number {
  const builder = new GraphBuilder();
  const result = build(builder, builder.input('x', [FLOATS]), builder.input('y', [FLOATS]));
  return peakTensorBytes(lower({ outputs: { result } }, { block: 0 }));
}

describe('the peak of a run', () => {
  it('is one tensor for a chain of elementwise operators, which write over their operand', () => {
    expect(peakOf((builder, x) => builder.sqrt(builder.exp(builder.neg(x))))).toBe(BYTES);
  });

  it('does not write over what is read again', () => {
    const twice = peakOf((builder, x, y) => {
      const first = builder.exp(x);
      return builder.add(builder.mul(builder.sqrt(first), y), first);
    });
    expect(twice).toBe(2 * BYTES);
  });

  it('does not write over an input', () => {
    expect(peakOf((builder, x, y) => builder.add(x, y))).toBe(BYTES);
  });

  it('counts a reshaped tensor once', () => {
    const reshaped = peakOf((builder, x) => builder.neg(builder.reshape(builder.exp(x), [10, FLOATS / 10])));
    expect(reshaped).toBe(BYTES);
  });

  it('counts operand and result where the result cannot take the operand over', () => {
    const grown = peakOf((builder, x) => builder.concat([builder.exp(x), builder.neg(x)], 0));
    expect(grown).toBe(4 * BYTES);
  });

  it('does not write over an operand that is smaller than the result', () => {
    // the sum of one number and a tensor cannot take the memory of the number over
    const spread = peakOf((builder, x) => builder.add(builder.exp(builder.total(x)), builder.neg(x)));
    expect(spread).toBe(BYTES + 4);
    const builder = new GraphBuilder();
    const [one, many] = [builder.input('one', []), builder.input('many', [FLOATS])];
    const sum = builder.add(builder.exp(one), many);
    expect(peakTensorBytes(lower({ outputs: { sum } }, { block: 0 }))).toBe(BYTES + 4);
  });
});
