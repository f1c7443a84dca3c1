/** Writes recipe.schema.json, which editors use to complete and check recipes. Run after every change of the recipe's schema. */
import { writeFileSync } from 'node:fs';
import { recipeJsonSchema } from '../src/recipe/schema.ts';

const target = new URL('../recipe.schema.json', import.meta.url);
writeFileSync(target, `${JSON.stringify(recipeJsonSchema(), null, 2)}\n`);
