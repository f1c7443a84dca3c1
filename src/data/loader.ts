/**
 * Batches of training patches. A batch is a pure function of (seed, step, part of the step): cases are shuffled anew in
 * each epoch, position and variation of a patch follow from (seed, step, sample). So a resumed run needs no state, any
 * number of workers makes the same batches, and two arms with the same settings see the same patches. Tensors are [N,
 * C, D, H, W] with D = z.
 */

import { InputError, ShapeError } from '../core/errors.ts';
import { channelExtents } from '../core/extent.ts';
import { random, shuffle } from '../core/random.ts';
import { range } from '../core/shape.ts';
import { type LabelArray, voxelCount, type Xyz } from '../volume/volume.ts';
import { type AugmentSettings, drawAugmentation, NO_AUGMENTATION } from './augment/augmentation.ts';
import { drawChannels, UNCHANGED } from './augment/channels.ts';
import { changeIntensities } from './augment/intensity.ts';
import { createBoxMemory, cutPatch } from './augment/spatial.ts';
import { assertPatchFits, type ForegroundClass, indexForeground, type PatchPadding, samplePatch } from './patches.ts';
import {
  createPatchMemory,
  type PatchMemory,
  type PatchSynthesis,
  paintPatch,
  rulesOf,
} from './synthesis/painted-patch.ts';

/** A case that is ready for training: normalised, on the common spacing; or a label map that is painted. */
export interface TrainingCase {
  readonly id: string;
  /** Image [C, D, H, W]; empty where it is painted. */
  readonly image: Float32Array;
  /** Label [D, H, W]; zeros if a case has no label; with the values of the map where the image is painted. */
  readonly label: LabelArray;
  readonly sizeVoxels: Xyz;
  /** Spacing, since rotations and deformations are in millimetres. */
  readonly spacingMm: Xyz;
  readonly channels: number;
  /** Value of voxels that nobody has looked at. */
  readonly ignore?: number | undefined;
  /** Values of the classes that were looked for; all if not given. */
  readonly annotated?: readonly number[];
  /** How every patch is painted, where the case is a label map alone. */
  readonly synthesis?: PatchSynthesis | undefined;
  /**
   * Voxels of each label value that lie outside of what is kept of the case, in voxels of this size; none if not given.
   * Validation counts them as not found.
   */
  readonly missedVoxels?: Readonly<Record<string, number>>;
  /** Sampling weight of the case relative to the others, at least 0; 1 if not given. */
  readonly weight?: number;
}

export interface BatchSettings {
  readonly seed: number;
  /** Number of patches per batch. */
  readonly batch: number;
  /**
   * Number of batches that together are one batch as large as all of them; 1 if not given. Batch number p is then part
   * p mod n of the large batch of step floor(p / n), patch for patch.
   */
  readonly microBatches?: number;
  /** Number of steps after which the same batches come again; none do if null or not given. */
  readonly repeatAfter?: number | null;
  readonly patchSize: Xyz;
  /** Probability that a patch is centred on a labelled voxel. */
  readonly foreground: number;
  readonly padding: PatchPadding;
  /** Augmentation; none if not given. */
  readonly augment?: AugmentSettings;
}

export interface Batch {
  /** [N, C, D, H, W]. */
  readonly image: Float32Array;
  /** [N, 1, D, H, W], class indices; of the first samples only, where the others have none. */
  readonly label: Int32Array;
  /** Case ids, one per sample. */
  readonly caseIds: readonly string[];
  /** Epoch of the batch's first sample, from 0. */
  readonly epoch: number;
}

/** Source of a trainer's batches. */
export interface BatchSource {
  next(step: number): Promise<Batch>;
  close(): Promise<void>;
}

/** Values that are computed once per case. */
interface CaseIndex {
  readonly foreground: readonly ForegroundClass[];
  readonly minima: readonly number[];
}

/** Remembers a pure function of immutable cases while they are alive; nothing outside sees it. */
const caseIndices = new WeakMap<TrainingCase, CaseIndex>();

function indexOf(trainingCase: TrainingCase): CaseIndex {
  const known = caseIndices.get(trainingCase);
  if (known !== undefined) return known;
  const { image, label, channels, synthesis } = trainingCase;
  const classes = synthesis && rulesOf(synthesis.settings).classOf;
  const index: CaseIndex = {
    foreground: indexForeground(classes ? label.map(value => classes[value]!) : label, trainingCase.ignore),
    minima: classes ? [] : channelExtents(image, channels).map(({ min }) => min),
  };
  caseIndices.set(trainingCase, index);
  return index;
}

function checkCases(cases: readonly TrainingCase[], { patchSize, padding }: BatchSettings): number {
  const [first] = cases;
  if (first === undefined)
    throw new InputError('E_NO_CASES', 'there are no training cases. Increase data.splits.train.');
  for (const one of cases) {
    const voxels = voxelCount(one.sizeVoxels);
    if (one.channels !== first.channels) {
      throw new ShapeError(`case "${one.id}" has ${one.channels} channels, but "${first.id}" has ${first.channels}`);
    }
    const values = one.synthesis === undefined ? voxels * one.channels : 0;
    if (one.image.length !== values || one.label.length !== voxels) {
      throw new ShapeError(
        `case "${one.id}" of ${voxels} voxels has ${one.image.length} image values and ${one.label.length} labels`,
      );
    }
    assertPatchFits(patchSize, one, padding);
  }
  return first.channels;
}

/**
 * The cases of an epoch, as many as there are, shuffled: case i comes n w_i / sum(w) times, rounded up or down by
 * chance so that the mean over epochs is exact (systematic sampling). Equal weights give every case once.
 */
function epochOrder(cases: readonly TrainingCase[], seed: number, epoch: number): TrainingCase[] {
  const weights = cases.map(({ weight = 1 }) => weight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const order = random(seed, 'order', epoch);
  if (weights.every(weight => weight === weights[0])) return shuffle(cases, order);
  const offset = random(seed, 'weights', epoch).uniform();
  const drawn: TrainingCase[] = [];
  let reached = 0;
  cases.forEach((one, index) => {
    reached += weights[index]!;
    while (drawn.length + offset < (reached / total) * cases.length) drawn.push(one);
  });
  return shuffle(drawn, order);
}

/**
 * A batch: its sample n is number position * batch + n in the endless sequence of shuffled epochs.
 * @param position number of the batch, from 0: the step, where a step has one batch
 * @throws {InputError} E_NO_CASES, E_PATCH_TOO_LARGE
 * @throws {ShapeError} if cases differ in channels
 */
export function makeBatch(cases: readonly TrainingCase[], settings: BatchSettings, position: number): Batch {
  return createBatchMaker(cases, settings)(position);
}

/**
 * Makes batches as {@link makeBatch}, one after another, in memory of its own besides that of the batches.
 */
export function createBatchMaker(cases: readonly TrainingCase[], settings: BatchSettings): (position: number) => Batch {
  const memory = createPatchMemory(createBoxMemory());
  const { repeatAfter = null, microBatches = 1 } = settings;
  const different = repeatAfter === null ? Number.POSITIVE_INFINITY : repeatAfter * microBatches;
  return position => batchAt({ cases, settings, memory }, position % different);
}

function batchAt(
  { cases, settings, memory }: { cases: readonly TrainingCase[]; settings: BatchSettings; memory: PatchMemory },
  position: number,
): Batch {
  const { seed, batch, microBatches = 1, patchSize, padding, augment } = settings;
  const channels = checkCases(cases, settings);
  const voxels = voxelCount(patchSize);
  const image = new Float32Array(batch * channels * voxels);
  const label = new Int32Array(batch * voxels);
  const [step, firstSample] = [Math.floor(position / microBatches), (position % microBatches) * batch];
  const epochOf = (sample: number): number => Math.floor((position * batch + sample) / cases.length);
  const orders = new Map<number, TrainingCase[]>();
  const caseOf = (sample: number): TrainingCase => {
    const epoch = epochOf(sample);
    const order = orders.get(epoch) ?? epochOrder(cases, seed, epoch);
    orders.set(epoch, order);
    return order[(position * batch + sample) % cases.length]!;
  };
  const caseIds = range(batch).map(sample => {
    const trainingCase = caseOf(sample);
    const { foreground, minima } = indexOf(trainingCase);
    const placed = { sizeVoxels: trainingCase.sizeVoxels, foreground };
    const window = samplePatch(placed, settings, random(seed, 'patch', step, firstSample + sample));
    const target = {
      image: image.subarray(sample * channels * voxels, (sample + 1) * channels * voxels),
      label: label.subarray(sample * voxels, (sample + 1) * voxels),
    };
    const { synthesis } = trainingCase;
    if (synthesis !== undefined) {
      const key = [seed, 'synthesis', step, firstSample + sample];
      paintPatch(target, trainingCase, { synthesis, window, padding, key, memory });
      return trainingCase.id;
    }
    const source = random(seed, 'augment', step, firstSample + sample);
    const varied = { patchSize, spacingMm: trainingCase.spacingMm };
    const augmentation = augment === undefined ? NO_AUGMENTATION : drawAugmentation(augment, varied, source);
    cutPatch(target, { ...trainingCase, minima }, { window, padding, augmentation, boxes: memory.boxes });
    const ofChannels =
      augment && drawChannels(augment, { drawn: augmentation, channels }, random(seed, 'channels', step, sample));
    for (let channel = 0; channel < channels; channel++) {
      const data = target.image.subarray(channel * voxels, (channel + 1) * voxels);
      changeIntensities({ data, size: patchSize }, ofChannels?.[channel] ?? UNCHANGED, source);
    }
    return trainingCase.id;
  });
  return { image, label, caseIds, epoch: epochOf(0) };
}

/**
 * Batches made on demand in the calling thread.
 * @throws {InputError} E_NO_CASES, E_PATCH_TOO_LARGE, at once
 */
export function createBatchSource(cases: readonly TrainingCase[], settings: BatchSettings): BatchSource {
  checkCases(cases, settings);
  const make = createBatchMaker(cases, settings);
  return { next: async step => make(step), close: async () => {} };
}

/**
 * Appends unlabelled samples to the labelled ones, which do not change. Labels of the unlabelled samples are dropped.
 */
export function withUnlabelled(labelled: BatchSource, unlabelled: BatchSource): BatchSource {
  return {
    next: async step => {
      const [first, second] = await Promise.all([labelled.next(step), unlabelled.next(step)]);
      const image = new Float32Array(first.image.length + second.image.length);
      image.set(first.image);
      image.set(second.image, first.image.length);
      return { ...first, image, caseIds: [...first.caseIds, ...second.caseIds] };
    },
    close: async () => {
      await Promise.all([labelled.close(), unlabelled.close()]);
    },
  };
}

/** Samples whose labels are dropped, where no sample of a batch has any. */
export function withoutLabels(unlabelled: BatchSource): BatchSource {
  return {
    next: async step => ({ ...(await unlabelled.next(step)), label: new Int32Array(0) }),
    close: () => unlabelled.close(),
  };
}
