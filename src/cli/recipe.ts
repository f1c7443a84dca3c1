/** The recipe that a command was given: read, checked, overridden and made independent of the working directory. */
import { parseRecipe, resolveRecipe } from '../experiment/config.ts';
import type { Recipe } from '../experiment/config-schema.ts';
import { locate, nodeFiles } from '../platform/node/files.ts';

/**
 * Reads a recipe file. Relative paths in it are looked up from the working directory, then from the recipe's folder.
 * @param overrides of --set
 * @throws {InputError} E_FILE_MISSING, E_FILE_UNREADABLE, E_RECIPE, E_RECIPE_KEY, E_RECIPE_VALUE
 */
export async function loadRecipe(path: string, overrides: readonly string[]): Promise<Recipe> {
  const text = new TextDecoder().decode(await nodeFiles.read(path));
  return resolveRecipe(parseRecipe(text, { path, overrides }), name => locate(name, path));
}

/** `runs/<name of the recipe>`: where a run goes if nobody says. */
export function defaultRunFolder(recipePath: string): string {
  const name = recipePath.split(/[\\/]/).at(-1)!;
  return `runs/${name.replace(/\.ya?ml$/i, '')}`;
}
