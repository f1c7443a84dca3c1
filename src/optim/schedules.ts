/** Schedules: the learning rate of a step as a factor in [0, 1] of the configured rate. */

export interface Schedule {
  readonly kind: 'constant' | 'poly' | 'cosine';
  /** Number of steps of linear rise from 0 before the schedule starts. */
  readonly warmupSteps: number;
  /** Exponent of the polynomial decay, 0.9 in nnU-Net. */
  readonly power: number;
}

/**
 * Factor of the learning rate at step s of S: constant 1; poly (1 - s/S)^power; cosine (1 + cos(pi s/S)) / 2. It would
 * reach 0 at s = S, one step after the last, as nnU-Net's: a last step at rate 0 would be computed for nothing. The
 * ramps of a distillation term end at s = S - 1 instead, since their `end` is the number of the last step.
 * @param step 0-based, below `steps`
 */
export function scheduleFactor({ kind, warmupSteps, power }: Schedule, step: number, steps: number): number {
  if (step < warmupSteps) return (step + 1) / (warmupSteps + 1);
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  switch (kind) {
    case 'constant':
      return 1;
    case 'poly':
      return (1 - progress) ** power;
    case 'cosine':
      return (1 + Math.cos(Math.PI * progress)) / 2;
    default:
      return kind satisfies never;
  }
}
