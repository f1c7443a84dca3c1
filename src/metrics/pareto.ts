/**
 * Choices that are worth having: those that no other beats in quality and in cost. Neither noise of a measurement nor a
 * difference that no test supports decides it.
 */

/** A choice. */
export interface ParetoPoint {
  readonly name: string;
  /** Quality; more is better. */
  readonly score: number;
  /** Cost; less is better. */
  readonly cost: number;
}

/** What counts as a difference. */
export interface ParetoRules {
  /** Costs whose ratio is no more than this are the same; 1 if not given. */
  readonly sameCost?: number;
  /** Whether a is shown to be better than b; by default any higher score shows it. */
  readonly isBetter?: (a: ParetoPoint, b: ParetoPoint) => boolean;
}

/**
 * The Pareto front, cheapest first. a beats b if it is clearly cheaper and scores no lower, or if it is shown to be
 * better and costs no more. It contains all equal choices, but none without a number.
 */
export function paretoFront(points: readonly ParetoPoint[], rules: ParetoRules = {}): readonly string[] {
  const { sameCost = 1, isBetter = (a, b) => a.score > b.score } = rules;
  const beats = (a: ParetoPoint, b: ParetoPoint): boolean =>
    (a.cost * sameCost < b.cost && a.score >= b.score) || (a.cost <= b.cost * sameCost && isBetter(a, b));
  const known = points.filter(({ score, cost }) => Number.isFinite(score) && Number.isFinite(cost));
  return known
    .filter(point => !known.some(other => beats(other, point)))
    .sort((left, right) => left.cost - right.cost)
    .map(({ name }) => name);
}
