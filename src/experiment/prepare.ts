/** Prepares the cases of a data set for training: loads, checks, normalises, resamples and splits them. */

import { InputError } from '../core/errors.ts';
import { leftOutOfPlane } from '../data/augment/augmentation.ts';
import { mirroredSides } from '../data/augment/mirrored-sides.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { Dataset } from '../data/dataset.ts';
import type { ChannelIntensities } from '../data/intensities.ts';
import type { TrainingCase } from '../data/loader.ts';
import type { ChannelNormalization } from '../data/normalize.ts';
import type { Splits } from '../data/splits.ts';
import { type CaseFacts, summarizeTraining, type TrainingFacts } from '../data/training-facts.ts';
import { trainedCoarse } from '../recipe/coarse-recipe.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Progress } from '../runtime/progress.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import type { Crop } from '../volume/nonzero.ts';
import { openAnnotated } from './annotations.ts';
import { readCaseWeights } from './case-weights.ts';
import { readCoarseStage } from './coarse-stage.ts';
import type { Laboratory } from './laboratory.ts';
import { type CoarseFiles, hashesOfModels } from './model-file.ts';
import { resolveNormalization } from './normalization.ts';
import { type CaseNumbers, openCaseData } from './prepared/case-data.ts';
import { caseOpener } from './prepared/open-case.ts';
import { type CaseUse, type ReadCase, type Reading, readCase } from './prepared/read-case.ts';
import { openRegions } from './prepared/region.ts';
import { assertFitsDataset } from './recipe-on-dataset.ts';
import { splitWarnings } from './split-warnings.ts';
import { chooseCases, needsLabels } from './used-cases.ts';

/** The data of an experiment. Test cases stay on disk until an arm is evaluated. */
export interface PreparedData {
  readonly dataset: Dataset;
  readonly splits: Splits;
  readonly train: readonly TrainingCase[];
  readonly val: readonly TrainingCase[];
  /**
   * Unlabelled cases, for which only the teacher gives targets; empty unless the recipe uses them. Their labels are
   * zeros, whatever is on disk.
   */
  readonly unlabelled: readonly TrainingCase[];
  readonly test: readonly CaseFiles[];
  /**
   * Normalisation of every channel, with the numbers of the training cases if a method needs them; stored in the
   * models.
   */
  readonly normalize: readonly ChannelNormalization[];
  /** What is cut away of every volume; stored in the models. */
  readonly crop: Crop;
  /** Finds the region of every case that is all that is used of it; stored in the models. Absent for whole volumes. */
  readonly coarse?: CoarseFiles;
  /** Intensities of the raw channels by case, for the cases that are trained on, with and without labels. */
  readonly intensities: ReadonlyMap<string, readonly ChannelIntensities[]>;
  /** What the training cases are like; stored in the models. */
  readonly training: TrainingFacts;
  /** What training on this division of the cases should not pass over in silence. */
  readonly warnings: readonly VolumeWarning[];
  /** Short hashes of the images of all cases, by id. */
  readonly images: ReadonlyMap<string, string>;
  /** SHA-256 by path within the data set, of every file of the training, validation and test cases. */
  readonly hashes: Readonly<Record<string, string>>;
  /** SHA-256 of the files of the unlabelled cases. */
  readonly transferHashes: Readonly<Record<string, string>>;
  /** SHA-256 of the files beside the cases that say how to train: dataset.json, and what the recipe names. */
  readonly settingHashes: Readonly<Record<string, string>>;
}

/** Says which classes no training case was annotated for: only a teacher can teach them. */
function warnOfUnannotated({ labels }: Dataset, train: readonly CaseFiles[], progress: Progress): void {
  if (train.length === 0) return;
  const lacking = labels.filter(
    ({ value }) => value !== 0 && train.every(({ annotated }) => annotated?.includes(value) === false),
  );
  if (lacking.length === 0) return;
  const names = lacking.map(({ name }) => name).join(', ');
  progress.warn(`no training case is annotated for ${names} (data.annotated): only a teacher can teach it.`);
}

/** Names of the classes that were looked for in at least one of these cases. */
function classesSought({ labels }: Dataset, cases: readonly CaseFiles[]): readonly string[] {
  const isSought = (value: number): boolean => cases.some(({ annotated }) => annotated?.includes(value) !== false);
  return labels.filter(({ value }) => value !== 0 && isSought(value)).map(({ name }) => name);
}

/** SHA-256 of dataset.json and of the files of weights and annotations, by path within the data set or as named. */
async function settingHashesOf(
  { files, machine }: Laboratory,
  { data, patch }: Recipe,
  { folder }: Dataset,
): Promise<Readonly<Record<string, string>>> {
  const named = [data.annotated, patch.caseWeights].flatMap(one =>
    one !== null && 'file' in one && typeof one.file === 'string' ? [one.file] : [],
  );
  const description = `${folder}/dataset.json`;
  // a folder of label maps has none
  const described = (await files.exists(description)) ? [['dataset.json', description] as const] : [];
  const places = [...described, ...named.map(path => [path, path] as const)];
  const hashes: Record<string, string> = {};
  for (const [name, path] of places) hashes[name] = machine.sha256(await files.read(path));
  return hashes;
}

/** What the cases that are trained on are like; without labels nothing is known of the volumes of the classes. */
function trainingFacts(
  { labelled, unlabelled }: { readonly labelled: readonly ReadCase[]; readonly unlabelled: readonly ReadCase[] },
  { preprocess }: Recipe,
): TrainingFacts {
  const cases = labelled.length > 0 ? labelled : unlabelled;
  const numbers = cases.map(one => one.numbers.facts) as [CaseFacts, ...CaseFacts[]];
  const facts = summarizeTraining(numbers, { isCropped: preprocess.crop === 'nonzero' });
  if (labelled.length > 0) return facts;
  const { classes: _, ...others } = facts;
  return others;
}

/** Refuses a coarse model that finds nothing in any training case. */
function assertSomeLeft(train: readonly ReadCase[], recipe: Recipe, coarse: CoarseFiles | undefined): void {
  if (train.length > 0 || !needsLabels(recipe)) return;
  throw new InputError(
    'E_CASCADE',
    `the coarse model ${coarse?.models[0]?.path} finds nothing in any training case, and nothing is labelled in them. Take another one, or train it longer.`,
  );
}

/** How data are prepared. */
export interface PrepareOptions {
  /** Model file of the coarse stage that the recipe trains itself. */
  readonly coarseModel?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads cases one after the other. */
async function readCases(
  cases: readonly CaseFiles[],
  {
    reading,
    useOf,
    signal,
  }: { readonly reading: Reading; readonly useOf: (id: string) => CaseUse; readonly signal: AbortSignal | undefined },
): Promise<readonly ReadCase[]> {
  const read: ReadCase[] = [];
  const task = reading.progress.task('reading data', cases.length, 'case');
  try {
    for (const item of cases) {
      signal?.throwIfAborted();
      read.push(await readCase(item, useOf(item.id), reading));
      task.update(read.length);
    }
  } finally {
    await reading.regions?.close();
  }
  task.finish();
  return read;
}

/**
 * Loads and checks everything before anything is written: every case is hashed, loaded and checked, and all but the
 * test cases are made ready for training.
 * @param recipe of one fold
 * @throws {InputError} as openDataset, loadCase, readCoarseStage and assertPatchFits; E_NO_CASES without labelled
 * training
 * cases; E_POSTPROCESS if the recipe post-processes a class that the data do not have
 */
export async function prepareData(
  laboratory: Laboratory,
  recipe: Recipe,
  { coarseModel, signal }: PrepareOptions = {},
): Promise<PreparedData> {
  const { files, progress } = laboratory;
  const opened = await openAnnotated(files, recipe.data);
  const coarse = await readCoarseStage(files, recipe, coarseModel);
  const settingHashes = {
    ...(await settingHashesOf(laboratory, recipe, opened)),
    // one that the run trains is a result of it
    ...(trainedCoarse(recipe) === undefined ? hashesOfModels(laboratory.machine, coarse?.models ?? []) : {}),
  };
  assertFitsDataset(recipe, opened);
  const leftOut = leftOutOfPlane(recipe.augment, recipe.patch.size);
  if (leftOut !== undefined) progress.warn(`W_AUGMENT_PLANE: ${leftOut}.`);
  const { splits, transfer, byId } = await chooseCases(laboratory, recipe, opened);
  const dataset = { ...opened, cases: [...byId.values()].sort((left, right) => (left.id < right.id ? -1 : 1)) };
  const filesOf = (ids: readonly string[]): CaseFiles[] => ids.map(id => byId.get(id) as CaseFiles);
  const openCase = caseOpener(laboratory, dataset);
  const known = openCaseData(laboratory, recipe, dataset);
  // labelled voxels are the same with and without a region: it is widened to hold them
  const normalization = await resolveNormalization(laboratory.progress, recipe.preprocess.normalize, {
    dataset,
    cases: filesOf(splits.train),
    foreground: async item => known.foreground(item, await openCase(item)),
    signal,
  });
  const preprocessing = { ...recipe.preprocess, normalize: normalization };
  const regions = coarse && openRegions(laboratory, coarse, { window: recipe.evaluate, signal });
  const { synthesis } = dataset;
  const [trainedOn, transferred, tested] = [
    new Set([...splits.train, ...transfer]),
    new Set(transfer),
    new Set(splits.test),
  ];
  const all = await readCases(filesOf([...splits.train, ...splits.val, ...splits.test, ...transfer]), {
    reading: { openCase, known, regions, preprocessing, patch: recipe.patch, synthesis, progress },
    useOf: id => ({ isTrainedOn: trainedOn.has(id), isTested: tested.has(id) }),
    signal,
  });
  const read = new Map(all.map(one => [one.item.id, one]));
  const of = (ids: readonly string[]): ReadCase[] =>
    ids.map(id => read.get(id) as ReadCase).filter(({ isLeftOut }) => isLeftOut !== true);
  assertSomeLeft(of(splits.train), recipe, coarse);
  const byCase = <T>(pick: (numbers: CaseNumbers) => T): Map<string, T> =>
    new Map(all.map(({ item, numbers }) => [item.id, pick(numbers)]));
  warnOfUnannotated(dataset, filesOf(splits.train), progress);
  const classes = classesSought(dataset, filesOf(splits.train));
  const warnings = splitWarnings({ splits, classes, volumesMl: byCase(({ facts }) => facts.volumesMl) });
  for (const { code, message } of warnings) progress.warn(`${code}: ${message}`);
  const sides = preprocessing.orientation === 'canonical' ? mirroredSides(recipe.augment, classes) : undefined;
  if (sides !== undefined) progress.warn(`W_MIRRORED_SIDES: ${sides}.`);
  const weights = await readCaseWeights(files, recipe.patch.caseWeights, dataset, splits.train);
  const pick = (ids: readonly string[]): TrainingCase[] => of(ids).map(({ ready }) => ready as TrainingCase);
  return {
    dataset,
    splits,
    train: pick(splits.train).map(one => {
      const weight = weights.get(one.id);
      return weight === undefined ? one : { ...one, weight };
    }),
    val: pick(splits.val),
    unlabelled: pick(transfer),
    test: filesOf(splits.test),
    normalize: normalization,
    crop: recipe.preprocess.crop,
    ...(coarse && { coarse }),
    intensities: new Map(
      all.flatMap(({ item, numbers: { intensities } }) => (intensities ? [[item.id, intensities]] : [])),
    ),
    training: trainingFacts({ labelled: of(splits.train), unlabelled: of(transfer) }, recipe),
    warnings,
    images: byCase(numbers => numbers.imageHash),
    hashes: Object.fromEntries(all.flatMap(({ item, hashes }) => (transferred.has(item.id) ? [] : hashes))),
    transferHashes: Object.fromEntries(all.flatMap(({ item, hashes }) => (transferred.has(item.id) ? hashes : []))),
    settingHashes,
  };
}
