/**
 * The first sentences of a report, derived from the numbers alone. They state a difference only if its test supports
 * it: with a corrected p >= 0.05 they say that none was found, whatever the means look like.
 */

import {
  formatDice,
  formatInterval,
  formatNumber,
  formatPValue,
  formatShare,
  formatSigned,
  plural,
} from '../core/format.ts';
import { isDistance } from '../metrics/metric-facts.ts';
import { haveSameClasses } from '../study/comparison/compare.ts';
import type { Comparison, PairTest } from '../study/comparison/comparison.ts';
import { cannotTell, isDifference } from '../study/comparison/sentences.ts';
import { isWorse, metricFacts, nounOf, parseMetric } from '../study/comparison/tested-metric.ts';

/** The tests of `first` against `second`, reversed if they were recorded the other way round. */
function testsOf(comparison: Comparison, first: string, second: string): readonly PairTest[] {
  return comparison.pairs.flatMap(pair => {
    if (pair.a === first && pair.b === second) return [pair];
    if (pair.a !== second || pair.b !== first) return [];
    const [low, high] = pair.ci95;
    return [{ ...pair, a: first, b: second, meanDifference: -pair.meanDifference, ci95: [-high, -low] as const }];
  });
}

/** The test on mean Dice. */
function findPair(comparison: Comparison, first: string, second: string): PairTest | undefined {
  return testsOf(comparison, first, second).find(({ metric }) => metric === 'meanDice');
}

/** Surface distances that a test shows to be larger than those of `second`; mean Dice does not show a far island. */
function worseDistances(comparison: Comparison, second: string, name: string): string {
  const worse = testsOf(comparison, 'student', second).filter(
    test =>
      isDistance(parseMetric(test.metric).metric) && isDifference(test) && isWorse(test.metric, test.meanDifference),
  );
  if (worse.length === 0) return '';
  const list = worse.map(({ metric, meanDifference, pValueHolm }) => {
    const { decimals, unit } = metricFacts(metric);
    return `${nounOf(metric)} (${formatSigned(meanDifference, decimals)}${unit}, ${formatPValue(pValueHolm)})`;
  });
  return ` Its surface lies further off than that of ${name}: ${list.join(', ')}.`;
}

function numbers(pair: PairTest): string {
  const interval = formatInterval(pair.ci95, formatSigned);
  const ends = Number.isFinite(pair.ci95[0]) ? `95 % CI ${interval}` : 'too few cases for an interval';
  return `mean difference ${formatSigned(pair.meanDifference)}, ${ends}, ${formatPValue(pair.pValueHolm)}, ${plural(pair.n, 'case')}`;
}

function againstBaseline(comparison: Comparison): string {
  const pair = findPair(comparison, 'student', 'baseline');
  if (pair === undefined) return 'The distilled student was not tested against a baseline.';
  if (cannotTell(pair)) {
    return `${plural(pair.n, 'case')} cannot tell the distilled student from the same network trained without a teacher: p cannot fall below ${formatNumber(pair.smallestPHolm, 3)} (${numbers(pair)}).`;
  }
  if (!isDifference(pair)) {
    return `No difference found between the distilled student and the same network trained without a teacher (${numbers(pair)}).`;
  }
  const direction = pair.meanDifference > 0 ? 'higher' : 'lower';
  return `The distilled student scores ${direction} than the same network trained without a teacher (${numbers(pair)}).`;
}

function againstTeacher(comparison: Comparison): string | undefined {
  const { teacher, student } = comparison.arms;
  if (teacher === undefined || student === undefined) return undefined;
  const share = `With ${formatShare(student.parameters, teacher.parameters)} of the teacher's parameters`;
  if (!haveSameClasses(student, teacher)) {
    const [own, taught] = [student, teacher].map(({ classes }) => Object.keys(classes).join(', '));
    return `${share} its classes are ${own}, those of the teacher ${taught}; means over different classes are not compared.`;
  }
  const size = `${share} it reaches mean Dice ${formatDice(student.meanDice)} against ${formatDice(teacher.meanDice)}`;
  const pair = findPair(comparison, 'student', 'teacher');
  if (pair === undefined) return `${size}; the two were not tested against each other.`;
  if (cannotTell(pair)) return `${size}; ${plural(pair.n, 'case')} cannot tell them apart (${numbers(pair)}).`;
  if (!isDifference(pair)) return `${size}; no difference found (${numbers(pair)}).`;
  return `${size}, which is ${pair.meanDifference > 0 ? 'higher' : 'lower'} (${numbers(pair)}).`;
}

/**
 * The finding of a run in one or two sentences. They compare teacher, student and baseline if these exist, and
 * otherwise list the means of the arms without ranking them.
 */
export function headline(comparison: Comparison): string {
  if (comparison.arms['student'] !== undefined) {
    const baseline = `${againstBaseline(comparison)}${worseDistances(comparison, 'baseline', 'the network without a teacher')}`;
    const teacher = againstTeacher(comparison);
    if (teacher === undefined) return baseline;
    const judged = comparison.notWorse?.find(({ a, b }) => a === 'student' && b === 'teacher');
    const verdict = judged === undefined ? '' : ` ${judged.sentence}`;
    return `${baseline} ${teacher}${worseDistances(comparison, 'teacher', 'the teacher')}${verdict}`;
  }
  const means = Object.entries(comparison.arms).map(([name, arm]) => `${name} ${formatDice(arm.meanDice)}`);
  return means.length === 0 ? 'Nothing was evaluated.' : `Mean Dice: ${means.join(', ')}.`;
}
