/** `voxstill paint SOURCE`: writes the images that are painted of label maps as a data set. */
import { InputError } from '../../core/errors.ts';
import { plural } from '../../core/format.ts';
import { type Dataset, openDataset } from '../../data/dataset.ts';
import { paintingsOf } from '../../data/synthesis/painted-cases.ts';
import { openAnnotated } from '../../experiment/annotations.ts';
import { synthesisOfMaps } from '../../experiment/found-maps.ts';
import { paintDataset } from '../../experiment/paint.ts';
import { readSplits } from '../../experiment/splits.ts';
import { createNodeSources } from '../../platform/node/laboratory.ts';
import type { Recipe } from '../../recipe/schema.ts';
import type { Files } from '../../runtime/files.ts';
import type { PaintFlags } from '../flags/paint.ts';
import { isRecipePath, loadRecipe } from '../recipe.ts';
import type { CommandSession, Outcome } from '../session.ts';

/** Maps to paint. */
interface Wanted {
  readonly dataset: Dataset;
  readonly ids?: readonly string[];
}

async function mapsOfRecipe(files: Files, recipe: Recipe, split: PaintFlags['split']): Promise<Wanted> {
  const dataset = await openAnnotated(files, recipe.data);
  if (split === 'all') return { dataset };
  const { splits } = recipe.data;
  if ('fold' in splits && splits.fold === null && !('file' in splits)) {
    const advice = `--split ${split} needs one of them: add --set data.splits.fold=0.`;
    throw new InputError('E_SPLITS', `the recipe divides its cases into folds. ${advice}`);
  }
  return { dataset, ids: (await readSplits(files, recipe, dataset))[split] };
}

/** Paints the maps of a recipe, or of a folder. */
export async function paint(
  source: string,
  { out, count, split, set }: PaintFlags,
  { progress, signal }: CommandSession,
): Promise<Outcome> {
  const sources = createNodeSources();
  const isRecipe = isRecipePath(source);
  if (!isRecipe && (split !== 'all' || set.length > 0)) {
    throw new InputError('E_USAGE', '--split and --set belong to a recipe; give its file in place of a folder.');
  }
  const recipe = isRecipe ? await loadRecipe(source, set) : undefined;
  const found = recipe ? recipe.data.synthesize : await synthesisOfMaps(sources, source, { progress, signal });
  if (found === null) {
    const advice = isRecipe
      ? 'Set data.synthesize in it'
      : 'Give a folder of label maps, or a recipe with data.synthesize';
    throw new InputError('E_NO_CASES', `${source} has nothing to paint. ${advice}.`);
  }
  const wanted = recipe
    ? await mapsOfRecipe(sources.files, recipe, split)
    : { dataset: await openDataset(sources.files, source, { synthesize: found }) };
  const { dataset, ids } = wanted as Wanted;
  const painted = await paintDataset({ ...sources, progress }, dataset, {
    ids,
    count: count ?? paintingsOf(found, split === 'val' || split === 'test' ? split : undefined),
    out,
    signal,
  });
  const { cases, maps } = painted;
  return { json: painted, text: `${out}: ${plural(cases.length, 'image')} of ${plural(maps, 'label map')}` };
}
