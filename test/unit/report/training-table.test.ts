/** The table of what training took. */
import { expect, it } from 'vitest';
import { renderTraining } from '../../../src/report/training-table.ts';
import type { StepRecord } from '../../../src/training/trainer.ts';

const row = (step: number, more: Partial<StepRecord> = {}): StepRecord => ({
  ...{ step, epoch: 0, seconds: step, learningRate: 0.1, losses: { total: 1 } },
  ...more,
});

it('says where a training stopped early, over all folds and seeds', () => {
  const table = (...steps: number[]): string =>
    renderTraining({ student: [row(40)] }, {}, { student: steps.map(one => ({ steps: one, planned: 100 })) })
      .map(({ markup }) => markup)
      .join('');
  expect(table(100, 100)).not.toContain('stopped early');
  expect(table(40)).toContain('of 100, stopped early');
  expect(table(40, 100, 70)).toContain('of 100, stopped early; 40 to 100 over folds and seeds');
});

it('says which parameters were validated and kept where an arm averages them', () => {
  const table = (more: Partial<StepRecord>): string =>
    renderTraining({ teacher: [row(1)], student: [row(1, more)] }, {})
      .map(({ markup }) => markup)
      .join('');
  expect(table({})).not.toContain('moving average');
  expect(table({ emaDecay: 0.1 })).toMatch(
    /Parameters validated and kept(?:(?!<\/tr>).)*as trained(?:(?!<\/tr>).)*moving average/s,
  );
});
