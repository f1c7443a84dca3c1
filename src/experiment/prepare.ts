/** Prepares the cases of a data set for training: loads, checks, normalises, resamples and splits them. */

import { InputError } from '../core/errors.ts';
import { leftOutOfPlane } from '../data/augment/augmentation.ts';
import { mirroredSides } from '../data/augment/mirrored-sides.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { Dataset } from '../data/dataset.ts';
import type { ChannelIntensities } from '../data/intensities.ts';
import type { LoadedCase } from '../data/loaded-case.ts';
import type { TrainingCase } from '../data/loader.ts';
import type { ChannelNormalization } from '../data/normalize.ts';
import { assertPatchFits } from '../data/patches.ts';
import type { Splits } from '../data/splits.ts';
import { isMapAlone, paintedSplits } from '../data/synthesis/painted-cases.ts';
import { type CaseFacts, summarizeTraining, type TrainingFacts } from '../data/training-facts.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Progress } from '../runtime/progress.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import type { Crop } from '../volume/nonzero.ts';
import { openAnnotated } from './annotations.ts';
import { readCaseWeights } from './case-weights.ts';
import { readCoarseStage } from './coarse-stage.ts';
import { assertLesionsKnown } from './evaluate.ts';
import type { Laboratory } from './laboratory.ts';
import { type CoarseFiles, hashesOfModels } from './model-file.ts';
import { resolveNormalization } from './normalization.ts';
import type { Preprocessing } from './prepare-case.ts';
import { type CaseData, type CaseNumbers, openCaseData } from './prepared/case-data.ts';
import { type CaseOpener, caseOpener, type OpenCase, withinBox } from './prepared/open-case.ts';
import {
  type CaseRegion,
  openRegions,
  type RegionFinder,
  regionOfTraining,
  regionOfValidation,
} from './prepared/region.ts';
import { splitWarnings } from './split-warnings.ts';
import { readSplits } from './splits.ts';

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

function assertClassesKnown(asked: Recipe['postprocess'], { folder, labels }: Dataset): void {
  if (typeof asked === 'string') return;
  const known = labels.filter(({ value }) => value !== 0).map(({ name }) => name);
  const unknown = Object.keys(asked).filter(name => !known.includes(name));
  if (unknown.length === 0) return;
  throw new InputError(
    'E_POSTPROCESS',
    `postprocess names ${unknown.join(', ')}, but the classes of ${folder} are ${known.join(', ')}. Correct the recipe.`,
  );
}

function assertCodesKnown({ codes }: Recipe['labels'], { folder, labels }: Dataset): void {
  const known = labels.map(({ name }) => name);
  const unknown = Object.keys(codes).filter(name => !known.includes(name));
  if (unknown.length === 0) return;
  throw new InputError(
    'E_LABEL_UNKNOWN',
    `labels.codes names ${unknown.join(', ')}, but the classes of ${folder} are ${known.join(', ')}. Correct the recipe.`,
  );
}

/**
 * Checks settings for regions: they overlap, so each needs its own channel, and post-processing of label maps cannot
 * handle them.
 */
function assertRegionsFit({ folder, labels }: Dataset, { loss, postprocess, decode }: Recipe): void {
  if (labels.every(({ region }) => region === undefined)) return;
  if (loss.crossEntropy.kind !== 'binary') {
    throw new InputError(
      'E_REGIONS',
      `the classes of ${folder} are regions, which may overlap. Set loss.crossEntropy.kind to binary, so that each has a channel of its own.`,
    );
  }
  if (decode === 'validated') {
    throw new InputError(
      'E_REGIONS',
      `the classes of ${folder} are regions, which are written over each other, so that thresholds cannot be chosen class by class. Set decode to argmax.`,
    );
  }
  if (typeof postprocess === 'object') {
    throw new InputError(
      'E_REGIONS',
      `the classes of ${folder} are regions, which cannot be post-processed. Set postprocess to auto or none.`,
    );
  }
}

/** Says which classes no training case was annotated for: only a teacher can teach them. */
function warnOfUnannotated({ labels }: Dataset, train: readonly CaseFiles[], progress: Progress): void {
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

/** The cases that an experiment uses, by purpose. */
interface UsedCases {
  readonly splits: Splits;
  /** Unlabelled cases. */
  readonly transfer: readonly string[];
  /** Files by case id; unlabelled cases are without their labels. */
  readonly byId: ReadonlyMap<string, CaseFiles>;
}

/** @throws {InputError} E_NO_CASES without a training case, or without an unlabelled case if the recipe needs some */
async function chooseCases({ files }: Laboratory, recipe: Recipe, dataset: Dataset): Promise<UsedCases> {
  const asked = await readSplits(files, recipe, dataset);
  if (asked.train.length === 0)
    throw new InputError(
      'E_NO_CASES',
      `the splits leave no training case in ${dataset.folder}. Increase data.splits.train.`,
    );
  const byId = new Map(dataset.cases.map(item => [item.id, item]));
  const { splits, painted } = paintedSplits(asked, dataset);
  for (const one of painted) byId.set(one.id, one);
  const usesUnlabelled = recipe.distill.unlabelled.batch > 0;
  const transfer = usesUnlabelled ? splits.unlabelled : [];
  if (usesUnlabelled && transfer.length === 0) {
    throw new InputError(
      'E_NO_CASES',
      `distill.unlabelled asks for unlabelled cases, but ${dataset.folder} has none. Set data.splits.labelled to set labels aside, or ` +
        'distill.unlabelled.batch to 0.',
    );
  }
  for (const id of transfer) {
    const item = byId.get(id) as CaseFiles;
    // of a label map without its values nothing is left that could be painted
    byId.set(id, isMapAlone(item) ? item : { id, images: item.images });
  }
  return { splits, transfer, byId };
}

/** A case that was read: its hashes, its numbers, and the case as training sees it unless it is tested. */
interface ReadCase {
  readonly item: CaseFiles;
  readonly hashes: OpenCase['hashes'];
  readonly numbers: CaseNumbers;
  readonly ready?: TrainingCase;
  /** Whether the coarse model finds nothing in it, and nothing is labelled either: it teaches nothing. */
  readonly isLeftOut?: boolean;
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

/** A case in which there is no region: all that is labelled is missed, and nothing is found. */
function emptyCase(id: string, { image: { channels, spacingMm } }: LoadedCase): TrainingCase {
  return { id, image: new Float32Array(0), label: new Uint8Array(0), sizeVoxels: [0, 0, 0], spacingMm, channels };
}

/** What lies outside of the region of a case, in its own voxels. */
function missedIn(
  { spacingMm: [x, y, z] }: TrainingCase,
  { missedMm3 }: CaseRegion,
): Pick<TrainingCase, 'missedVoxels'> {
  const entries = Object.entries(missedMm3);
  if (entries.length === 0) return {};
  return { missedVoxels: Object.fromEntries(entries.map(([value, volume]) => [value, volume / (x * y * z)])) };
}

/** Refuses a coarse model that finds nothing in any training case. */
function assertSomeLeft(train: readonly ReadCase[], { cascade }: Recipe): void {
  if (train.length > 0) return;
  throw new InputError(
    'E_CASCADE',
    `the coarse model ${cascade?.coarse} finds nothing in any training case, and nothing is labelled in them. Take another one.`,
  );
}

/** How a case is used. */
interface CaseUse {
  readonly isTrainedOn: boolean;
  readonly isTested: boolean;
}

/** What cases are read with. */
interface Reading {
  readonly openCase: CaseOpener;
  readonly known: CaseData;
  /** Finds the part of a case that is used; all of it if not given. */
  readonly regions: RegionFinder | undefined;
  readonly preprocessing: Preprocessing;
  readonly patch: Recipe['patch'];
  readonly synthesis: Dataset['synthesis'];
  readonly progress: Progress;
}

/** Says what was found in a case, and checks that patches fit it. */
async function readCase(item: CaseFiles, use: CaseUse, reading: Reading): Promise<ReadCase> {
  const { openCase, known, regions, preprocessing, patch, synthesis, progress } = reading;
  const { isTrainedOn, isTested } = use;
  const whole = await openCase(item);
  const { hashes } = whole;
  const region = regions === undefined || isTested ? undefined : await known.region(item, whole, regions);
  const used = region && (isTrainedOn ? regionOfTraining(item.id, region) : regionOfValidation(item.id, region));
  const open = used?.box === undefined ? whole : withinBox(whole, used.box);
  const numbers = await known.numbers(item, open, { needsIntensities: isTrainedOn });
  const found = [...numbers.warnings, ...(region?.warnings ?? []), ...(used?.warnings ?? [])];
  for (const { code, message } of found) progress.warn(`${code}: ${message}`);
  if (isTested) return { item, hashes, numbers };
  if (used !== undefined && used.box === undefined && isTrainedOn) return { item, hashes, numbers, isLeftOut: true };
  const { case: prepared, warnings } =
    used !== undefined && used.box === undefined
      ? { case: emptyCase(item.id, await whole.loadWhole()), warnings: [] }
      : await known.ready(item, open, preprocessing);
  for (const warning of warnings) progress.warn(warning);
  if (isTrainedOn) assertPatchFits(patch.size, prepared, patch.padding);
  const { annotated } = item;
  const missed = region === undefined || isTrainedOn ? {} : missedIn(prepared, region);
  return {
    item,
    hashes,
    numbers,
    ready: {
      ...prepared,
      ...missed,
      ...(annotated !== undefined && { annotated }),
      ...(synthesis !== undefined &&
        isMapAlone(item) && { synthesis: { settings: synthesis, normalize: preprocessing.normalize } }),
    },
  };
}

/**
 * Loads and checks everything before anything is written: every case is hashed, loaded and checked, and all but the
 * test cases are made ready for training.
 * @param recipe of one fold
 * @throws {InputError} as openDataset, loadCase and assertPatchFits; E_NO_CASES without labelled training cases;
 * E_POSTPROCESS if the recipe post-processes a class that the data do not have
 */
export async function prepareData(laboratory: Laboratory, recipe: Recipe, signal?: AbortSignal): Promise<PreparedData> {
  const { files, progress } = laboratory;
  const opened = await openAnnotated(files, recipe.data);
  const coarse = await readCoarseStage(files, recipe);
  const settingHashes = {
    ...(await settingHashesOf(laboratory, recipe, opened)),
    ...hashesOfModels(laboratory.machine, coarse?.models ?? []),
  };
  assertRegionsFit(opened, recipe);
  assertClassesKnown(recipe.postprocess, opened);
  assertLesionsKnown(recipe.evaluate.lesions, opened);
  assertCodesKnown(recipe.labels, opened);
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
  const [trainedOn, transferred, tested] = [
    new Set([...splits.train, ...transfer]),
    new Set(transfer),
    new Set(splits.test),
  ];
  const order = filesOf([...splits.train, ...splits.val, ...splits.test, ...transfer]);
  const read = new Map<string, ReadCase>();
  const regions = coarse && openRegions(laboratory, coarse, { window: recipe.evaluate, signal });
  const { synthesis } = dataset;
  const reading = { openCase, known, regions, preprocessing, patch: recipe.patch, synthesis, progress };
  const task = progress.task('reading data', order.length, 'case');
  try {
    for (const item of order) {
      signal?.throwIfAborted();
      const { id } = item;
      read.set(id, await readCase(item, { isTrainedOn: trainedOn.has(id), isTested: tested.has(id) }, reading));
      task.update(read.size);
    }
  } finally {
    await regions?.close();
  }
  task.finish();
  const all = [...read.values()];
  const of = (ids: readonly string[]): ReadCase[] =>
    ids.map(id => read.get(id) as ReadCase).filter(({ isLeftOut }) => isLeftOut !== true);
  assertSomeLeft(of(splits.train), recipe);
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
    training: summarizeTraining(of(splits.train).map(({ numbers }) => numbers.facts) as [CaseFacts, ...CaseFacts[]], {
      isCropped: recipe.preprocess.crop === 'nonzero',
    }),
    warnings,
    images: byCase(numbers => numbers.imageHash),
    hashes: Object.fromEntries(all.flatMap(({ item, hashes }) => (transferred.has(item.id) ? [] : hashes))),
    transferHashes: Object.fromEntries(all.flatMap(({ item, hashes }) => (transferred.has(item.id) ? hashes : []))),
    settingHashes,
  };
}
