/** Schedules: the learning rate of a step as a factor in [0, 1] of the configured rate. */

interface Curve {
  readonly kind: 'constant' | 'poly' | 'cosine';
  /** Number of steps of linear rise from 0 before the schedule starts. */
  readonly warmupSteps: number;
  /** Exponent of the polynomial decay, 0.9 in nnU-Net. */
  readonly power: number;
}

/** A rate that falls each time that the validation has brought nothing better for a while. */
interface Reductions extends Omit<Curve, 'kind'> {
  readonly kind: 'plateau';
  /** Factor of the rate at each reduction, in (0, 1). */
  readonly factor: number;
  /** Validations in a row without a better score before a reduction. */
  readonly patience: number;
  /** Rate below which it does not fall. */
  readonly smallestRate: number;
}

export type Schedule = Curve | Reductions;

/**
 * Factor of the learning rate at step s of S: constant and plateau 1; poly (1 - s/S)^power; cosine (1 + cos(pi s/S)) /
 * 2. It would reach 0 at s = S, one step after the last, as nnU-Net's: a last step at rate 0 would be computed for
 * nothing. The ramps of a distillation term end at s = S - 1 instead, since their `end` is the number of the last step.
 * @param step 0-based, below `steps`
 */
export function scheduleFactor({ kind, warmupSteps, power }: Schedule, step: number, steps: number): number {
  if (step < warmupSteps) return (step + 1) / (warmupSteps + 1);
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  switch (kind) {
    case 'constant':
    case 'plateau':
      return 1;
    case 'poly':
      return (1 - progress) ** power;
    case 'cosine':
      return (1 + Math.cos(Math.PI * progress)) / 2;
    default:
      return kind satisfies never;
  }
}

/**
 * The configured rate after some reductions, r factor^n but not below the smallest rate; unchanged for schedules
 * without reductions, and where it is below the smallest rate from the start.
 */
export function reducedRate(schedule: Schedule, rate: number, reductions: number): number {
  if (schedule.kind !== 'plateau') return rate;
  return Math.max(Math.min(rate, schedule.smallestRate), rate * schedule.factor ** reductions);
}
