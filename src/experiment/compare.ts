/**
 * Arms side by side: quality with intervals, cost, and a paired test for every pair of arms on the cases that both have.
 * With several seeds a case's score is its mean over the seeds, so that the case stays the independent unit; tests and intervals
 * then speak of the average model of an arm, and the entries per seed show how far training alone moves it.
 */

import type { CaseScore } from '../metrics/case-score.ts';
import { bootstrapMean, bootstrapMeanDifference, meanOf, wilcoxonSignedRank } from '../metrics/statistics.ts';
import type { ArmSummary, Comparison, Evaluation, PairTest } from './record.ts';

/** One arm's evaluations, one per seed. */
export interface ArmEvaluations {
  readonly name: string;
  readonly seeds: readonly { readonly seed: number; readonly evaluation: Evaluation }[];
}

/** Score per case id; a case without the score is not there. */
type Scores = ReadonlyMap<string, number>;

/** Mean over seeds of each case's score; a seed in which it is undefined does not count. */
function pooledScores(arm: ArmEvaluations, score: (item: CaseScore) => number | null): Scores {
  const perCase = new Map<string, number[]>();
  for (const { evaluation } of arm.seeds) {
    for (const item of evaluation.cases) {
      const value = score(item);
      if (value !== null) perCase.set(item.id, [...(perCase.get(item.id) ?? []), value]);
    }
  }
  return new Map([...perCase].map(([id, values]) => [id, meanOf(values)]));
}

function classNames(arm: ArmEvaluations): readonly string[] {
  return [
    ...new Set(arm.seeds.flatMap(({ evaluation }) => evaluation.cases.flatMap(item => Object.keys(item.classes)))),
  ];
}

function diceOf(name: string): (item: CaseScore) => number | null {
  return item => item.classes[name]?.dice ?? null;
}

function summarize(arm: ArmEvaluations): ArmSummary {
  const estimate = bootstrapMean([...pooledScores(arm, item => item.meanDice).values()]);
  const classes = classNames(arm).map(name => [name, meanOf([...pooledScores(arm, diceOf(name)).values()])] as const);
  const costs = arm.seeds.map(({ evaluation }) => evaluation.model);
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

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
}

/** Only a difference that the test supports is called one. */
function sentenceOf(test: Omit<PairTest, 'sentence'>): string {
  const what = test.metric === 'meanDice' ? 'mean Dice' : `Dice of ${test.metric.slice('dice:'.length)}`;
  const p = test.pValue < 0.001 ? 'p < 0.001' : `p = ${test.pValue.toFixed(3)}`;
  const numbers = `${signed(test.meanDifference)}, 95 % CI ${signed(test.ci95[0])} to ${signed(test.ci95[1])}, ${p}, ${test.n} cases`;
  if (test.pValue >= 0.05) return `No difference in ${what} found between ${test.a} and ${test.b} (${numbers}).`;
  const direction = test.meanDifference > 0 ? 'higher' : 'lower';
  return `${test.a} has a ${direction} ${what} than ${test.b} (${numbers}).`;
}

function testPair(a: ArmEvaluations, b: ArmEvaluations, metric: string): PairTest | undefined {
  const score = metric === 'meanDice' ? (item: CaseScore) => item.meanDice : diceOf(metric.slice('dice:'.length));
  const [scoresA, scoresB] = [pooledScores(a, score), pooledScores(b, score)];
  const shared = [...scoresA].flatMap(([id, value]) => {
    const other = scoresB.get(id);
    return other === undefined ? [] : [[value, other] as const];
  });
  if (shared.length === 0) return undefined;
  const valuesA = shared.map(([value]) => value);
  const valuesB = shared.map(([, value]) => value);
  const difference = bootstrapMeanDifference(valuesA, valuesB);
  const test = {
    a: a.name,
    b: b.name,
    metric,
    meanDifference: difference.mean,
    ci95: difference.ci95,
    pValue: wilcoxonSignedRank(valuesA, valuesB).pValue,
    test: 'wilcoxon signed-rank',
    n: shared.length,
  } as const;
  return { ...test, sentence: sentenceOf(test) };
}

/** Tests on mean Dice, then on each class that both know. Without a shared case there is nothing to test. */
function testArms(a: ArmEvaluations, b: ArmEvaluations): PairTest[] {
  const known = classNames(b);
  const classes = classNames(a).filter(name => known.includes(name));
  return ['meanDice', ...classes.map(name => `dice:${name}`)].flatMap(metric => testPair(a, b, metric) ?? []);
}

const INTEREST: readonly string[] = ['student', 'baseline', 'teacher'];

function rankOf(arm: ArmEvaluations): number {
  const rank = INTEREST.indexOf(arm.name);
  return rank === -1 ? INTEREST.length : rank;
}

/**
 * Compares arms. Intervals are bootstrap percentiles over cases; tests are two-sided Wilcoxon signed-rank on paired cases, not
 * corrected for their number. Pairs are every two arms, first minus second: student before baseline before teacher, others as given.
 * @param arms with different names, at least one evaluation each; usually teacher, student, baseline
 */
export function compareArms(arms: readonly ArmEvaluations[]): Comparison {
  const entries = arms.map(arm => {
    const pooled = summarize(arm);
    if (arm.seeds.length < 2) return [arm.name, pooled] as const;
    const seeds = arm.seeds.map(entry => [String(entry.seed), summarize({ name: arm.name, seeds: [entry] })] as const);
    return [arm.name, { ...pooled, seeds: Object.fromEntries(seeds) }] as const;
  });
  const ordered = [...arms].sort((left, right) => rankOf(left) - rankOf(right));
  const pairs = ordered.flatMap((first, index) => ordered.slice(index + 1).flatMap(second => testArms(first, second)));
  return { arms: Object.fromEntries(entries), pairs };
}
