/** What the training of each arm took, and where it was best. */

import { formatDice, formatDuration } from '../core/format.ts';
import type { TrainedSteps } from '../study/trained-steps.ts';
import type { StepRecord } from '../training/trainer.ts';
import { orderArms } from './arms.ts';
import type { Markup } from './markup.ts';
import { renderTable } from './tables.ts';

/**
 * Steps, best step and time of each arm.
 * @param histories by arm, of the first fold and seed
 * @param seconds time of training by arm, all folds and seeds together; an arm that is not in it was not timed
 * @param trained steps of the trainings by arm, all folds and seeds; an arm that is not in it is taken as whole
 */
export function renderTraining(
  histories: Readonly<Record<string, readonly StepRecord[]>>,
  seconds: Readonly<Record<string, number>>,
  trained: Readonly<Record<string, readonly TrainedSteps[]>> = {},
): readonly Markup[] {
  const arms = orderArms(Object.keys(histories));
  if (arms.length === 0) return [];
  const best = (arm: string): StepRecord | undefined =>
    histories[arm]!.reduce<StepRecord | undefined>(
      (before, row) =>
        row.validationDice !== undefined && row.validationDice > (before?.validationDice ?? -1) ? row : before,
      undefined,
    );
  /** Whether a training ended early, and where in other folds and seeds. */
  const noteOn = (arm: string): string => {
    const all = trained[arm] ?? [];
    const counts = all.map(({ steps }) => steps);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    const planned = Math.max(...all.map(one => one.planned));
    if (all.length === 0 || least >= planned) return '';
    return `of ${planned}, stopped early${least === most ? '' : `; ${least} to ${most} over folds and seeds`}`;
  };
  const isAverage = (row: StepRecord): boolean => row.emaDecay !== undefined;
  const averages = arms.some(arm => histories[arm]!.some(isAverage));
  const rows = [
    { title: 'Steps', cells: arms.map(arm => [String(histories[arm]!.at(-1)?.step ?? 0), noteOn(arm)] as const) },
    {
      title: 'Best step (kept)',
      cells: arms.map(arm => {
        const row = best(arm);
        return row === undefined
          ? (['n/a', ''] as const)
          : ([String(row.step), `validation Dice ${formatDice(row.validationDice)}`] as const);
      }),
    },
    ...(averages
      ? [
          {
            title: 'Parameters validated and kept',
            cells: arms.map(arm => [histories[arm]!.some(isAverage) ? 'moving average' : 'as trained', ''] as const),
          },
        ]
      : []),
    {
      title: 'Training time, all folds and seeds',
      cells: arms.map(arm => [seconds[arm] === undefined ? 'n/a' : formatDuration(seconds[arm]), ''] as const),
    },
  ];
  const caption = 'Training of each arm; steps are those of the first fold and seed.';
  return [renderTable(caption, { columns: arms, rows })];
}
