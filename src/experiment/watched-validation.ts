/** Trainings that follow their validation need something to validate on. */
import { InputError } from '../core/errors.ts';
import type { Splits } from '../data/splits.ts';
import type { Schedule } from '../optim/schedules.ts';
import { isFinished } from '../recipe/schema/teacher.ts';
import type { Recipe } from '../recipe/schema.ts';
import { keyOfArm, type TrainedArm } from './record.ts';

/** The schedule of an arm: its own, or that of the optimizer. */
export function scheduleOf({ optimizer }: Recipe, { schedule }: Recipe['student']['train']): Schedule {
  return schedule ?? optimizer.schedule;
}

/**
 * Checks that there are validation cases where the training of an arm stops or slows down by them.
 * @throws {InputError} E_NO_CASES naming the key
 */
export function assertValidates(recipe: Recipe, arm: TrainedArm, { val }: Pick<Splits, 'val'>): void {
  const network = arm === 'teacher' ? recipe.teacher : recipe.student;
  if (val.length > 0 || isFinished(network)) return;
  const side = keyOfArm(arm);
  const own = network.train.schedule === null ? 'optimizer.schedule' : `${side}.train.schedule`;
  const key =
    network.train.earlyStop !== null
      ? `${side}.train.earlyStop`
      : scheduleOf(recipe, network.train).kind === 'plateau'
        ? `${own}.kind: plateau`
        : undefined;
  if (key === undefined) return;
  throw new InputError(
    'E_NO_CASES',
    `${key} follows the validation, but the splits leave no validation case. Increase data.splits.val, or leave the key out.`,
  );
}
