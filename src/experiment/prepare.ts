/** From a data set on disk to cases that are ready for training: loaded, checked, normalised, on the recipe's spacing, split. */
import { InputError } from '../core/errors.ts';
import type { CaseFiles } from '../data/case-list.ts';
import { type Dataset, isLabelled, openDataset } from '../data/dataset.ts';
import { type LoadedCase, loadCase } from '../data/loaded-case.ts';
import type { TrainingCase } from '../data/loader.ts';
import { normalize } from '../data/normalize.ts';
import { assertPatchFits } from '../data/patches.ts';
import { parseSplits, type Splits, splitCases } from '../data/splits.ts';
import { resampleLabelsToSpacing, resampleToSpacing } from '../volume/resample.ts';
import type { Recipe } from './config-schema.ts';
import type { Laboratory } from './laboratory.ts';

/** The data of an experiment. Test cases stay on disk until an arm is evaluated. */
export interface PreparedData {
  readonly dataset: Dataset;
  readonly splits: Splits;
  readonly train: readonly TrainingCase[];
  readonly val: readonly TrainingCase[];
  readonly test: readonly CaseFiles[];
  /** SHA-256 by path within the data set, of every file of every split. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** A loaded case as training sees it; the same steps in the same order as before inference. */
function prepareCase(
  { id, image, label }: LoadedCase,
  { spacingMm, normalize: method }: Recipe['preprocess'],
): { readonly case: TrainingCase; readonly warnings: readonly string[] } {
  const normalized = normalize({ id, data: image.data, channels: image.channels }, method);
  const volume = { ...image, data: normalized.data };
  const ready = spacingMm === null ? volume : resampleToSpacing(volume, spacingMm);
  const labels = label === undefined || spacingMm === null ? label : resampleLabelsToSpacing(label, spacingMm);
  return {
    warnings: normalized.warnings.map(({ code, message }) => `${code}: ${message}`),
    case: {
      id,
      image: ready.data,
      label: labels?.data ?? new Uint8Array(ready.data.length / image.channels),
      sizeVoxels: ready.sizeVoxels,
      channels: image.channels,
    },
  };
}

async function readSplits({ files }: Laboratory, recipe: Recipe, ids: readonly string[]): Promise<Splits> {
  const { splits } = recipe.data;
  if (!('file' in splits)) return splitCases(ids, splits);
  return parseSplits(new TextDecoder().decode(await files.read(splits.file)), ids, splits.file);
}

/**
 * Loads and checks everything before anything is written.
 * @throws {InputError} what openDataset, loadCase and assertPatchFits throw; E_NO_CASES without labelled training cases
 */
export async function prepareData(laboratory: Laboratory, recipe: Recipe, signal?: AbortSignal): Promise<PreparedData> {
  const { files, machine, progress } = laboratory;
  const dataset = await openDataset(files, recipe.data.dataset);
  if (dataset.labels.some(({ region }) => region !== undefined)) {
    throw new InputError('E_DATASET_LABELS', `${dataset.folder} has overlapping regions, which cannot be trained on.`);
  }
  const labelled = dataset.cases.filter(isLabelled);
  const splits = await readSplits(
    laboratory,
    recipe,
    labelled.map(({ id }) => id),
  );
  if (splits.train.length === 0) throw new InputError('E_NO_CASES', `${dataset.folder} leaves no training case`);
  const byId = new Map(labelled.map(item => [item.id, item]));
  const order = [...splits.train, ...splits.val, ...splits.test];
  const hashes: Record<string, string> = {};
  const cases = new Map<string, TrainingCase>();
  const task = progress.task('reading data', order.length, 'case');
  for (const [index, id] of order.entries()) {
    signal?.throwIfAborted();
    const item = byId.get(id) as CaseFiles;
    for (const path of [...item.images, ...(item.label === undefined ? [] : [item.label])]) {
      hashes[path.slice(dataset.folder.length + 1)] = machine.sha256(await files.read(path));
    }
    const loaded = await loadCase(files, dataset, item);
    if (!splits.test.includes(id)) {
      const prepared = prepareCase(loaded, recipe.preprocess);
      for (const warning of prepared.warnings) progress.warn(warning);
      if (splits.train.includes(id)) assertPatchFits(recipe.patch.size, prepared.case, recipe.patch.padding);
      cases.set(id, prepared.case);
    }
    task.update(index + 1);
  }
  task.finish();
  const pick = (ids: readonly string[]): TrainingCase[] => ids.map(id => cases.get(id) as TrainingCase);
  return {
    dataset,
    splits,
    train: pick(splits.train),
    val: pick(splits.val),
    test: splits.test.map(id => byId.get(id) as CaseFiles),
    hashes,
  };
}
