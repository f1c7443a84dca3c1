/**
 * The quantity that a test compares: the mean Dice of a case, or a metric of one class, as `comparison.json` names it.
 */
import { type CaseScore, CLASS_METRICS, type ClassMetric, rangeOf } from '../../metrics/case-score.ts';
import type { ScoreRange } from '../../metrics/crossed-mean.ts';
import { factsOf, type MetricFacts } from '../../metrics/metric-facts.ts';

/** Quantity of a case that is compared. */
export type Score = (item: CaseScore) => number | null;

/** The parts of a metric's name. */
export interface TestedMetric {
  /** Class name; null for the mean Dice of all classes. */
  readonly className: string | null;
  readonly metric: ClassMetric;
}

/** `meanDice`, or `<metric>:<class>`, such as `dice:Anterior` or `hd95Mm:Anterior`. */
export function parseMetric(name: string): TestedMetric {
  const colon = name.indexOf(':');
  const metric = CLASS_METRICS.find(one => one === name.slice(0, colon));
  return metric === undefined ? { className: null, metric: 'dice' } : { className: name.slice(colon + 1), metric };
}

/** Reads the score of a case; signed errors by their size. */
export function scoreOf(name: string): Score {
  const { className, metric } = parseMetric(name);
  if (className === null) return item => item.meanDice;
  const isSigned = rangeOf(metric)[0] < 0;
  return item => {
    const score = item.classes[className]?.[metric] ?? null;
    return score !== null && isSigned ? Math.abs(score) : score;
  };
}

/** Range of the difference of two scores. */
export function differenceRange(name: string): ScoreRange {
  const [least, most] = rangeOf(parseMetric(name).metric);
  const width = most - least;
  return [-width, width];
}

/** Readable name of the metric, such as `HD95 of Anterior`. */
export function nounOf(name: string): string {
  const { className, metric } = parseMetric(name);
  return className === null ? 'mean Dice' : `${factsOf(metric).noun} of ${className}`;
}

/** Unit, decimals and direction of the tested quantity. */
export function metricFacts(name: string): MetricFacts {
  return factsOf(parseMetric(name).metric);
}

/** Whether a difference a - b means that a is worse. */
export function isWorse(name: string, difference: number): boolean {
  return metricFacts(name).better === 'higher' ? difference < 0 : difference > 0;
}
