/**
 * Writes recipe.schema.json, which editors use to complete and check recipes, and the tables of docs/recipe.md. Run
 * after every change of the recipe's schema.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { recipeJsonSchema } from '../src/recipe/schema.ts';
import { withTables } from './recipe-tables.ts';

const target = new URL('../recipe.schema.json', import.meta.url);
writeFileSync(target, `${JSON.stringify(recipeJsonSchema(), null, 2)}\n`);
const document = new URL('../docs/recipe.md', import.meta.url);
writeFileSync(document, withTables(readFileSync(document, 'utf8')));
