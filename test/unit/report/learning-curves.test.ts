/** Learning curves: what is drawn of them, smoothed or not, on a linear or a logarithmic axis. */
import { describe, expect, it } from 'vitest';
import { learningPanels } from '../../../src/report/learning-curves.ts';
import type { StepRecord } from '../../../src/training/trainer.ts';
import { bestValidation } from '../../../web/training.ts';

function rows(losses: readonly number[], dice: readonly (number | undefined)[] = []): readonly StepRecord[] {
  return losses.map((total, index) => ({
    step: index + 1,
    epoch: 1,
    seconds: index,
    learningRate: 0.01,
    losses: { total },
    ...(dice[index] !== undefined && { validationDice: dice[index] }),
  }));
}

/** Texts on the axis of steps, or of values, as Plot labels them. */
function ticks(markup: string, axis: 'x' | 'y'): readonly string[] {
  const [, group = ''] = new RegExp(`aria-label="${axis}-axis tick label"[^>]*>(.*?)</g>`).exec(markup) ?? [];
  return [...group.matchAll(/>([^<>]+)</g)].map(([, text]) => text as string);
}

describe('learningPanels', () => {
  it('smooths losses by a running mean whose weights fall by a factor, and leaves the validation Dice as it is', () => {
    const panels = learningPanels({ student: rows([4, 2, 1], [0.1, 0.9, 0.5]) }, { smoothing: 0.5 });
    expect(panels.map(({ title, curves }) => [title, curves[0]?.points.map(([, value]) => value)])).toEqual([
      ['Validation Dice', [0.1, 0.9, 0.5]],
      ['Total loss', [4, (0.5 * 4 + 2) / 1.5, (0.25 * 4 + 0.5 * 2 + 1) / 1.75]],
    ]);
  });

  it('has every step on the axis once, however few there are', () => {
    const of = (count: number): readonly string[] =>
      ticks(learningPanels({ student: rows(Array(count).fill(1)) })[0]!.markup.markup, 'x');
    expect(of(3)).toEqual(['1', '2', '3']);
    expect(of(800)).toEqual(['200', '400', '600']);
  });

  it('draws losses above 0 on a logarithmic axis where that is wanted, and others as they are', () => {
    const values = (losses: readonly number[], isLog: boolean): readonly string[] =>
      ticks(learningPanels({ student: rows(losses) }, { isLog })[0]!.markup.markup, 'y');
    expect(values([100, 1, 0.01], true)).toEqual(['0.01', '0.1', '1', '10', '100']);
    expect(values([100, 1, 0.01], false)[0]).toBe('0');
    expect(values([100, 0, 0.01], true)[0]).toBe('0');
  });
});

it('the best validation is the highest, and the first of equal ones', () => {
  expect(bestValidation(rows([1, 1, 1, 1], [undefined, 0.5, 0.8, 0.8]))).toMatchObject({
    step: 3,
    validationDice: 0.8,
  });
  expect(bestValidation(rows([1, 1], [Number.NaN]))).toBeUndefined();
});
