/**
 * The schema of a recipe. It and its parts in schema/ hold the only defaults of the program: other code has no
 * defaults, and a resolved recipe contains every value. Objects are strict, so a misspelt key is an error and never a
 * silent default.
 * Triples are in x, y, z order. Does not know about files or text; see parse.ts.
 */

import { z } from 'zod';
import type { DeepReadonly } from '../core/deep-readonly.ts';
import { withPresetValues } from './augment-preset.ts';
import { COMBINATIONS } from './schema/combinations.ts';
import { splitFractions } from './schema/data.ts';
import { type RecipeKeys, recipeShape } from './schema/shape.ts';

/** Default division of cases, for commands without a recipe. */
export const defaultSplits: DeepReadonly<z.output<typeof splitFractions>> = splitFractions.parse({});

/** The schema of a recipe with every default. */
export const recipeSchema = z
  .preprocess(
    withPresetValues,
    COMBINATIONS.reduce((shape, check) => shape.superRefine(check), recipeShape),
  )
  .meta({ title: 'voxstill recipe' });

/** A complete recipe: every default filled in, every alias replaced by its key. */
export type Recipe = DeepReadonly<RecipeKeys>;

/**
 * The recipe as a JSON Schema (draft 7, the one that editors' YAML support reads best), for the input: keys with a
 * default are optional. What several places share, such as the families of networks, stands once under `definitions`.
 */
export function recipeJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(recipeSchema, { io: 'input', target: 'draft-7' });
}
