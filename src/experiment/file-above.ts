/** Files that a model's run or sweep keeps above it. */
import type { Files } from '../runtime/files.ts';

/**
 * The nearest file of one of these names in the folder of a model, or above it.
 * @param options.levels folders above that of the model, at most
 * @returns undefined if there is none
 */
export async function fileAbove(
  files: Pick<Files, 'exists'>,
  modelPath: string,
  { names, levels }: { readonly names: readonly string[]; readonly levels: number },
): Promise<string | undefined> {
  const folders = modelPath.split('/').slice(0, -1);
  for (let level = 0; level <= Math.min(levels, folders.length); level++) {
    for (const name of names) {
      const path = [...folders.slice(0, folders.length - level), name].join('/');
      if (await files.exists(path)) return path;
    }
  }
  return undefined;
}
