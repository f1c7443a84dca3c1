/** Cases that failed in the evaluations of arms: they are in no score, and readers of a comparison must know. */
import { listSome } from '../../core/format.ts';
import type { FailedCase } from '../../experiment/record.ts';
import type { ArmEvaluations } from './score-tables.ts';

/** Failed cases by arm. Arms without one are not listed. */
export type FailedCases = Readonly<Record<string, readonly FailedCase[]>>;

/** The cases of each arm that failed for any of its models, each once. */
export function failedCases(arms: readonly ArmEvaluations[]): FailedCases {
  const byArm = arms.map(({ name, repeats }) => {
    const byId = new Map(repeats.flatMap(({ evaluation }) => evaluation.failed ?? []).map(one => [one.id, one]));
    return [name, [...byId.values()]] as const;
  });
  return Object.fromEntries(byArm.filter(([, failed]) => failed.length > 0));
}

/** One sentence for each arm with failed cases. */
export function failedNotes(failed: FailedCases): readonly string[] {
  return Object.entries(failed).map(([name, cases]) => {
    const named = listSome(cases.map(({ id, code }) => `${id} (${code})`));
    const verb = cases.length === 1 ? 'case failed and is' : 'cases failed and are';
    return `${name} lacks cases: ${cases.length} ${verb} in no score: ${named}.`;
  });
}
