/** Which of several choices are worth having: those that no other beats in quality and in cost at once. */

/** A choice. */
export interface ParetoPoint {
  readonly name: string;
  /** More is better. */
  readonly score: number;
  /** Less is better. */
  readonly cost: number;
}

function beats(a: ParetoPoint, b: ParetoPoint): boolean {
  return a.score >= b.score && a.cost <= b.cost && (a.score > b.score || a.cost < b.cost);
}

/**
 * The Pareto front, cheapest first. Equal choices are all in it; a choice without a number is not.
 * @see Pareto optimality; with one score and one cost the front rises strictly in both
 */
export function paretoFront(points: readonly ParetoPoint[]): readonly string[] {
  const known = points.filter(({ score, cost }) => Number.isFinite(score) && Number.isFinite(cost));
  return known
    .filter(point => !known.some(other => beats(other, point)))
    .sort((left, right) => left.cost - right.cost)
    .map(({ name }) => name);
}
