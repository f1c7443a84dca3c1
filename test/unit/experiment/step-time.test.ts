/** Estimated step times against those that were measured (README, two cores of an AMD EPYC). */
import { expect, it } from 'vitest';
import { estimateStepMs } from '../../../src/experiment/step-time.ts';
import { collectParameters } from '../../../src/nn/parameters.ts';
import { unet } from '../../../src/nn/unet.ts';
import type { Model } from '../../../src/training/forward.ts';

const SHAPE = [2, 1, 40, 56, 40];

function unetOf(features: readonly number[]): Model {
  const network = unet({
    features,
    convolutionsPerLevel: 2,
    normalization: 'instance',
    negativeSlope: 0.01,
    classes: 3,
  });
  return { network, specs: collectParameters(network, SHAPE) };
}

it('is what steps were measured to take, within a twentieth', () => {
  const [teacher, student] = [unetOf([16, 32, 64]), unetOf([4, 8, 16])];
  const estimates = [
    estimateStepMs(teacher, SHAPE, { cores: 2 }),
    estimateStepMs(student, SHAPE, { cores: 2 }),
    estimateStepMs(student, SHAPE, { cores: 2, frozen: teacher }),
  ];
  [229, 58, 128].forEach((measured, index) => {
    expect(Math.abs(estimates[index]! / measured - 1)).toBeLessThan(0.05);
  });
});

it('halves with twice the cores', () => {
  const student = unetOf([4, 8, 16]);
  const at = (cores: number): number => estimateStepMs(student, SHAPE, { cores });
  expect(at(4)).toBeCloseTo(at(2) / 2, 9);
});
