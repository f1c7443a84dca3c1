/** Prepares the cases of a data set for training: loads, checks, normalises, resamples and splits them. */

import { InputError } from '../core/errors.ts';
import { extentOf } from '../core/extent.ts';
import { leftOutOfPlane } from '../data/augment/augmentation.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { Dataset } from '../data/dataset.ts';
import { channelFacts } from '../data/image-facts.ts';
import { imageHash } from '../data/image-hash.ts';
import type { ChannelIntensities } from '../data/intensities.ts';
import { type LoadedCase, loadCase } from '../data/loaded-case.ts';
import type { TrainingCase } from '../data/loader.ts';
import { type ChannelNormalization, type ImageNormalization, moments } from '../data/normalize.ts';
import { assertPatchFits } from '../data/patches.ts';
import type { Splits } from '../data/splits.ts';
import { type CaseFacts, summarizeTraining, type TrainingFacts } from '../data/training-facts.ts';
import { filesOfVolume } from '../data/volume-file.ts';
import { classVolumesMl } from '../metrics/overlap.ts';
import type { Recipe } from '../recipe/schema.ts';
import { isFinished } from '../recipe/teacher-schema.ts';
import { holdFiles, pathsIn } from '../runtime/held-files.ts';
import type { Progress } from '../runtime/progress.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import { boxAround, boxOfCrop, type Crop, cropped, nonzeroMask } from '../volume/nonzero.ts';
import { canonicalGrid } from '../volume/orientation.ts';
import type { Volume } from '../volume/volume.ts';
import { openAnnotated } from './annotations.ts';
import { readCaseWeights } from './case-weights.ts';
import { assertLesionsKnown } from './evaluate.ts';
import type { Laboratory } from './laboratory.ts';
import { resolveNormalization } from './normalization.ts';
import { prepareCase } from './prepare-case.ts';
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

/** Summary of every channel's finite voxels. */
function summarize(data: Float32Array, channels: number): readonly ChannelIntensities[] {
  const voxels = data.length / channels;
  return Array.from({ length: channels }, (_, channel) => {
    const finite = data.subarray(channel * voxels, (channel + 1) * voxels).filter(Number.isFinite);
    const { min: minimum, max: maximum } = extentOf(finite);
    return { minimum, maximum, ...moments(finite) };
  });
}

/** Summary of a volume, and if a finished model teaches also of the box around the non-zero voxels. */
function intensitiesOf(image: Volume, { teacher }: Pick<Recipe, 'teacher'>): readonly ChannelIntensities[] {
  const { data, channels, sizeVoxels } = image;
  const whole = summarize(data, channels);
  if (!isFinished(teacher)) return whole;
  const body = nonzeroMask(image);
  const inside = summarize(cropped(data, sizeVoxels, boxAround(body, sizeVoxels)), channels);
  return whole.map((each, channel) => {
    const voxels = data.subarray(channel * body.length, (channel + 1) * body.length);
    const hasHoles = body.some((isBody, voxel) => isBody !== 0 && voxels[voxel] === 0);
    return { ...each, inBox: inside[channel] as ChannelIntensities, ...(hasHoles && { hasHoles }) };
  });
}

/** What a training case is like before more is done to it than cropping, in the axes of the models. */
function factsOf(image: Volume, recipe: Recipe, volumesMl: CaseFacts['volumesMl']): CaseFacts {
  const { crop, orientation } = recipe.preprocess;
  const kept = { ...image, sizeVoxels: boxOfCrop(image, crop).size };
  const { sizeVoxels, spacingMm } = orientation === 'canonical' ? canonicalGrid(kept) : kept;
  return { grid: { sizeVoxels, spacingMm }, channels: channelFacts(image), volumesMl };
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
  const splits = await readSplits(files, recipe, dataset);
  if (splits.train.length === 0)
    throw new InputError(
      'E_NO_CASES',
      `the splits leave no training case in ${dataset.folder}. Increase data.splits.train.`,
    );
  const usesUnlabelled = recipe.distill.unlabelled.batch > 0;
  const transfer = usesUnlabelled ? splits.unlabelled : [];
  if (usesUnlabelled && transfer.length === 0) {
    throw new InputError(
      'E_NO_CASES',
      `distill.unlabelled asks for unlabelled cases, but ${dataset.folder} has none. Set data.splits.labelled to set labels aside, or ` +
        'distill.unlabelled.batch to 0.',
    );
  }
  const byId = new Map(dataset.cases.map(item => [item.id, item]));
  for (const id of transfer) {
    const { images } = byId.get(id) as CaseFiles;
    byId.set(id, { id, images });
  }
  return { splits, transfer, byId };
}

/** SHA-256 by path within the data set, of every file of a case. */
async function hashesOf(
  laboratory: Laboratory,
  { folder }: Dataset,
  { images, label }: CaseFiles,
): Promise<readonly (readonly [string, string])[]> {
  const { files, machine } = laboratory;
  const hashes: (readonly [string, string])[] = [];
  for (const volume of label === undefined ? images : [...images, label]) {
    for (const path of await filesOfVolume(laboratory, volume)) {
      hashes.push([path.slice(folder.length + 1), machine.sha256(await files.read(path))]);
    }
  }
  return hashes;
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
  const places = [['dataset.json', `${folder}/dataset.json`] as const, ...named.map(path => [path, path] as const)];
  const hashes: Record<string, string> = {};
  for (const [name, path] of places) hashes[name] = machine.sha256(await files.read(path));
  return hashes;
}

interface ReadyContext {
  readonly normalize: ImageNormalization;
  readonly isTrainedOn: boolean;
  readonly progress: Progress;
}

/** @throws {InputError} E_PATCH_TOO_LARGE if patches are cut from the case and do not fit it */
function readyCase(loaded: LoadedCase, recipe: Recipe, context: ReadyContext): TrainingCase {
  const { case: ready, warnings } = prepareCase(loaded, { ...recipe.preprocess, normalize: context.normalize });
  for (const warning of warnings) context.progress.warn(warning);
  if (context.isTrainedOn) assertPatchFits(recipe.patch.size, ready, recipe.patch.padding);
  return ready;
}

/**
 * Loads and checks everything before anything is written: every case is hashed, loaded and checked, and all but the
 * test cases are made ready for training.
 * @param recipe of one fold
 * @throws {InputError} as openDataset, loadCase and assertPatchFits; E_NO_CASES without labelled training cases;
 * E_POSTPROCESS if the recipe post-processes a class that the data do not have
 */
export async function prepareData(laboratory: Laboratory, recipe: Recipe, signal?: AbortSignal): Promise<PreparedData> {
  const { files, machine, progress } = laboratory;
  const dataset = await openAnnotated(files, recipe.data);
  const settingHashes = await settingHashesOf(laboratory, recipe, dataset);
  assertRegionsFit(dataset, recipe);
  assertClassesKnown(recipe.postprocess, dataset);
  assertLesionsKnown(recipe.evaluate.lesions, dataset);
  assertCodesKnown(recipe.labels, dataset);
  const leftOut = leftOutOfPlane(recipe.augment, recipe.patch.size);
  if (leftOut !== undefined) progress.warn(`W_AUGMENT_PLANE: ${leftOut}.`);
  const { splits, transfer, byId } = await chooseCases(laboratory, recipe, dataset);
  const filesOf = (ids: readonly string[]): CaseFiles[] => ids.map(id => byId.get(id) as CaseFiles);
  const normalization = await resolveNormalization(laboratory, recipe.preprocess.normalize, {
    dataset,
    cases: filesOf(splits.train),
    signal,
  });
  const [trainedOn, transferred, tested] = [
    new Set([...splits.train, ...transfer]),
    new Set(transfer),
    new Set(splits.test),
  ];
  const order = filesOf([...splits.train, ...splits.val, ...splits.test, ...transfer]);
  const hashes: (readonly [string, string])[] = [];
  const transferHashes: (readonly [string, string])[] = [];
  const cases = new Map<string, TrainingCase>();
  const intensities = new Map<string, readonly ChannelIntensities[]>();
  const training = new Set(splits.train);
  const facts: CaseFacts[] = [];
  const images = new Map<string, string>();
  const volumesMl = new Map<string, CaseFacts['volumesMl']>();
  const task = progress.task('reading data', order.length, 'case');
  for (const [index, item] of order.entries()) {
    signal?.throwIfAborted();
    const isTrainedOn = trainedOn.has(item.id);
    const own = await hashesOf(laboratory, dataset, item);
    (transferred.has(item.id) ? transferHashes : hashes).push(...own);
    const held = holdFiles(files, pathsIn(dataset.folder, Object.fromEntries(own)), machine.sha256);
    const loaded = await loadCase({ ...laboratory, files: held }, dataset, item);
    for (const { code, message } of loaded.warnings) progress.warn(`${code}: ${message}`);
    images.set(item.id, imageHash(loaded.image, machine.sha256));
    const ofClasses = loaded.label === undefined ? {} : classVolumesMl(loaded.label, dataset.labels);
    volumesMl.set(item.id, ofClasses);
    if (training.has(item.id)) facts.push(factsOf(loaded.image, recipe, ofClasses));
    if (isTrainedOn) intensities.set(item.id, intensitiesOf(loaded.image, recipe));
    if (!tested.has(item.id)) {
      const ready = readyCase(loaded, recipe, { normalize: normalization, isTrainedOn, progress });
      cases.set(item.id, item.annotated === undefined ? ready : { ...ready, annotated: item.annotated });
    }
    task.update(index + 1);
  }
  task.finish();
  warnOfUnannotated(dataset, filesOf(splits.train), progress);
  const warnings = splitWarnings({ splits, classes: classesSought(dataset, filesOf(splits.train)), volumesMl });
  for (const { code, message } of warnings) progress.warn(`${code}: ${message}`);
  const weights = await readCaseWeights(files, recipe.patch.caseWeights, dataset, splits.train);
  const pick = (ids: readonly string[]): TrainingCase[] => ids.map(id => cases.get(id) as TrainingCase);
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
    intensities,
    training: summarizeTraining(facts as [CaseFacts, ...CaseFacts[]], {
      isCropped: recipe.preprocess.crop === 'nonzero',
    }),
    warnings,
    images,
    hashes: Object.fromEntries(hashes),
    transferHashes: Object.fromEntries(transferHashes),
    settingHashes,
  };
}
