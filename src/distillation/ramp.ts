/** A number of a distillation term that may change over the steps of a training: its weight or its temperature. */
import { z } from 'zod';

/** A number, or one that changes from step to step. */
export type Ramp =
  | number
  | {
      /** The number after the warm-up. */
      readonly start: number;
      /** The number at the last step. */
      readonly end: number;
      /** Curve from start to end. */
      readonly curve: 'linear' | 'cosine';
      /** Number of warm-up steps before that. */
      readonly warmupSteps: number;
    };

/** Schema of a ramp in a recipe, for numbers in a range. */
export function rampSchema(range: z.ZodNumber) {
  return z.union([
    range,
    z.strictObject({
      start: range.describe('Value after the warm-up.'),
      end: range.describe('Value at the last step.'),
      curve: z
        .enum(['linear', 'cosine'])
        .default('linear')
        .describe('Curve from start to end: a straight line, or half a cosine, flat at both ends.'),
      warmupSteps: z
        .int()
        .min(0)
        .default(0)
        .describe(
          'Number of steps before that, over which a weight rises from 0 in a straight line and a temperature stays at start.',
        ),
    }),
  ]);
}

/**
 * A ramp at a step s of S, w of them warm-up, during which it comes from f: before w, f + (start - f) (s + 1) / (w +
 * 1). Then with u = (s - w) / (S - 1 - w): linear start + (end - start) u; cosine start + (end - start) (1 - cos(pi u))
 * / 2.
 */
function rampAt(ramp: Exclude<Ramp, number>, from: number, { step, steps }: Position): number {
  const { start, end, curve, warmupSteps } = ramp;
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

/** A step of a training, from 0, and the number of steps. */
interface Position {
  readonly step: number;
  readonly steps: number;
}

/** A weight at a step; it warms up from 0. */
export function weightAt(weight: Ramp, position: Position): number {
  return typeof weight === 'number' ? weight : rampAt(weight, 0, position);
}

/** A temperature at a step; 0 is no temperature, so it waits at its start. */
export function temperatureAt(temperature: Ramp, position: Position): number {
  return typeof temperature === 'number' ? temperature : rampAt(temperature, temperature.start, position);
}
