/** How far the results of a device are from those of the processor. */
import { expect, it } from 'vitest';
import { tensor } from '../../../src/core/tensor.ts';
import { largestDeviation } from '../../../src/onnx/device-trial.ts';

const results = (...numbers: number[]) => ({ y: tensor('float32', Float32Array.from(numbers), [numbers.length]) });

it('is the largest difference, relative to the largest number', () => {
  expect(largestDeviation(results(1, -4), results(1, -4))).toBe(0);
  expect(largestDeviation(results(1, -4), results(1.5, -4))).toBe(0.125);
});

it('is infinite for numbers that are not finite and results that are missing', () => {
  expect(largestDeviation(results(1, 2), results(1, Number.NaN))).toBe(Number.POSITIVE_INFINITY);
  expect(largestDeviation(results(1, 2), results(1))).toBe(Number.POSITIVE_INFINITY);
  expect(largestDeviation(results(1, 2), {})).toBe(Number.POSITIVE_INFINITY);
});
