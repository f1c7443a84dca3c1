/** Scores and summaries for tests that care for some of their fields only. */
import { CLASS_METRICS, type ClassScore, type ClassSummary } from '../../src/metrics/case-score.ts';
import type { Estimate } from '../../src/metrics/statistics.ts';

/** A class that both have, of which only what is given is known. */
export function classScore(known: Partial<ClassScore>): ClassScore {
  const metrics = Object.fromEntries(CLASS_METRICS.map(metric => [metric, null])) as Pick<
    ClassScore,
    (typeof CLASS_METRICS)[number]
  >;
  return { ...metrics, presence: 'both', volumeMl: 1, referenceMl: 1, ...known };
}

/** A summary with the same estimate for every metric that is not given. */
export function classSummary(estimate: Estimate, known: Partial<ClassSummary> = {}): ClassSummary {
  const metrics = Object.fromEntries(CLASS_METRICS.map(metric => [metric, estimate])) as Record<
    (typeof CLASS_METRICS)[number],
    Estimate
  >;
  return { ...metrics, bothEmpty: 0, oneEmpty: 0, ...known };
}
