/**
 * The scores of an arm as tables for statistics: models of one fold (seeds) as rows, its test cases as columns, a table
 * per fold; and the differences of two arms.
 */

import type { Evaluation } from '../../experiment/record.ts';
import { caseValues, type ScoreTable, type ScoreTerm } from '../../metrics/crossed-mean.ts';
import type { Repeat } from '../folder.ts';
import type { Score } from './tested-metric.ts';

/** One arm's evaluations, one per fold and seed. */
export interface ArmEvaluations {
  readonly name: string;
  readonly repeats: readonly (Repeat & { readonly evaluation: Evaluation })[];
}

/** The folds for which an arm has evaluations. */
export function foldsOfArm(arm: ArmEvaluations): readonly Repeat['fold'][] {
  return [...new Set(arm.repeats.map(({ fold }) => fold))];
}

/** The repeats of one fold: the models that were scored on the same cases. */
function repeatsOfFold(arm: ArmEvaluations, fold: Repeat['fold']): ArmEvaluations['repeats'] {
  return arm.repeats.filter(repeat => repeat.fold === fold);
}

/** The cases that were scored in a fold. */
function caseIds(arm: ArmEvaluations, fold: Repeat['fold']): readonly string[] {
  return [...new Set(repeatsOfFold(arm, fold).flatMap(({ evaluation }) => evaluation.cases.map(({ id }) => id)))];
}

/** Scores of a fold, by seed and case. */
function tableOf(
  arm: ArmEvaluations,
  { fold, ids, score }: { readonly fold: Repeat['fold']; readonly ids: readonly string[]; readonly score: Score },
): ScoreTable {
  return repeatsOfFold(arm, fold).map(({ evaluation }) => {
    const scores = new Map(evaluation.cases.map(item => [item.id, score(item)]));
    return ids.map(id => scores.get(id) ?? null);
  });
}

/** An arm's scores, one stratum per fold. */
export function strataOf(arm: ArmEvaluations, score: Score): readonly (readonly ScoreTerm[])[] {
  return foldsOfArm(arm).map(fold => [{ table: tableOf(arm, { fold, ids: caseIds(arm, fold), score }), sign: 1 }]);
}

/** The values of all cases that have one. */
export function valuesOf(strata: readonly (readonly ScoreTerm[])[]): readonly number[] {
  return strata.flatMap(terms => caseValues(terms).filter(value => value !== null));
}

/** The classes that were scored. */
export function classNames(arm: ArmEvaluations): readonly string[] {
  return [
    ...new Set(arm.repeats.flatMap(({ evaluation }) => evaluation.cases.flatMap(item => Object.keys(item.classes)))),
  ];
}

/** Cases in which, for any model of the arm, only one of reference and prediction has the class. */
export function missedCases(arm: ArmEvaluations, className: string): number {
  const ids = arm.repeats.flatMap(({ evaluation }) =>
    evaluation.cases.flatMap(({ id, classes }) => {
      const presence = classes[className]?.presence;
      return presence === 'reference-only' || presence === 'prediction-only' ? [id] : [];
    }),
  );
  return new Set(ids).size;
}

function sameSeeds(a: ArmEvaluations['repeats'], b: ArmEvaluations['repeats']): boolean {
  return a.length === b.length && a.every(({ seed }, index) => seed === b[index]?.seed);
}

/** Differences seed by seed; null if either has no score. */
function differenceTable(a: ScoreTable, b: ScoreTable): ScoreTable {
  return a.map((row, seed) =>
    row.map((score, column) => {
      const other = b[seed]?.[column] ?? null;
      return score === null || other === null ? null : score - other;
    }),
  );
}

/**
 * Differences of two arms on the cases of both, with one stratum for each pair of folds that share cases. Models of the
 * same fold and seed saw the same patches, so they are compared with each other; otherwise the models of each arm are
 * treated as unrelated.
 */
export function differenceStrata(
  a: ArmEvaluations,
  b: ArmEvaluations,
  score: Score,
): readonly (readonly ScoreTerm[])[] {
  const pairs = foldsOfArm(a).flatMap(foldA => foldsOfArm(b).map(foldB => [foldA, foldB] as const));
  return pairs.flatMap(([foldA, foldB]): (readonly ScoreTerm[])[] => {
    const others = new Set(caseIds(b, foldB));
    const ids = caseIds(a, foldA).filter(id => others.has(id));
    if (ids.length === 0) return [];
    const tableA = tableOf(a, { fold: foldA, ids, score });
    const tableB = tableOf(b, { fold: foldB, ids, score });
    if (foldA === foldB && sameSeeds(repeatsOfFold(a, foldA), repeatsOfFold(b, foldB))) {
      return [[{ table: differenceTable(tableA, tableB), sign: 1 }]];
    }
    return [
      [
        { table: tableA, sign: 1 },
        { table: tableB, sign: -1 },
      ],
    ];
  });
}
