/** How far the certainty of each arm can be believed: expected against true Dice, and what its temperature changes. */
import { formatNumber, formatShare, formatSigned } from '../core/format.ts';
import type { Evaluation } from '../experiment/record.ts';
import type { Comparison } from '../study/comparison/comparison.ts';
import { orderArms } from './arms.ts';
import type { Markup } from './markup.ts';
import { renderTable, type TableRow } from './tables.ts';

/** The table, a row for each arm and class; empty where no arm expects a Dice. */
export function renderConfidence(
  { arms }: Comparison,
  evaluations: Readonly<Record<string, Evaluation>>,
): readonly Markup[] {
  const rows = orderArms(Object.keys(arms)).flatMap(arm =>
    Object.entries(arms[arm]?.expectedDice ?? {}).map(([name, found]): TableRow => {
      const { n, spearman, meanError, meanAbsoluteError, coverage, intervals } = found;
      const scores = evaluations[arm]?.summary.classes[name];
      const isCalibrated = (scores?.calibratedEce.n ?? 0) > 0;
      const none = 'n/a';
      return {
        title: `${arm}, ${name}`,
        cells: [
          [formatNumber(spearman, 2), `n\u00a0=\u00a0${n}`],
          [formatSigned(meanError, 3), `absolute ${formatNumber(meanAbsoluteError, 3)}`],
          coverage === null ? [none, ''] : [formatShare(coverage, 1), `n\u00a0=\u00a0${intervals}`],
          [
            formatNumber(scores?.ece.mean, 4),
            isCalibrated ? `${formatNumber(scores?.calibratedEce.mean, 4)} with temperature` : 'no temperature',
          ],
        ],
      };
    }),
  );
  if (rows.length === 0) return [];
  return [
    renderTable('Expected against true Dice on the test cases, and calibration without and with temperature.', {
      corner: 'arm, class',
      columns: ['rank correlation (Spearman)', 'expected minus true', 'intervals that hold', 'calibration error'],
      rows,
    }),
  ];
}
