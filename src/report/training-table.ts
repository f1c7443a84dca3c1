/** What the training of each arm took, and where it was best. */

import { formatDice, formatDuration } from '../core/format.ts';
import type { StepRecord } from '../training/trainer.ts';
import { orderArms } from './arms.ts';
import type { Markup } from './markup.ts';
import { renderTable } from './tables.ts';

/**
 * Steps, best step and time of each arm.
 * @param histories by arm, of the first fold and seed
 * @param seconds time of training by arm, all folds and seeds together; an arm that is not in it was not timed
 */
export function renderTraining(
  histories: Readonly<Record<string, readonly StepRecord[]>>,
  seconds: Readonly<Record<string, number>>,
): readonly Markup[] {
  const arms = orderArms(Object.keys(histories));
  if (arms.length === 0) return [];
  const best = (arm: string): StepRecord | undefined =>
    histories[arm]!.reduce<StepRecord | undefined>(
      (before, row) =>
        row.validationDice !== undefined && row.validationDice > (before?.validationDice ?? -1) ? row : before,
      undefined,
    );
  const isAverage = (row: StepRecord): boolean => row.emaDecay !== undefined;
  const averages = arms.some(arm => histories[arm]!.some(isAverage));
  const rows = [
    { title: 'Steps', cells: arms.map(arm => [String(histories[arm]!.at(-1)?.step ?? 0), ''] as const) },
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
