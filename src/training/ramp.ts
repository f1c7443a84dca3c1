/** A number that changes over the steps of a training: the weight or the temperature of a distillation term. */

export interface Ramp {
  /** Where the number comes from during the warm-up. */
  readonly from: number;
  /** Steps of warm-up, in a straight line. */
  readonly warmupSteps: number;
  /** The number after the warm-up. */
  readonly start: number;
  /** The number at the last step. */
  readonly end: number;
  /** The way from start to end. */
  readonly curve: 'linear' | 'cosine';
}

/**
 * The number at a step s of S, w of them warm-up. Before w: from + (start - from) (s + 1) / (w + 1). Then with u = (s - w) / (S - 1 - w):
 * linear start + (end - start) u; cosine start + (end - start) (1 - cos(pi u)) / 2.
 * @param step 0-based, below `steps`
 */
export function rampAt({ from, warmupSteps, start, end, curve }: Ramp, step: number, steps: number): number {
  if (step < warmupSteps) return from + ((start - from) * (step + 1)) / (warmupSteps + 1);
  const progress = (step - warmupSteps) / Math.max(1, steps - 1 - warmupSteps);
  switch (curve) {
    case 'linear':
      return start + (end - start) * progress;
    case 'cosine':
      return start + ((end - start) * (1 - Math.cos(Math.PI * progress))) / 2;
    default:
      return curve satisfies never;
  }
}
