/** Initial values: their spread is that of He et al. for the fan-in of a kernel, not for its whole shape. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { initialize, type ParameterSpec } from '../../../src/nn/parameters.ts';

const kernel = (shape: readonly number[], gain: number): ParameterSpec => ({
  name: `kernel ${shape}`,
  shape,
  initializer: { kind: 'normal', gain },
  role: 'kernel',
});

describe('initial kernels', () => {
  it.each([
    [[64, 32, 3, 3, 3], 2],
    [[8, 128, 1, 5, 5], 1],
    [[256, 64, 1, 1, 1], 2 / (1 + 0.01 ** 2)],
  ] as const)('of shape %o have a mean of 0 and a variance of gain / (inputs * taps), gain %f', (shape, gain) => {
    const values = initialize([kernel(shape, gain)], name => random(1, name));
    const [, inputs, ...taps] = shape;
    const variance = gain / (inputs * taps.reduce<number>((product, size) => product * size, 1));
    const squares = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    // five standard deviations of the mean of squares, and of the mean
    expect(Math.abs(squares / variance - 1)).toBeLessThan(5 * Math.sqrt(2 / values.length));
    expect(Math.abs(mean) / Math.sqrt(variance)).toBeLessThan(5 / Math.sqrt(values.length));
  });

  it('do not change where a parameter comes before them', () => {
    const [one, other] = [kernel([2, 3, 1, 1, 1], 2), kernel([4, 3, 1, 1, 1], 2)];
    const alone = initialize([one], name => random(1, name));
    const behind = initialize([other, one], name => random(1, name));
    expect([...behind.subarray(12)]).toEqual([...alone]);
  });
});
