/** Checks before training that the distillation of a recipe fits its networks. */
import { invariant } from '../core/errors.ts';
import { distillationAdapters, type ExternalTeacher } from '../training/teacher-in-step.ts';
import type { ArmOptions } from './arm-options.ts';
import { dataShape, planStudent } from './arm-plan.ts';

/**
 * Checks that the recipe's distillation fits student and teacher, by shapes alone.
 * @param teacher shapes of a finished teacher's results; the recipe describes a teacher that is trained here
 * @throws {InputError} E_LAYER, E_DISTILL or E_SHAPE, naming the term
 */
export function assertDistillationFits(
  { recipe, data }: Pick<ArmOptions, 'recipe' | 'data'>,
  teacher?: ExternalTeacher,
): void {
  const { step } = planStudent(recipe, dataShape(data.dataset), teacher);
  invariant(step.distillation !== undefined, 'a finished teacher is opened before its fit is known');
  distillationAdapters({ ...step, ...step.distillation });
}
