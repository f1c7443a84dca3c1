/** How unsure a student is of cases that nobody has labelled, one after another. */
import type { Dataset } from '../../data/dataset.ts';
import { loadCase } from '../../data/loaded-case.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import { type ModelFile, readModelFile } from '../../experiment/model-file.ts';
import { openCascade } from '../../experiment/open-cascade.ts';
import { segmentCascade } from '../../inference/cascade.ts';
import type { WindowOptions } from '../../inference/sliding-window.ts';
import { foregroundUncertainty, type UncertainCase } from '../../metrics/foreground-uncertainty.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { writeJson } from '../../runtime/json-file.ts';
import { UNCERTAINTY } from './correction-folder.ts';
import { readCorrections, readUncertainty } from './corrections.ts';

/** What is measured. */
export interface UncertaintyOptions {
  /** A model that gives probabilities. */
  readonly model: ModelFile;
  readonly dataset: Dataset;
  /** Cases of the data set; their labels, if there are any, are not looked at. */
  readonly ids: readonly string[];
  /** How windows are laid. */
  readonly window: Pick<WindowOptions, 'overlap' | 'weighting'>;
  /** Called after every case. */
  readonly onCase?: (measured: UncertainCase) => Promise<void> | void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Segments cases with a model and measures {@link foregroundUncertainty}, with the temperature that the model was
 * calibrated to, if it was.
 * @returns one for each id, in their order
 * @throws as openCascade, loadCase and segmentCascade; the reason of the signal between two windows
 */
export async function measureUncertainty(
  laboratory: Laboratory,
  { model, dataset, ids, window, onCase, signal }: UncertaintyOptions,
): Promise<readonly UncertainCase[]> {
  const wanted = new Map(dataset.cases.map(item => [item.id, item]));
  const { models, coarse, close } = await openCascade(laboratory.engine, [model]);
  const task = laboratory.progress.task('looking for the most uncertain case', ids.length, 'case');
  const measured: UncertainCase[] = [];
  try {
    for (const item of ids.flatMap(id => wanted.get(id) ?? [])) {
      signal?.throwIfAborted();
      const { id, images } = item;
      const { image } = await loadCase(laboratory, dataset, { id, images });
      const segmentation = await segmentCascade(models, image, {
        ...window,
        id,
        coarse,
        confidence: 'entropy',
        ...(signal && { signal }),
      });
      const entropy = segmentation.confidence?.entropy?.data as Float32Array;
      const one = { id, uncertainty: foregroundUncertainty(entropy, segmentation.labels.data) };
      measured.push(one);
      await onCase?.(one);
      task.update(measured.length);
    }
  } finally {
    await close();
  }
  task.finish();
  return measured;
}

/**
 * Measures how unsure the student is of every case without a label, as far as that is not known, and keeps it.
 * @param onCase called after every case
 * @throws as readCorrections and measureUncertainty
 */
export async function measureUnlabelled(
  laboratory: Laboratory,
  recipe: Recipe,
  { onCase, signal }: { readonly onCase?: (one: UncertainCase) => void; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { files } = laboratory;
  const { dataset, cases, student } = await readCorrections(files, recipe);
  const known = [...(await readUncertainty(files, student))];
  const ids = cases
    .filter(({ state }) => state === 'unlabelled')
    .map(({ id }) => id)
    .filter(id => known.every(one => one.id !== id));
  if (ids.length === 0) return;
  await measureUncertainty(laboratory, {
    model: await readModelFile(files, student),
    dataset,
    ids,
    window: recipe.evaluate,
    onCase: async one => {
      known.push(one);
      await writeJson(files, UNCERTAINTY, { student, cases: known });
      onCase?.(one);
    },
    signal,
  });
}
