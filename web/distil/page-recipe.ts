/** The recipe of a session, which asks for nothing that a page does not do. */
import { InputError } from '../../src/core/errors.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { isFinished } from '../../src/recipe/schema/teacher.ts';
import type { Recipe } from '../../src/recipe/schema.ts';

/**
 * @param text YAML
 * @throws {InputError} as parseRecipe; E_TEACHER_FIT for a teacher that is still to be trained; E_DEVICE for a device
 * that pages do not have
 */
export function pageRecipe(text: string): Recipe {
  const recipe = parseRecipe(text, { path: 'recipe.yaml' });
  if (!isFinished(recipe.teacher)) {
    throw new InputError(
      'E_TEACHER_FIT',
      'the page distils from a finished model, but the recipe describes a teacher to train. Name the model as teacher.onnx.',
    );
  }
  if (recipe.device === 'cuda') {
    throw new InputError(
      'E_DEVICE',
      'the recipe asks for cuda, which pages do not have. Set device to webgpu, auto or cpu.',
    );
  }
  return recipe;
}

/** Whether the student learns from the teacher alone, so that it is trained by itself and tested on nothing. */
export function isUntested({ student }: Recipe): boolean {
  return student.train.batch === 0;
}
