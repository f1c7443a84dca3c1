/**
 * Compares arms: quality with intervals, cost, and a paired test for every pair of arms on the cases that both have.
 * With several seeds the score of a case is its mean over the seeds, so the case stays the independent unit of the
 * test. With several folds the test cases of all folds are pooled. Intervals are over cases and seeds. Tests and
 * intervals then describe the average model of an arm; the entries per seed and fold show how much training alone
 * varies.
 */

import { rangeOf } from '../../metrics/case-score.ts';
import { crossedMean } from '../../metrics/crossed-mean.ts';
import { type DiceReliability, diceReliability, expectedAndTrue } from '../../metrics/expected-dice.ts';
import { isDistance, TESTED_METRICS } from '../../metrics/metric-facts.ts';
import { smallestSignedRankP, wilcoxonSignedRank } from '../../metrics/signed-rank.ts';
import { holm, meanOf } from '../../metrics/statistics.ts';
import type { Repeat } from '../folder.ts';
import type { ArmSummary, Comparison, PairTest } from './comparison.ts';
import { judgeNotWorse } from './not-worse.ts';
import {
  type ArmEvaluations,
  classNames,
  differenceStrata,
  foldsOfArm,
  missedCases,
  strataOf,
  valuesOf,
} from './score-tables.ts';
import { sentenceOf } from './sentences.ts';
import { differenceRange, parseMetric, scoreOf } from './tested-metric.ts';

/** How far the arm's expected Dice can be believed, over the cases of all its models. */
function reliabilityOf(
  { repeats }: ArmEvaluations,
  names: readonly string[],
): Readonly<Record<string, DiceReliability>> {
  const found = names.flatMap(name => {
    const pairs = repeats.flatMap(({ evaluation: { cases, confidence } }) =>
      expectedAndTrue(cases, name, confidence.halfWidths[name] ?? null),
    );
    return pairs.length === 0 ? [] : [[name, diceReliability(pairs)] as const];
  });
  return Object.fromEntries(found);
}

function summarize(arm: ArmEvaluations): ArmSummary {
  const estimate = crossedMean(strataOf(arm, scoreOf('meanDice')), rangeOf('dice'));
  const classes = classNames(arm).map(name => {
    return [name, meanOf(valuesOf(strataOf(arm, scoreOf(`dice:${name}`))))] as const;
  });
  const costs = arm.repeats.map(({ evaluation }) => evaluation.model);
  const [first] = costs;
  return {
    meanDice: estimate.mean,
    meanDiceCi95: estimate.ci95,
    classes: Object.fromEntries(classes),
    expectedDice: reliabilityOf(arm, classNames(arm)),
    parameters: first?.parameters ?? Number.NaN,
    bytes: first?.bytes ?? Number.NaN,
    multiplyAdds: first?.multiplyAdds ?? Number.NaN,
    secondsPerCase: meanOf(costs.map(cost => cost.secondsPerCase)),
    peakBytes: Math.max(...costs.map(cost => cost.peakBytes)),
  };
}

/** Summary of an arm, and of each seed and fold if there are several. */
function entryOf(arm: ArmEvaluations): Comparison['arms'][string] {
  const seeds = [...new Set(arm.repeats.map(({ seed }) => seed))];
  const folds = foldsOfArm(arm);
  const part = (keep: (repeat: Repeat) => boolean): ArmSummary =>
    summarize({ name: arm.name, repeats: arm.repeats.filter(keep) });
  const ofSeeds = seeds.map(seed => [String(seed), part(repeat => repeat.seed === seed)] as const);
  const ofFolds = folds.map(fold => [String(fold), part(repeat => repeat.fold === fold)] as const);
  return {
    ...summarize(arm),
    ...(seeds.length < 2 ? {} : { seeds: Object.fromEntries(ofSeeds) }),
    ...(folds.length < 2 ? {} : { folds: Object.fromEntries(ofFolds) }),
  };
}

/** A test before correction. */
type Tested = Omit<PairTest, 'pValueHolm' | 'smallestPHolm' | 'sentence'> & { readonly smallestP: number };

function testPair(a: ArmEvaluations, b: ArmEvaluations, name: string): Tested | undefined {
  const strata = differenceStrata(a, b, scoreOf(name));
  const differences = valuesOf(strata);
  if (differences.length === 0) return undefined;
  const { mean, ci95, n } = crossedMean(strata, differenceRange(name));
  const { pValue, n: differing } = wilcoxonSignedRank(
    differences,
    differences.map(() => 0),
  );
  const { className, metric } = parseMetric(name);
  const missed = isDistance(metric) ? { missed: [a, b].map(arm => missedCases(arm, className ?? '')) } : {};
  return {
    a: a.name,
    b: b.name,
    metric: name,
    meanDifference: mean,
    ci95,
    pValue,
    smallestP: smallestSignedRankP(differing),
    test: 'wilcoxon signed-rank',
    n,
    differing,
    models: [a.repeats.length, b.repeats.length],
    ...(missed as Pick<Tested, 'missed'>),
  };
}

/** Whether the mean Dice of two arms is a mean over the same classes. */
export function haveSameClasses(a: Pick<ArmSummary, 'classes'>, b: Pick<ArmSummary, 'classes'>): boolean {
  const [left, right] = [a, b].map(({ classes }) => Object.keys(classes).sort().join());
  return left === right;
}

/**
 * Tests on mean Dice, if both have the same classes, then metric by metric on each class of both. Without a shared case
 * there is nothing to test.
 */
function testArms(a: ArmEvaluations, b: ArmEvaluations): Tested[] {
  const [own, other] = [classNames(a), classNames(b)];
  const shared = own.filter(name => other.includes(name));
  const names = TESTED_METRICS.flatMap(metric => shared.map(name => `${metric}:${name}`));
  const isSame = shared.length === own.length && own.length === other.length;
  return [...(isSame ? ['meanDice'] : []), ...names].flatMap(name => testPair(a, b, name) ?? []);
}

/**
 * Tests pairs of arms: two-sided Wilcoxon signed-rank tests on the differences of the cases, each the mean over the
 * seeds, and intervals over cases and seeds ({@link crossedMean}). All pairs are one family: the p-values of one metric
 * are corrected together (Holm).
 * @param pairs first minus second
 */
export function testPairs(pairs: readonly (readonly [ArmEvaluations, ArmEvaluations])[]): readonly PairTest[] {
  const tested = pairs.flatMap(([a, b]) => testArms(a, b));
  const families = new Map<string, Tested[]>();
  for (const test of tested) families.set(test.metric, [...(families.get(test.metric) ?? []), test]);
  const corrected = new Map<Tested, PairTest>();
  for (const family of families.values()) {
    const pValues = holm(family.map(({ pValue }) => pValue));
    const least = holm(family.map(({ smallestP }) => smallestP));
    family.forEach((test, index) => {
      const { smallestP: _, ...rest } = test;
      const found = { ...rest, pValueHolm: pValues[index]!, smallestPHolm: least[index]!, sentence: '' };
      corrected.set(test, { ...found, sentence: sentenceOf(found, family.length) });
    });
  }
  return tested.map(test => corrected.get(test)!);
}

/** The arms by name, pooled and per seed and fold. */
export function summarizeArms(arms: readonly ArmEvaluations[]): Comparison['arms'] {
  return Object.fromEntries(arms.map(arm => [arm.name, entryOf(arm)]));
}

const INTEREST: readonly string[] = ['student', 'baseline', 'teacher'];

function rankOf(arm: ArmEvaluations): number {
  const rank = INTEREST.indexOf(arm.name);
  return rank === -1 ? INTEREST.length : rank;
}

/** All pairs of arms, first minus second: student before baseline before teacher, others as given. */
export function everyPair(arms: readonly ArmEvaluations[]): readonly (readonly [ArmEvaluations, ArmEvaluations])[] {
  const ordered = [...arms].sort((left, right) => rankOf(left) - rankOf(right));
  return ordered.flatMap((first, index) => ordered.slice(index + 1).map(second => [first, second] as const));
}

/**
 * Compares all pairs of arms; see {@link testPairs}.
 * @param arms with different names, at least one evaluation each; usually teacher, student, baseline
 * @param margin of the recipe, by which the student is judged against the teacher; null where it has none
 */
export function compareArms(arms: readonly ArmEvaluations[], margin: number | null = null): Comparison {
  const [student, teacher] = ['student', 'teacher'].map(name => arms.find(arm => arm.name === name));
  const isJudged = margin !== null && student !== undefined && teacher !== undefined;
  return {
    arms: summarizeArms(arms),
    pairs: testPairs(everyPair(arms)),
    ...(isJudged && { notWorse: judgeNotWorse([[student, teacher]], margin) }),
  };
}
