/** A comparison as lines for a terminal: one row per arm, then the results of the tests. */

import { formatBytes, formatCount, formatDice, formatInterval, formatSeconds } from '../core/format.ts';
import type { Comparison } from '../study/comparison/comparison.ts';
import { alignColumns } from './table.ts';

/** The lines, without a final line break. */
export function comparisonText(comparison: Comparison): string {
  const header = ['arm', 'mean Dice (95 % CI)', 'parameters', 'multiply-adds', 'file', 'per case', 'peak memory'];
  const rows = Object.entries(comparison.arms).map(([name, arm]) => [
    name,
    `${formatDice(arm.meanDice)} (${formatInterval(arm.meanDiceCi95, formatDice)})`,
    formatCount(arm.parameters),
    formatCount(arm.multiplyAdds),
    formatBytes(arm.bytes),
    formatSeconds(arm.secondsPerCase),
    formatBytes(arm.peakBytes),
  ]);
  const sentences = comparison.pairs.filter(({ metric }) => metric === 'meanDice').map(({ sentence }) => sentence);
  const groups = (comparison.groups ?? []).flatMap(({ sentences }) => sentences);
  const judged = (comparison.notWorse ?? []).map(({ sentence }) => sentence);
  return [...alignColumns([header, ...rows]), ...sentences, ...judged, ...groups].join('\n');
}
