/** Mean Dice of every group of cases, and the group that each arm does worst in. */
import { formatDice, formatInterval } from '../../core/format.ts';
import type { CaseGrouping } from '../../data/case-groups.ts';
import { crossedMean, FEWEST_CASES } from '../../metrics/crossed-mean.ts';
import type { Estimate } from '../../metrics/statistics.ts';
import { type ArmEvaluations, strataOf } from './score-tables.ts';

/** A group of cases. */
interface GroupScore {
  readonly name: string;
  /** Mean Dice by arm, over the group's test cases and the trained models. */
  readonly meanDice: Readonly<Record<string, Estimate>>;
}

/** One way to group, as `comparison.json` has it. */
export interface GroupScores {
  readonly by: string;
  readonly groups: readonly GroupScore[];
  /** Test cases that are in no group. */
  readonly without: number;
  /** By arm: its worst group, of those with five cases or more; null where there are fewer than two. */
  readonly worst: Readonly<Record<string, string | null>>;
  readonly sentences: readonly string[];
}

function worstOf(groups: readonly GroupScore[], arm: string): GroupScore | undefined {
  const large = groups.filter(group => (group.meanDice[arm]?.n ?? 0) >= FEWEST_CASES);
  if (large.length < 2) return undefined;
  return large.reduce((worst, group) => (group.meanDice[arm]!.mean < worst.meanDice[arm]!.mean ? group : worst));
}

/** Scores the groups of each way to group. */
export function scoreGroups(
  arms: readonly ArmEvaluations[],
  groupings: readonly CaseGrouping[],
): readonly GroupScores[] {
  const tested = [
    ...new Set(
      arms.flatMap(({ repeats }) => repeats.flatMap(({ evaluation }) => evaluation.cases.map(({ id }) => id))),
    ),
  ];
  return groupings.map(({ by, groupOf }) => {
    const names = [...new Set(tested.flatMap(id => groupOf.get(id) ?? []))].sort((a, b) =>
      a.localeCompare(b, 'en', { numeric: true }),
    );
    const groups = names.map((name): GroupScore => {
      const scored = arms.map(arm => {
        const strata = strataOf(arm, item => (groupOf.get(item.id) === name ? item.meanDice : null));
        return [arm.name, crossedMean(strata, [0, 1])] as const;
      });
      return { name, meanDice: Object.fromEntries(scored) };
    });
    const worst = arms.map(({ name }) => [name, worstOf(groups, name)] as const);
    return {
      by,
      groups,
      without: tested.filter(id => !groupOf.has(id)).length,
      worst: Object.fromEntries(worst.map(([arm, group]) => [arm, group?.name ?? null])),
      sentences: worst.flatMap(([arm, group]) => {
        if (group === undefined) return [];
        const { mean, ci95, n } = group.meanDice[arm]!;
        return `Worst ${by} of ${arm}: ${group.name}, mean Dice ${formatDice(mean)} (95 % CI ${formatInterval(ci95, formatDice)}, ${n} cases).`;
      }),
    };
  });
}
