/**
 * Pools several evaluations of one arm, for tables and charts by case: the cases of all folds, each with the mean of
 * its scores over the seeds.
 */

import type { Evaluation } from '../../experiment/record.ts';
import type { ReliabilityBin } from '../../metrics/calibration.ts';
import {
  type CaseScore,
  CLASS_METRICS,
  type ClassMetric,
  type ClassScore,
  summarizeCases,
} from '../../metrics/case-score.ts';
import { meanOf } from '../../metrics/statistics.ts';
import { failedCases } from './failed-cases.ts';
import type { ArmEvaluations } from './score-tables.ts';

function meanOfSome(values: readonly (number | null)[]): number | null {
  const known = values.filter(value => value !== null);
  return known.length === 0 ? null : meanOf(known);
}

/** Mean scores of a class; it counts as missed if any of the models misses it. */
function poolClass(scores: readonly ClassScore[]): ClassScore {
  const first = scores[0] as ClassScore;
  const means = CLASS_METRICS.map(metric => [metric, meanOfSome(scores.map(score => score[metric]))] as const);
  return {
    ...first,
    ...(Object.fromEntries(means) as Record<ClassMetric, number | null>),
    presence: scores.find(({ presence }) => presence !== 'both' && presence !== 'neither')?.presence ?? first.presence,
    volumeMl: meanOf(scores.map(({ volumeMl }) => volumeMl)),
  };
}

function poolCase(scores: readonly CaseScore[]): CaseScore {
  const { id } = scores[0] as CaseScore;
  const names = [...new Set(scores.flatMap(({ classes }) => Object.keys(classes)))];
  const classes = names.map(name => [name, poolClass(scores.flatMap(score => score.classes[name] ?? []))] as const);
  return { id, classes: Object.fromEntries(classes), meanDice: meanOfSome(scores.map(({ meanDice }) => meanDice)) };
}

/** Merges bins of the same width: voxels add up, means are over all voxels. */
function poolBins(all: readonly (readonly ReliabilityBin[])[]): readonly ReliabilityBin[] {
  return (all[0] ?? []).map((_, index) => {
    const bins = all.flatMap(one => one[index] ?? []);
    const voxels = bins.reduce((sum, bin) => sum + bin.voxels, 0);
    const mean = (part: 'probability' | 'frequency'): number | null =>
      voxels === 0 ? null : bins.reduce((sum, bin) => sum + bin.voxels * (bin[part] ?? 0), 0) / voxels;
    return { voxels, probability: mean('probability'), frequency: mean('frequency') };
  });
}

/**
 * Pools the evaluations of an arm. The facts of the model are those of the first evaluation; a single evaluation is
 * returned unchanged.
 * @param arm an arm with at least one evaluation
 */
export function pooledEvaluation(arm: ArmEvaluations): Evaluation {
  const { repeats } = arm;
  const evaluations = repeats.map(({ evaluation }) => evaluation);
  const first = evaluations[0] as Evaluation;
  if (evaluations.length === 1) return first;
  const byId = new Map<string, CaseScore[]>();
  for (const score of evaluations.flatMap(({ cases }) => cases)) {
    byId.set(score.id, [...(byId.get(score.id) ?? []), score]);
  }
  const cases = [...byId.values()].map(poolCase);
  const classes = Object.keys(first.calibration);
  const bins = classes.map(
    name => [name, poolBins(evaluations.flatMap(one => [one.calibration[name] ?? []]))] as const,
  );
  const failed = failedCases([arm])[arm.name];
  return {
    ...first,
    cases,
    summary: summarizeCases(cases),
    calibration: Object.fromEntries(bins),
    ...(failed && { failed }),
  };
}
