/** The coarse stage that a recipe trains itself, as a recipe of its own. */
import { distillSchema } from './schema/distill.ts';
import { exportSchema } from './schema/export.ts';
import type { Recipe } from './schema.ts';

/** The settings of a coarse stage that is trained. */
export type CoarseSettings = Exclude<NonNullable<Recipe['cascade']>['coarse'], string>;

/** The coarse stage that a recipe trains; undefined where there is none, or it is a finished model. */
export function trainedCoarse({ cascade }: Pick<Recipe, 'cascade'>): CoarseSettings | undefined {
  return cascade === null || typeof cascade.coarse === 'string' ? undefined : cascade.coarse;
}

/**
 * The recipe that a coarse stage follows: that of the run, on whole volumes at the coarse spacing, with the network of
 * the stage for its student, which is trained without a teacher, as a baseline is.
 */
export function recipeOfCoarse(recipe: Recipe, { spacingMm, patch, ...network }: CoarseSettings): Recipe {
  return {
    ...recipe,
    cascade: null,
    preprocess: { ...recipe.preprocess, spacingMm },
    patch: { ...recipe.patch, size: patch.size },
    teacher: network,
    student: { ...network, from: null, export: exportSchema.parse({}) },
    // it has no teacher, so cases without labels teach it nothing
    distill: distillSchema.parse({}),
    baseline: false,
  };
}
