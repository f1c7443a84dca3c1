/** Results of tests as sentences for people. A sentence states a difference only if the corrected test supports it. */
import { formatNumber, formatPValue, formatSigned, plural } from '../../core/format.ts';
import { ARMS } from '../../experiment/record.ts';
import { FEWEST_CASES } from '../../metrics/crossed-mean.ts';
import { isDistance } from '../../metrics/metric-facts.ts';
import type { PairTest } from './comparison.ts';
import { metricFacts, nounOf, parseMetric } from './tested-metric.ts';

/** Level at which a test supports a difference. */
const SIGNIFICANCE_LEVEL = 0.05;

/** Whether a test supports a difference, at 5 % and with Holm's correction. */
export function isDifference({ pValueHolm }: Pick<PairTest, 'pValueHolm'>): boolean {
  return pValueHolm < SIGNIFICANCE_LEVEL;
}

/** Whether there are too few cases for the test to find any difference. */
export function cannotTell({ smallestPHolm }: Pick<PairTest, 'smallestPHolm'>): boolean {
  return smallestPHolm >= SIGNIFICANCE_LEVEL;
}

const ROLES: readonly string[] = ARMS;

/** An arm within a sentence: `the student`, and other names as they are. */
export function inSentence(arm: string): string {
  return ROLES.includes(arm) ? `the ${arm}` : arm;
}

/** An arm at the start of a sentence. */
export function startingSentence(arm: string): string {
  return ROLES.includes(arm) ? `The ${arm}` : arm;
}

/** `60 cases, 3 trained models each`. */
export function sizeOf({ n, models: [a, b] }: Pick<PairTest, 'n' | 'models'>): string {
  const models = a === b ? `${plural(a, 'trained model')} each` : `${a} and ${plural(b, 'trained model')}`;
  return `${plural(n, 'case')}, ${models}`;
}

/** Holm corrects p only, so an interval beside a corrected p is marked as uncorrected. */
function intervalOf({ ci95: [low, high], metric }: PairTest, family: number): string {
  if (Number.isNaN(low)) return `no interval below ${FEWEST_CASES} cases`;
  const { decimals } = metricFacts(metric);
  const alone = family === 1 ? '' : ' of this difference alone';
  return `95 % CI${alone} ${formatSigned(low, decimals)} to ${formatSigned(high, decimals)}`;
}

/** A distance is undefined if one side is empty, so it excludes the cases that matter most. */
function missedText({ a, b, metric, missed }: PairTest): string {
  if (!isDistance(parseMetric(metric).metric) || missed === undefined || missed.every(count => count === 0)) return '';
  return `; without the cases where a structure is missed or made up, ${missed[0]} of ${inSentence(a)} and ${missed[1]} of ${inSentence(b)}`;
}

/**
 * The sentence of a test.
 * @param family number of tests of this metric that were corrected together
 */
export function sentenceOf(test: PairTest, family: number): string {
  const { a, b, metric, meanDifference } = test;
  const { unit, decimals, better } = metricFacts(metric);
  const what = nounOf(metric);
  const corrected = family === 1 ? '' : ` after Holm's correction for ${family} tests`;
  const numbers = [`${formatSigned(meanDifference, decimals)}${unit}`, intervalOf(test, family)];
  const size = `${sizeOf(test)}${missedText(test)}`;
  if (isDifference(test)) {
    const direction = meanDifference > 0 ? 'higher' : 'lower';
    const judged =
      metric === 'meanDice' || metric.startsWith('dice:') ? '' : direction === better ? ' (better)' : ' (worse)';
    return `${startingSentence(a)} has a ${direction} ${what} than ${inSentence(b)}${judged} (${[...numbers, formatPValue(test.pValueHolm) + corrected, size].join(', ')}).`;
  }
  if (cannotTell(test)) {
    const least = `p cannot fall below ${formatNumber(Math.min(1, test.smallestPHolm), 3)}${corrected}`;
    if (test.differing === 0)
      return `${startingSentence(a)} and ${inSentence(b)} have the same ${what} in each of ${size}.`;
    const differing = test.differing === test.n ? '' : `, of which ${test.differing} differ,`;
    return `${plural(test.n, 'case')}${differing} cannot tell ${inSentence(a)} from ${inSentence(b)} in ${what}: ${least} (${[...numbers, size].join(', ')}).`;
  }
  return `No difference in ${what} found between ${inSentence(a)} and ${inSentence(b)} (${[...numbers, formatPValue(test.pValueHolm) + corrected, size].join(', ')}).`;
}
