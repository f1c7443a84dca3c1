/**
 * Evaluates a model on the references of a data set: every case is segmented as `predict` does, on its own grid, and
 * scored there. The time per case includes normalisation, resampling, the model and counting its probabilities, but not
 * reading files and scoring.
 */

import { InputError, WorkError } from '../core/errors.ts';
import { formatDice } from '../core/format.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { Dataset } from '../data/dataset.ts';
import { imageHash } from '../data/image-hash.ts';
import { loadCase } from '../data/loaded-case.ts';
import { segmentCascade } from '../inference/cascade.ts';
import {
  assertSameInputs,
  type JointClasses,
  sharedClasses,
  sharedPostprocessing,
  sharedTemperature,
  sharedThresholds,
} from '../inference/ensemble.ts';
import { type ModelInfo, type ModelLabel, outputClasses } from '../inference/model-info.ts';
import { imageWarnings, notYetTold } from '../inference/plausibility/image.ts';
import type { SegmentOptions } from '../inference/predictor.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import { type CaseScore, scoreCase, summarizeCases } from '../metrics/case-score.ts';
import { diceReliability, expectedAndTrue } from '../metrics/expected-dice.ts';
import { countedVoxels, withoutIgnored } from '../metrics/ignored.ts';
import type { ProgressTask } from '../runtime/progress.ts';
import { encodeNiftiLabels } from '../volume/nifti.ts';
import { type CountsByClass, countCalibration, errorsOf, pooledCalibration } from './counted-calibration.ts';
import { evaluationWarnings } from './evaluation-warnings.ts';
import { type CaseFailure, describeFailure } from './failure.ts';
import type { Laboratory } from './laboratory.ts';
import type { CoarseFiles, ModelFile } from './model-file.ts';
import { coarseFilesApart, coarseOf, type OpenCascade, openCascade } from './open-cascade.ts';
import { expectationsOf } from './plausible.ts';
import type { Evaluation } from './record.ts';
import { createWindowProgress, expectWindows } from './window-progress.ts';

export interface EvaluateOptions {
  /** One model, or several whose mean probability decides. */
  readonly models: readonly ModelFile[];
  /**
   * Models that find the region which is segmented. If not given, the coarse stage in the files of the models, if they
   * have one; null: the whole volume, whatever they have.
   */
  readonly coarse?: CoarseFiles | null | undefined;
  readonly dataset: Dataset;
  /**
   * Classes to score, by the values that the models write. If not given, the classes of the data set, all of which the
   * models must have.
   */
  readonly classes?: readonly ModelLabel[];
  /** How models that know different classes segment together; otherwise they have the same classes. */
  readonly joint?: JointClasses | undefined;
  /** Cases to evaluate. */
  readonly ids: readonly string[];
  /** Cases that failed before, such as those whose files are missing; they are reported with the others. */
  readonly failed?: readonly CaseFailure[];
  /** Name of these cases in the record: train, val, test or all. */
  readonly split: string;
  readonly window: WindowChoice;
  /** Whether the post-processing of the model is applied; true if not given. */
  readonly postprocess?: boolean;
  readonly surfaceToleranceMm: number;
  /** Classes that are made of many structures; none if not given. */
  readonly lesions?: readonly string[];
  /** Folder for the segmentations, one <case>.nii.gz each; none are kept if not given. */
  readonly predictions?: string;
  /** Label of the progress bar; `evaluate` if not given. */
  readonly label?: string;
  /**
   * Called for each case that cannot be read or segmented, after which the others follow; such a case is in no score.
   * If not given, the first such case ends the work with its error.
   */
  readonly onFailure?: (failure: CaseFailure) => void;
  readonly signal?: AbortSignal;
}

/** The classes to score; if they are those of the data set, the models must have each with the same value. */
function classesToScore({ models, dataset, classes: given, joint }: EvaluateOptions): readonly ModelLabel[] {
  const classes = (given ?? dataset.labels).filter(({ value }) => value !== 0);
  const infos = models.map(({ info }) => info);
  if (joint === undefined) sharedClasses(infos);
  else assertSameInputs(infos);
  if (given !== undefined) return classes;
  const model = models[0]!;
  const valuesOf = ({ value, region }: ModelLabel): string => (region ?? [value]).join('+');
  const known = new Set(model.metadata.labels.map(valuesOf));
  if (classes.every(one => known.has(valuesOf(one)))) return classes;
  const list = (labels: readonly ModelLabel[]): string =>
    labels.map(one => `${valuesOf(one)} (${one.name})`).join(', ');
  throw new InputError(
    'E_MODEL_LABELS',
    `${model.path} gives the labels ${list(model.metadata.labels)}, but ${dataset.folder} has ${list(dataset.labels)}. ` +
      'Evaluate on a data set with the same classes, or correct the labels in the JSON beside the model.',
  );
}

/**
 * Checks that the classes which are to be scored structure by structure exist.
 * @throws {InputError} E_LESIONS
 */
export function assertLesionsKnown(lesions: readonly string[], { folder, labels }: Dataset): void {
  const known = labels.filter(({ value }) => value !== 0).map(({ name }) => name);
  const unknown = lesions.filter(name => !known.includes(name));
  if (unknown.length === 0) return;
  throw new InputError(
    'E_LESIONS',
    `${folder} has no class ${unknown.map(name => `"${name}"`).join(', ')} to score structure by structure; its classes are ${known.join(', ')}.`,
  );
}

function casesOf({ dataset, ids, split, failed = [] }: EvaluateOptions): readonly CaseFiles[] {
  const wanted = new Set(ids);
  const cases = dataset.cases.filter(({ id }) => wanted.has(id));
  const unlabelled = cases.filter(({ label }) => label === undefined);
  if (cases.length === 0 && !failed.some(({ id }) => wanted.has(id)))
    throw new InputError('E_NO_CASES', `the split "${split}" of ${dataset.folder} has no cases.`);
  if (unlabelled.length > 0) {
    const names = unlabelled.map(({ id }) => id).join(', ');
    throw new InputError(
      'E_NO_REFERENCE',
      `these cases of ${dataset.folder} have no reference to score against: ${names}`,
    );
  }
  return cases;
}

/** Whether everything that makes up a class was looked for in a case. */
function isAnnotated({ value, region }: ModelLabel, { annotated }: CaseFiles, { labels }: Dataset): boolean {
  // a class of a model may cover several of the data; a region of the data is one of its classes
  const hasRegions = labels.some(one => one.region !== undefined);
  const parts = region === undefined || hasRegions ? [value] : region;
  return annotated === undefined || parts.every(part => annotated.includes(part));
}

interface Timed {
  /** Short hash of the image. */
  readonly imageHash: string;
  readonly score: CaseScore;
  /** Bins by class name. */
  readonly counts: CountsByClass;
  readonly seconds: number;
}

async function evaluateCase(
  laboratory: Laboratory,
  { models, coarse }: OpenCascade,
  options: EvaluateOptions & Pick<SegmentOptions, 'onProgress'> & { readonly case: CaseFiles },
): Promise<Timed> {
  const { files, machine, progress } = laboratory;
  const { dataset, window, postprocess = true, surfaceToleranceMm, signal } = options;
  const { id, image, label, header, warnings: found } = await loadCase(laboratory, dataset, options.case);
  if (label === undefined) throw new InputError('E_NO_REFERENCE', `case "${id}" has no reference.`);
  const expectations = expectationsOf(options.models);
  const stage = coarseOf(options.models, options.coarse);
  const whole = stage === undefined ? expectations : expectationsOf(stage.models);
  const implausible = [...imageWarnings(image, whole, id)];
  for (const { code, message } of [...found, ...implausible]) progress.warn(`${code}: ${message}`);
  const classes = classesToScore(options).filter(one => isAnnotated(one, options.case, dataset));
  const infos = models.map(({ info }) => info);
  const output = options.joint ?? outputClasses(infos[0]!);
  const temperature = options.joint === undefined ? sharedTemperature(infos) : null;
  const { counts, atTemperature, onSlice } = countCalibration({ output, temperature }, classes, label);
  const hasProbabilities = options.models.every(({ givesLabels }) => givesLabels !== true);
  const startMs = machine.elapsedMs();
  const { labels, warnings, confidence } = await segmentCascade(models, image, {
    ...window,
    id,
    coarse,
    onRegion: region => {
      const found = imageWarnings(region, expectations, `${id}, the region of the coarse model`);
      implausible.push(...found);
      for (const { code, message } of found) progress.warn(`${code}: ${message}`);
    },
    postprocess,
    onSlice,
    confidence: hasProbabilities,
    counted: countedVoxels(label),
    ...(options.onProgress && { onProgress: options.onProgress }),
    ...(options.joint && { joint: options.joint }),
    ...(signal && { signal }),
  });
  const seconds = (machine.elapsedMs() - startMs) / 1000;
  for (const { code, message } of notYetTold(warnings, implausible)) progress.warn(`${code}: ${message}`);
  if (options.predictions !== undefined) {
    await files.write(`${options.predictions}/${id}.nii.gz`, encodeNiftiLabels(labels, header));
  }
  const { sizeVoxels, spacingMm } = label;
  const { reference, prediction } = withoutIgnored(label.data, labels.data, label.ignore);
  const score = scoreCase(reference, prediction, {
    id,
    sizeVoxels,
    spacingMm,
    classes,
    toleranceMm: surfaceToleranceMm,
    lesions: options.lesions ?? [],
    ece: errorsOf(counts),
    ...(atTemperature && { calibratedEce: errorsOf(atTemperature) }),
    ...(confidence && { expectedDice: ofScored(confidence.expectedDice, options.joint ?? infos[0]!, classes) }),
  });
  return { imageHash: imageHash(image, machine.sha256), score, counts, seconds };
}

/** What a model says by its own names, by those of the classes to score. */
function ofScored<T>(
  byName: Readonly<Record<string, T>>,
  { labels }: Pick<ModelInfo, 'labels'>,
  classes: readonly ModelLabel[],
): Readonly<Record<string, T>> {
  const nameOf = new Map(labels.map(({ value, name }) => [value, name]));
  return Object.fromEntries(
    classes.flatMap(({ value, name }) => {
      const own = nameOf.get(value);
      return own !== undefined && own in byName ? [[name, byName[own] as T] as const] : [];
    }),
  );
}

/** The post-processing of the segmentations, and for a single model the record of its choice. */
function postprocessingOf({
  models,
  postprocess = true,
}: EvaluateOptions): Pick<Evaluation, 'postprocess' | 'postprocessTrials'> {
  const steps = sharedPostprocessing(models.map(({ info }) => info));
  if (!postprocess || steps === undefined) return { postprocess: {}, postprocessTrials: [] };
  const [first, ...others] = models;
  return {
    postprocess: steps,
    postprocessTrials: others.length === 0 ? (first?.metadata.postprocessTrials ?? []) : [],
  };
}

/** The thresholds that the models share, and for a single model the record of their choice. */
function thresholdsOf({ models, joint }: EvaluateOptions): Pick<Evaluation, 'thresholds' | 'thresholdTrials'> {
  const [first, ...others] = models;
  return {
    thresholds: joint === undefined ? (sharedThresholds(models.map(({ info }) => info)) ?? {}) : {},
    thresholdTrials: others.length === 0 ? (first?.metadata.thresholdTrials ?? []) : [],
  };
}

/** How far the models' own certainty can be believed. The errors of the expected Dice are those of one model alone. */
function confidenceOf(
  { models, joint }: EvaluateOptions,
  classes: readonly ModelLabel[],
  cases: readonly CaseScore[],
): Evaluation['confidence'] {
  const infos = models.map(({ info }) => info);
  const [first, ...others] = infos;
  const errors = others.length === 0 ? (first?.expectedDiceErrors ?? {}) : {};
  const widths = Object.fromEntries(Object.entries(errors).map(([name, { halfWidth }]) => [name, halfWidth]));
  const halfWidths = ofScored(widths, first!, classes);
  const reliability = classes.flatMap(({ name }) => {
    const pairs = expectedAndTrue(cases, name, halfWidths[name] ?? null);
    return pairs.length === 0 ? [] : [[name, diceReliability(pairs)] as const];
  });
  const temperature = joint === undefined ? sharedTemperature(infos) : null;
  return { temperature, halfWidths, reliability: Object.fromEntries(reliability) };
}

/** SHA-256 of a model's file; for an ensemble that of its files one after another. */
export function modelHash(machine: Pick<Laboratory['machine'], 'sha256'>, files: readonly ModelFile[]): string {
  return files.map(({ bytes }) => machine.sha256(bytes)).join(', ');
}

/** The models of a cascade as a record names them. */
function cascadePath(models: readonly ModelFile[], { models: coarse, marginMm }: CoarseFiles): string {
  const pathsOf = (files: readonly ModelFile[]): string => files.map(({ path }) => path).join(', ');
  return `${pathsOf(models)} within ${marginMm} mm of what ${pathsOf(coarse)} finds`;
}

/** Facts and costs of a model; an ensemble and a cascade have the costs of all their models together. */
function costOf(
  { machine }: Laboratory,
  files: readonly ModelFile[],
  stage: CoarseFiles | undefined,
): Omit<Evaluation['model'], 'secondsPerCase' | 'peakBytes'> {
  const total = (of: readonly ModelFile[], part: (file: ModelFile) => number): number =>
    of.reduce((sum, file) => sum + part(file), 0);
  const run = [...files, ...(stage?.models ?? [])];
  const isAsWritten = stage === undefined || stage === files[0]?.coarse;
  const written = [...files, ...coarseFilesApart(files, stage)];
  return {
    path: isAsWritten ? files.map(({ path }) => path).join(', ') : cascadePath(files, stage),
    sha256: modelHash(machine, written),
    parameters: total(run, ({ metadata }) => metadata.parameters),
    multiplyAdds: total(run, ({ metadata }) => metadata.multiplyAdds ?? Number.NaN),
    bytes: total(written, ({ bytes }) => bytes.length),
  };
}

/**
 * Evaluates a model or an ensemble on cases of a data set.
 * @throws {InputError} E_MODEL_LABELS, E_ENSEMBLE, E_NO_CASES, E_NO_REFERENCE, and as openModel; as loadCase and
 * segmentWithEnsemble for a case that is not reported to `onFailure`
 * @throws {WorkError} E_NO_CASES if every case was reported to it
 */
export async function evaluateModel(laboratory: Laboratory, options: EvaluateOptions): Promise<Evaluation> {
  if (options.classes === undefined) assertLesionsKnown(options.lesions ?? [], options.dataset);
  const { engine, machine, progress } = laboratory;
  const { dataset, split, label = 'evaluate', signal, onFailure } = options;
  const classes = classesToScore(options);
  const cases = casesOf(options);
  const wanted = new Set(options.ids);
  const failedBefore = (options.failed ?? []).filter(({ id }) => wanted.has(id));
  let firstFailure: CaseFailure | undefined;
  const leaveOut = (failure: CaseFailure): void => {
    progress.warn(`case "${failure.id}" is left out: ${failure.code}: ${failure.message}`);
    onFailure?.(failure);
    firstFailure ??= failure;
  };
  for (const failure of failedBefore) leaveOut(failure);
  const stage = coarseOf(options.models, options.coarse);
  const cascade = await openCascade(engine, options.models, stage ?? null);
  const timed: Timed[] = [];
  machine.resetPeak();
  const firsts = cases.map(({ images }) => images[0] ?? '');
  const first = cascade.coarse?.models ?? cascade.models;
  const asked = { models: first.map(({ info }) => info), window: options.window };
  const expected = await expectWindows(laboratory, firsts, asked);
  const open = (windows: number): ProgressTask => progress.task(label, windows, 'window');
  const shown = createWindowProgress({ expected, noun: 'case', open });
  try {
    for (const item of cases) {
      signal?.throwIfAborted();
      try {
        timed.push(await evaluateCase(laboratory, cascade, { ...options, case: item, onProgress: shown.window }));
      } catch (error) {
        if (signal?.aborted || onFailure === undefined) throw error;
        leaveOut({ id: item.id, ...describeFailure(error) });
      }
      shown.next();
    }
  } finally {
    await cascade.close();
  }
  if (timed.length === 0 && firstFailure !== undefined) {
    const { id, code, message } = firstFailure;
    throw new WorkError(
      'E_NO_CASES',
      `none of the ${cases.length + failedBefore.length} cases of ${dataset.folder} could be evaluated. The first is "${id}": ${code}: ${message}`,
    );
  }
  const images = new Map(timed.map(one => [one.score.id, one.imageHash]));
  const named = options.classes === undefined ? { dataset } : {};
  const warnings = await evaluationWarnings(laboratory, [...options.models, ...(stage?.models ?? [])], {
    images,
    split,
    cases,
    ...named,
  });
  const scores = timed.map(({ score }) => score);
  const summary = summarizeCases(scores);
  shown.finish(`mean Dice ${formatDice(summary.meanDice.mean)}`);
  for (const { code, message } of warnings) progress.warn(`${code}: ${message}`);
  return {
    model: {
      ...costOf(laboratory, options.models, stage),
      device: laboratory.engine.device,
      secondsPerCase: timed.reduce((sum, { seconds }) => sum + seconds, 0) / timed.length,
      peakBytes: machine.peakBytes(),
    },
    dataset: dataset.name,
    split,
    cases: scores,
    summary,
    calibration: pooledCalibration(timed.map(({ counts }) => counts)),
    ...postprocessingOf(options),
    ...thresholdsOf(options),
    confidence: confidenceOf(options, classes, scores),
    warnings,
  };
}
