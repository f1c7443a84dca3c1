/**
 * Chooses the post-processing of a model on the validation cases: class by class, hole filling, then a minimum volume,
 * then the largest component are kept if they raise the Dice of the class on enough cases, provably, and harm none (see
 * chooseSteps). Every case is segmented once; the effect of the steps on its Dice follows from the sizes of its
 * components and their overlap with the reference, so no volume is kept. The minimum volume that is tried is half of
 * the smallest component of the class in the references.
 * Source: nnU-Net (Isensee et al., Nature Methods 18, 2021) keeps the largest component by the same rule.
 */
import { InputError } from '../core/errors.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadCase } from '../data/loaded-case.ts';
import {
  type ClassSteps,
  componentsOfClass,
  fillHoles,
  keptComponents,
  type Postprocessing,
  voxelVolumeMm3,
} from '../inference/postprocess.ts';
import { segment } from '../inference/predictor.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import { withoutIgnored } from '../metrics/ignored.ts';
import { diceOf } from '../metrics/overlap.ts';
import { wilcoxonSignedRank } from '../metrics/signed-rank.ts';
import { meanOf } from '../metrics/statistics.ts';
import type { PostprocessingTrial } from '../recipe/postprocessing-schema.ts';
import type { LabelArray, LabelVolume } from '../volume/volume.ts';
import type { Laboratory } from './laboratory.ts';
import { type ModelFile, openModel } from './model-file.ts';

/** One component of a prediction. */
interface Piece {
  readonly voxels: number;
  /** Number of its voxels that also have the class in the reference. */
  readonly overlap: number;
}

/** Facts about one class in one case. */
export interface ClassPieces {
  readonly referenceVoxels: number;
  readonly voxelMm3: number;
  /** Size of the smallest component of the reference; Infinity if the reference lacks the class. */
  readonly smallestReferenceMm3: number;
  readonly asPredicted: readonly Piece[];
  readonly withHolesFilled: readonly Piece[];
}

function piecesOf(data: LabelArray, reference: LabelVolume, value: number): readonly Piece[] {
  const { start, length, component, sizes } = componentsOfClass(data, reference.sizeVoxels, value);
  const overlap = new Float64Array(sizes.length);
  start.forEach((first, run) => {
    for (let i = first; i < first + length[run]!; i++) {
      if (reference.data[i] === value) overlap[component[run]!]!++;
    }
  });
  return Array.from(sizes, (voxels, index) => ({ voxels, overlap: overlap[index]! }));
}

/** Measures the components of one class in one case. */
export function takeApart(prediction: LabelVolume, reference: LabelVolume, value: number): ClassPieces {
  const voxelMm3 = voxelVolumeMm3(reference.spacingMm);
  const { sizes } = componentsOfClass(reference.data, reference.sizeVoxels, value);
  const filled = prediction.data.slice();
  fillHoles(filled, prediction.sizeVoxels, value);
  return {
    referenceVoxels: sizes.reduce((sum, voxels) => sum + voxels, 0),
    voxelMm3,
    smallestReferenceMm3: sizes.reduce((least, voxels) => Math.min(least, voxels * voxelMm3), Number.POSITIVE_INFINITY),
    asPredicted: piecesOf(prediction.data, reference, value),
    withHolesFilled: piecesOf(filled, reference, value),
  };
}

function diceWith(steps: ClassSteps, pieces: ClassPieces): number | null {
  const { referenceVoxels, voxelMm3 } = pieces;
  const all = steps.fillHoles === true ? pieces.withHolesFilled : pieces.asPredicted;
  const kept = keptComponents(
    all.map(({ voxels }) => voxels),
    steps,
    voxelMm3,
  );
  const sum = (part: (piece: Piece) => number): number =>
    all.reduce((total, piece, index) => total + (kept[index] ? part(piece) : 0), 0);
  return diceOf({
    reference: referenceVoxels,
    prediction: sum(({ voxels }) => voxels),
    intersection: sum(({ overlap }) => overlap),
  });
}

/**
 * Fewest validation cases with the class on which a step is chosen: with fewer, one or two cases decide what is done to
 * all others.
 */
const FEWEST_VALIDATION_CASES = 10;

/** Loss of Dice from which one case is clearly worse. */
const CLEAR_LOSS = 0.01;

const LEVEL = 0.05;

/** What a step does to the cases, and why it is not kept. */
function judgeStep(
  before: readonly number[],
  after: readonly number[],
): Pick<PostprocessingTrial, 'kept' | 'largestLoss' | 'pValue' | 'reason'> {
  const losses = before.map((dice, index) => dice - after[index]!);
  const largestLoss = Math.max(0, ...losses);
  const { pValue } = wilcoxonSignedRank(after, before);
  const isGain = before.length > 0 && meanOf(after) > meanOf(before);
  const reason = !isGain
    ? 'no gain'
    : before.length < FEWEST_VALIDATION_CASES
      ? 'too few cases'
      : largestLoss > CLEAR_LOSS
        ? 'a case gets worse'
        : pValue >= LEVEL
          ? 'gain not proven'
          : null;
  return { kept: reason === null, largestLoss, pValue, reason };
}

/**
 * Chooses the steps of one class. A step is kept where it raises the mean Dice of ten validation cases or more, no case
 * loses more than 0.01 Dice, and a paired test (Wilcoxon, two-sided) supports the gain at 5 %.
 * @param cases the class in every validation case
 */
export function chooseSteps(
  name: string,
  cases: readonly ClassPieces[],
): { readonly steps: ClassSteps; readonly trials: readonly PostprocessingTrial[] } {
  const smallestMm3 = Math.min(...cases.map(({ smallestReferenceMm3 }) => smallestReferenceMm3));
  const candidates = [
    { fillHoles: true },
    ...(Number.isFinite(smallestMm3) ? [{ minimumVolumeMm3: smallestMm3 / 2 }] : []),
    { largestComponent: true },
  ] as const satisfies readonly ClassSteps[];
  const scoresWith = (steps: ClassSteps): number[] => cases.flatMap(pieces => diceWith(steps, pieces) ?? []);
  let steps: ClassSteps = {};
  const trials = candidates.map((candidate): PostprocessingTrial => {
    const [before, after] = [scoresWith(steps), scoresWith({ ...steps, ...candidate })];
    const [diceWithout, diceAfter] = [before, after].map(scores => (scores.length === 0 ? 0 : meanOf(scores)));
    const judged = judgeStep(before, after);
    if (judged.kept) steps = { ...steps, ...candidate };
    return {
      class: name,
      step: Object.keys(candidate)[0] as PostprocessingTrial['step'],
      ...('minimumVolumeMm3' in candidate && { minimumVolumeMm3: candidate.minimumVolumeMm3 }),
      diceWithout: diceWithout!,
      diceWith: diceAfter!,
      cases: before.length,
      ...judged,
    };
  });
  return { steps, trials };
}

/** The choice, as in the metadata of a model. */
export interface ChosenPostprocessing {
  readonly postprocess: Postprocessing;
  readonly postprocessTrials: readonly PostprocessingTrial[];
}

/** Why nothing is done to the segmentations. */
function whyNone(trials: readonly PostprocessingTrial[]): string {
  const close = trials.filter(({ reason }) => reason !== 'no gain');
  if (close.length === 0) return 'no step helps';
  const list = close.map(({ class: name, step, cases, reason }) =>
    reason === 'too few cases'
      ? `${step} of ${name}: ${cases} validation cases are too few to choose by, ${FEWEST_VALIDATION_CASES} are needed`
      : `${step} of ${name}: ${reason}`,
  );
  return `none; ${list.join('; ')}`;
}

/**
 * Chooses the post-processing of a finished model.
 * @param options.cases validation cases, with references
 * @throws as loadCase, openModel and segment
 */
export async function choosePostprocessing(
  laboratory: Laboratory,
  options: {
    readonly model: ModelFile;
    readonly dataset: Dataset;
    readonly cases: readonly CaseFiles[];
    readonly window: WindowChoice;
    /** Label of the progress bar. */
    readonly label: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<ChosenPostprocessing> {
  const { model, dataset, cases, window, label, signal } = options;
  const { engine, progress } = laboratory;
  const classes = dataset.labels.filter(({ value }) => value !== 0);
  const pieces = new Map<string, ClassPieces[]>(classes.map(({ name }) => [name, []]));
  const session = await openModel(engine, model);
  const task = progress.task(label, cases.length, 'case');
  try {
    for (const [index, item] of cases.entries()) {
      signal?.throwIfAborted();
      const { id, image, label: reference } = await loadCase(laboratory, dataset, item);
      if (reference === undefined) throw new InputError('E_NO_REFERENCE', `case "${id}" has no reference.`);
      const { labels } = await segment(session, model.info, image, { ...window, id, postprocess: false });
      const known = withoutIgnored(reference.data, labels.data, reference.ignore);
      const [predicted, truth] = [
        { ...labels, data: known.prediction },
        { ...reference, data: known.reference },
      ];
      for (const { name, value } of classes) pieces.get(name)!.push(takeApart(predicted, truth, value));
      task.update(index + 1);
    }
  } finally {
    await session.dispose();
  }
  const chosen = [...pieces].map(([name, ofClass]) => ({ name, ...chooseSteps(name, ofClass) }));
  const useful = chosen.filter(({ steps }) => Object.keys(steps).length > 0);
  const list = useful.map(({ name, steps }) => `${name}: ${Object.keys(steps).join(', ')}`);
  const trials = chosen.flatMap(one => one.trials);
  task.finish(list.length === 0 ? whyNone(trials) : list.join('; '));
  return {
    postprocess: Object.fromEntries(useful.map(({ name, steps }) => [name, steps])),
    postprocessTrials: trials,
  };
}
