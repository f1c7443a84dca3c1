/** What a distillation in a page left in the browser's own storage, and the same run under Node. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { parseHistory } from '../../src/experiment/history.ts';
import { createNodeLaboratory } from '../../src/platform/node/laboratory.ts';
import { createWebEngine } from '../../src/platform/web/engine.ts';
import { parseRecipe, resolveRecipe } from '../../src/recipe/parse.ts';
import { runExperiment } from '../../src/study/run.ts';

/** Where the history of the student is in a session. */
export const HISTORY = 'run/student/history.csv';

/** A file of the first session in the browser's own storage. */
export async function storedText(page: Page, path: string): Promise<string> {
  return page.evaluate(async parts => {
    let at = await (await navigator.storage.getDirectory()).getDirectoryHandle('voxstill-sessions');
    for await (const name of (at as unknown as { keys(): AsyncIterable<string> }).keys()) {
      at = await at.getDirectoryHandle(name);
      break;
    }
    for (const name of parts.slice(0, -1)) at = await at.getDirectoryHandle(name);
    return (await (await at.getFileHandle(parts.at(-1) as string)).getFile()).text();
  }, path.split('/'));
}

/** The losses of every step. */
export function lossesOf(history: string): readonly unknown[] {
  return parseHistory(history, 'history.csv').map(({ step, losses: terms }) => ({ step, terms }));
}

/**
 * The run of a recipe of the page under Node with the page's engine, never interrupted.
 * @param data folder of {@link writePhantoms}, with the dataset.json that the page wrote for it
 * @param place a new folder
 * @returns the folder of the run
 */
export async function repeatedInNode(
  text: string,
  { data, place }: { readonly data: string; readonly place: string },
): Promise<string> {
  const out = join(place, 'run');
  mkdirSync(join(place, 'teacher'), { recursive: true });
  copyFileSync(join(data, 'teacher.onnx'), join(place, 'teacher/teacher.onnx'));
  const recipe = await resolveRecipe(parseRecipe(text, { path: 'recipe.yaml' }), async path =>
    path.startsWith('data/') ? data : join(place, path),
  );
  const laboratory = await createNodeLaboratory({ threads: 1 });
  const engine = await createWebEngine({ threads: 1 });
  const cache = { ...recipe.distill.cache, folder: join(place, 'soft-labels') };
  const here = { ...recipe, distill: { ...recipe.distill, cache } };
  await runExperiment({ ...laboratory, engine }, here, { out, resume: false });
  return out;
}
