/**
 * Dropout masks: a function of the step's key and the layer's name, uniform, and without a pattern along any axis or
 * from key to key.
 */
import { describe, expect, it } from 'vitest';
import { GraphBuilder, type Value } from '../../../src/graph/graph.ts';
import { DROPOUT_KEYS, dropout, uniformNoise } from '../../../src/nn/dropout.ts';
import { evaluate } from '../../support/evaluate.ts';

const SHAPE = [2, 4, 8, 16, 16];
const COUNT = 2 * 4 * 8 * 16 * 16;

function noise(key: number, name = 'layer'): Float64Array {
  const builder = new GraphBuilder();
  const values = uniformNoise(builder, builder.input('key', []), name, SHAPE);
  return evaluate({ values }, { key: Float64Array.of(key) })['values']!;
}

/** Correlation of two lists of uniform numbers, in units of its standard deviation for independent ones. */
function correlation(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += (left[index]! - 0.5) * (right[index]! - 0.5);
  return (sum * 12) / Math.sqrt(left.length);
}

describe('the noise of a step', () => {
  const first = noise(1234567);

  it('is uniform over 64 equal parts of [0, 1)', () => {
    const counts = new Array<number>(64).fill(0);
    for (const value of first) counts[Math.floor(value * 64)]!++;
    const expected = COUNT / 64;
    const chiSquare = counts.reduce((sum, observed) => sum + (observed - expected) ** 2 / expected, 0);
    // 63 degrees of freedom: mean 63, standard deviation 11
    expect(Math.abs(chiSquare - 63)).toBeLessThan(50);
  });

  it.each([1, 2, 3, 16, 256, 2048, 8192])('does not correlate with itself %i places on', lag => {
    expect(Math.abs(correlation(first.subarray(0, COUNT - lag), first.subarray(lag)))).toBeLessThan(4.5);
  });

  it.each([1, 2, 1024, 2047, 2048, 4096])('does not correlate with that of a key %i higher', distance => {
    expect(Math.abs(correlation(first, noise(1234567 + distance)))).toBeLessThan(4.5);
  });

  it('is the same for the same key and name, and another for another name', () => {
    expect(noise(1234567)).toEqual(first);
    expect(Math.abs(correlation(first, noise(1234567, 'other layer')))).toBeLessThan(4.5);
  });

  it('has only whole intermediate numbers below 2^24, which float32 holds exactly', () => {
    const builder = new GraphBuilder();
    const values = uniformNoise(builder, builder.input('key', []), 'layer', [1, 2, 2, 2, 2]);
    const seen = new Set<Value>();
    const visit = (value: Value): void => {
      if (seen.has(value)) return;
      seen.add(value);
      value.inputs.forEach(visit);
    };
    visit(values);
    const outputs = Object.fromEntries([...seen].filter(({ op }) => op !== 'Input').map(value => [value.id, value]));
    for (const key of [0, 1, 2047, DROPOUT_KEYS - 1]) {
      for (const list of Object.values(evaluate(outputs, { key: Float64Array.of(key) }))) {
        for (const value of list) expect(Math.fround(value)).toBe(value);
      }
    }
  });
});

describe('dropout', () => {
  const builder = new GraphBuilder();
  const x = builder.input('x', SHAPE);
  const training = { training: true, get: () => x, update: () => {} };
  const dropoutKey = (): Value => builder.input('key', []);
  const ones = { x: new Float64Array(COUNT).fill(1), key: Float64Array.of(77) };

  it('sets the asked share of the voxels to 0 and scales the others so that the mean stays', () => {
    const y = dropout({ builder, name: 'a', parameters: { ...training, dropoutKey } }, x, { rate: 0.3, unit: 'voxel' });
    const { values } = evaluate({ values: y }, ones) as { values: Float64Array };
    const kept = values.filter(value => value !== 0);
    const furthest = kept.reduce((largest, value) => Math.max(largest, Math.abs(value - 1 / 0.7)), 0);
    expect(furthest).toBeLessThan(1e-6);
    // standard deviation of the share: 0.0036
    expect(Math.abs(kept.length / COUNT - 0.7)).toBeLessThan(0.014);
  });

  it('drops whole feature maps where it is asked to', () => {
    const y = dropout({ builder, name: 'b', parameters: { ...training, dropoutKey } }, x, {
      rate: 0.5,
      unit: 'feature map',
    });
    const { values } = evaluate({ values: y }, ones) as { values: Float64Array };
    const map = COUNT / 8;
    const different = Array.from({ length: 8 }, (_, index) => new Set(values.subarray(index * map, (index + 1) * map)));
    expect(different.every(({ size }) => size === 1)).toBe(true);
    expect(new Set(different.map(([value]) => value)).size).toBe(2);
  });

  it('does nothing outside training', () => {
    expect(dropout({ builder, name: 'c', parameters: training }, x, { rate: 0.5, unit: 'voxel' })).toBe(x);
  });
});
