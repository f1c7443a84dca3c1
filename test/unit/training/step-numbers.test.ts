/** The numbers that a run of the graph is told. */
import { describe, expect, it } from 'vitest';
import { type NumberOptions, stepNumbers } from '../../../src/training/step-numbers.ts';
import { HARD_LOSS, plainAdam, smallUnet } from '../../support/training-steps.ts';

const options = (accumulate: number): NumberOptions => ({
  step: {
    ...{ student: smallUnet([2]), imageShape: [1, 1, 2, 2, 2], hardLoss: HARD_LOSS, optimizer: plainAdam() },
    ...{ regularization: { l1: 0, l2: 0 }, clipNorm: null, accumulate },
  },
  ...{ seed: 1, steps: 10, learningRate: 0.1, schedule: { kind: 'poly', warmupSteps: 0, power: 1 } },
});

describe('the micro-batches of a step', () => {
  const names = ['learningRate', 'biasCorrection1', 'isLast', 'dropoutKey'];
  const runs = (accumulate: number): number[][] =>
    [0, 1, 2, 3, 4, 5].map(position => {
      const place = { step: Math.floor(position / accumulate), part: position % accumulate, reductions: 0 };
      return [...stepNumbers(options(accumulate), names, place)];
    });

  it('have the rate and the bias corrections of their step, and the last of them says so', () => {
    const [a, b, c, d] = runs(3) as [number[], number[], number[], number[]];
    expect([a, b, c].map(run => run.slice(0, 2))).toEqual([a, a, a].map(run => run.slice(0, 2)));
    expect(d.slice(0, 2)).not.toEqual(a.slice(0, 2));
    expect(runs(3).map(run => run[2])).toEqual([0, 0, 1, 0, 0, 1]);
    expect(runs(1).map(run => run[2])).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('drop other values, each of them', () => {
    expect(new Set(runs(3).map(run => run[3])).size).toBe(6);
  });
});
