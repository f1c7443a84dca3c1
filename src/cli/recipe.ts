/** Reads the recipe of a command: checked, with overrides, and independent of the working directory. */

import { locate, nodeFiles } from '../platform/node/files.ts';
import { combine, parseGrid } from '../recipe/grid.ts';
import { parseRecipe, resolveRecipe } from '../recipe/parse.ts';
import type { Recipe } from '../recipe/schema.ts';
import { readText } from '../runtime/json-file.ts';
import type { Sweep } from '../study/sweep.ts';

/**
 * Reads a recipe file. Relative paths in it are resolved from the working directory, then from the recipe's folder.
 * @param overrides values of --set
 * @throws {InputError} E_FILE_MISSING, E_FILE_UNREADABLE, E_RECIPE, E_RECIPE_KEY, E_RECIPE_VALUE
 */
export async function loadRecipe(path: string, overrides: readonly string[]): Promise<Recipe> {
  const text = await readText(nodeFiles, path);
  return resolveRecipe(parseRecipe(text, { path, overrides }), name => locate(name, path));
}

/**
 * Reads a recipe file with every combination of a grid.
 * @throws {InputError} as {@link loadRecipe}, and E_GRID
 */
export async function loadSweep(path: string, overrides: readonly string[], grid: readonly string[]): Promise<Sweep> {
  const recipe = await loadRecipe(path, overrides);
  const axes = parseGrid(grid);
  const text = await readText(nodeFiles, path);
  const combinations = combine(text, axes, { path, overrides }).map(async combination => {
    const own = await resolveRecipe(combination.recipe, name => locate(name, path));
    return { ...combination, recipe: own };
  });
  return { recipe, axes, combinations: await Promise.all(combinations) };
}

/** Whether a path is that of a recipe rather than of a folder. */
export function isRecipePath(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

/** Default folder of a run: `runs/<name of the recipe>`. */
export function defaultRunFolder(recipePath: string): string {
  const name = recipePath.split(/[\\/]/).at(-1)!;
  return `runs/${name.replace(/\.ya?ml$/i, '')}`;
}
