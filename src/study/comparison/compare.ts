/**
 * Arms side by side: quality with intervals, cost, and a paired test for every pair of arms on the cases that both have.
 * With several seeds a case's score is its mean over the seeds, so that the case stays the independent unit of the test; with several folds
 * the test cases of all folds are pooled. Intervals are over cases and seeds. Tests and intervals then speak of the average model of an arm,
 * and the entries per seed and fold show how far training alone moves it.
 */

import { rangeOf } from '../../metrics/case-score.ts';
import { crossedMean, FEWEST_CASES } from '../../metrics/crossed-mean.ts';
import { wilcoxonSignedRank } from '../../metrics/signed-rank.ts';
import { holm, meanOf } from '../../metrics/statistics.ts';
import type { Repeat } from '../folder.ts';
import type { ArmSummary, Comparison, PairTest } from './comparison.ts';
import {
  type ArmEvaluations,
  classNames,
  differenceStrata,
  foldsOfArm,
  scoreOf,
  strataOf,
  valuesOf,
} from './score-tables.ts';

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
    parameters: first?.parameters ?? Number.NaN,
    bytes: first?.bytes ?? Number.NaN,
    multiplyAdds: first?.multiplyAdds ?? Number.NaN,
    secondsPerCase: meanOf(costs.map(cost => cost.secondsPerCase)),
    peakBytes: Math.max(...costs.map(cost => cost.peakBytes)),
  };
}

/** The arm as a whole, and each seed and fold for itself where there are several. */
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

type Tested = Omit<PairTest, 'pValueHolm' | 'sentence'>;

function testPair(a: ArmEvaluations, b: ArmEvaluations, metric: string): Tested | undefined {
  const strata = differenceStrata(a, b, scoreOf(metric));
  const differences = valuesOf(strata);
  if (differences.length === 0) return undefined;
  const { mean, ci95, n } = crossedMean(strata, [-1, 1]);
  return {
    a: a.name,
    b: b.name,
    metric,
    meanDifference: mean,
    ci95,
    pValue: wilcoxonSignedRank(
      differences,
      differences.map(() => 0),
    ).pValue,
    test: 'wilcoxon signed-rank',
    n,
    models: [a.repeats.length, b.repeats.length],
  };
}

/** Whether the mean Dice of two arms is a mean over the same classes. */
export function haveSameClasses(a: Pick<ArmSummary, 'classes'>, b: Pick<ArmSummary, 'classes'>): boolean {
  const [left, right] = [a, b].map(({ classes }) => Object.keys(classes).sort().join());
  return left === right;
}

/**
 * Tests on mean Dice, where it is of the same classes, then on each class that both know. Without a shared case there is nothing to test.
 */
function testArms(a: ArmEvaluations, b: ArmEvaluations): Tested[] {
  const [own, other] = [classNames(a), classNames(b)];
  const shared = own.filter(name => other.includes(name));
  const metrics = shared.map(name => `dice:${name}`);
  const isSame = shared.length === own.length && own.length === other.length;
  return [...(isSame ? ['meanDice'] : []), ...metrics].flatMap(metric => testPair(a, b, metric) ?? []);
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
}

function probability(value: number): string {
  return value < 0.001 ? 'p < 0.001' : `p = ${value.toFixed(3)}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function intervalOf({ ci95: [low, high] }: Pick<PairTest, 'ci95'>): string {
  if (Number.isNaN(low)) return `no interval below ${FEWEST_CASES} cases`;
  return `95 % CI ${signed(low)} to ${signed(high)}`;
}

/** Only a difference that the corrected test supports is called one. */
function sentenceOf(test: Omit<PairTest, 'sentence'>, family: number): string {
  const what = test.metric === 'meanDice' ? 'mean Dice' : `Dice of ${test.metric.slice('dice:'.length)}`;
  const p = `${probability(test.pValueHolm)}${family === 1 ? '' : ` after Holm's correction for ${family} tests`}`;
  const [modelsA, modelsB] = test.models;
  const models =
    modelsA === modelsB ? `${plural(modelsA, 'model')} each` : `${modelsA} and ${plural(modelsB, 'model')}`;
  const numbers =
    `${signed(test.meanDifference)}, ${intervalOf(test)}, ${p}, ` + `${plural(test.n, 'case')}, ${models}`;
  if (!isDifference(test)) return `No difference in ${what} found between ${test.a} and ${test.b} (${numbers}).`;
  const direction = test.meanDifference > 0 ? 'higher' : 'lower';
  return `${test.a} has a ${direction} ${what} than ${test.b} (${numbers}).`;
}

const SIGNIFICANCE_LEVEL = 0.05;

/** Whether a test supports a difference, at 5 % and with Holm's correction. */
export function isDifference({ pValueHolm }: Pick<PairTest, 'pValueHolm'>): boolean {
  return pValueHolm < SIGNIFICANCE_LEVEL;
}

/**
 * Tests pairs of arms: two-sided Wilcoxon signed-rank tests on the differences of the cases, each the mean over the seeds, and intervals over
 * cases and seeds ({@link crossedMean}). All pairs are one question: the p-values of one metric are corrected together (Holm).
 * @param pairs first minus second
 */
export function testPairs(pairs: readonly (readonly [ArmEvaluations, ArmEvaluations])[]): readonly PairTest[] {
  const tested = pairs.flatMap(([a, b]) => testArms(a, b));
  const families = new Map<string, Tested[]>();
  for (const test of tested) families.set(test.metric, [...(families.get(test.metric) ?? []), test]);
  const adjusted = new Map<Tested, number>();
  for (const family of families.values()) {
    const pValues = holm(family.map(({ pValue }) => pValue));
    family.forEach((test, index) => {
      adjusted.set(test, pValues[index] as number);
    });
  }
  return tested.map(test => {
    const corrected = { ...test, pValueHolm: adjusted.get(test) as number };
    return { ...corrected, sentence: sentenceOf(corrected, families.get(test.metric)?.length ?? 1) };
  });
}

/** The arms by name, pooled and in parts. */
export function summarizeArms(arms: readonly ArmEvaluations[]): Comparison['arms'] {
  return Object.fromEntries(arms.map(arm => [arm.name, entryOf(arm)]));
}

const INTEREST: readonly string[] = ['student', 'baseline', 'teacher'];

function rankOf(arm: ArmEvaluations): number {
  const rank = INTEREST.indexOf(arm.name);
  return rank === -1 ? INTEREST.length : rank;
}

/** Every two arms, first minus second: student before baseline before teacher, others as given. */
export function everyPair(arms: readonly ArmEvaluations[]): readonly (readonly [ArmEvaluations, ArmEvaluations])[] {
  const ordered = [...arms].sort((left, right) => rankOf(left) - rankOf(right));
  return ordered.flatMap((first, index) => ordered.slice(index + 1).map(second => [first, second] as const));
}

/**
 * Compares arms, every two of them; see {@link testPairs}.
 * @param arms with different names, at least one evaluation each; usually teacher, student, baseline
 */
export function compareArms(arms: readonly ArmEvaluations[]): Comparison {
  return { arms: summarizeArms(arms), pairs: testPairs(everyPair(arms)) };
}
