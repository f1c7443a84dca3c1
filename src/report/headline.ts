/**
 * The first sentences of a report, made from the numbers alone. A difference is only called one where its test says so: with a
 * corrected p >= 0.05 the sentence is that none was found, whatever the means look like.
 */

import { haveSameClasses, isDifference } from '../study/comparison/compare.ts';
import type { Comparison, PairTest } from '../study/comparison/comparison.ts';
import { formatDice, formatInterval, formatPValue, formatShare, formatSigned } from './format.ts';

/** The test of `first` against `second` on mean Dice, turned round where it was recorded the other way. */
function findPair(comparison: Comparison, first: string, second: string): PairTest | undefined {
  for (const pair of comparison.pairs) {
    if (pair.metric !== 'meanDice') continue;
    if (pair.a === first && pair.b === second) return pair;
    if (pair.a === second && pair.b === first) {
      return {
        ...pair,
        a: first,
        b: second,
        meanDifference: -pair.meanDifference,
        ci95: [-pair.ci95[1], -pair.ci95[0]],
      };
    }
  }
  return undefined;
}

function numbers(pair: PairTest): string {
  const interval = formatInterval(pair.ci95, formatSigned);
  return `mean difference ${formatSigned(pair.meanDifference)}, 95 % CI ${interval}, ${formatPValue(pair.pValueHolm)}, ${pair.n} cases`;
}

function againstBaseline(comparison: Comparison): string {
  const pair = findPair(comparison, 'student', 'baseline');
  if (pair === undefined) return 'The distilled student was not tested against a baseline.';
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
    return `${share} it tells apart ${own}, the teacher ${taught}; mean Dice of other classes is not compared.`;
  }
  const size = `${share} it reaches mean Dice ${formatDice(student.meanDice)} against ${formatDice(teacher.meanDice)}`;
  const pair = findPair(comparison, 'student', 'teacher');
  if (pair === undefined) return `${size}; the two were not tested against each other.`;
  if (!isDifference(pair)) return `${size}; no difference found (${numbers(pair)}).`;
  return `${size}, which is ${pair.meanDifference > 0 ? 'higher' : 'lower'} (${numbers(pair)}).`;
}

/**
 * What a run found, in one to two sentences. Speaks of teacher, student and baseline where they are there, and otherwise lists
 * the arms' means without ranking them.
 */
export function headline(comparison: Comparison): string {
  if (comparison.arms['student'] !== undefined) {
    const teacher = againstTeacher(comparison);
    return teacher === undefined ? againstBaseline(comparison) : `${againstBaseline(comparison)} ${teacher}`;
  }
  const means = Object.entries(comparison.arms).map(([name, arm]) => `${name} ${formatDice(arm.meanDice)}`);
  return means.length === 0 ? 'Nothing was evaluated.' : `Mean Dice: ${means.join(', ')}.`;
}
