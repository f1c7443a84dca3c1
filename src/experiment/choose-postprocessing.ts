/**
 * Chooses the post-processing of a model on the validation cases: class by class, hole filling, then a minimum volume,
 * then the largest component are kept if they raise the Dice of the class on enough cases, provably, and harm none (see
 * chooseSteps). Every case is segmented once; the effect of the steps on its Dice follows from the sizes of its
 * components and their overlap with the reference, so no volume is kept. The minimum volume that is tried is half of
 * the smallest component of the class in the references.
 * Source: nnU-Net (Isensee et al., Nature Methods 18, 2021) keeps the largest component by the same rule.
 */
import {
  type ClassSteps,
  componentsOfClass,
  fillHoles,
  keptComponents,
  type Postprocessing,
  voxelVolumeMm3,
} from '../inference/postprocess.ts';
import { diceOf } from '../metrics/overlap.ts';
import type { PostprocessingTrial } from '../recipe/schema/postprocessing.ts';
import type { LabelArray, LabelVolume } from '../volume/volume.ts';
import { judgeChoice, whyNotKept } from './judge-choice.ts';

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
    const judged = judgeChoice(scoresWith(steps), scoresWith({ ...steps, ...candidate }));
    if (judged.kept) steps = { ...steps, ...candidate };
    return {
      class: name,
      step: Object.keys(candidate)[0] as PostprocessingTrial['step'],
      ...('minimumVolumeMm3' in candidate && { minimumVolumeMm3: candidate.minimumVolumeMm3 }),
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
  const list = close.map(trial => `${trial.step} of ${trial.class}: ${whyNotKept(trial)}`);
  return `none; ${list.join('; ')}`;
}

/**
 * Chooses the post-processing of a model.
 * @param pieces the classes by name in every validation case
 * @returns the choice, and what it is in words
 */
export function choosePostprocessing(pieces: ReadonlyMap<string, readonly ClassPieces[]>): {
  readonly chosen: ChosenPostprocessing;
  readonly text: string;
} {
  const all = [...pieces].map(([name, ofClass]) => ({ name, ...chooseSteps(name, ofClass) }));
  const useful = all.filter(({ steps }) => Object.keys(steps).length > 0);
  const trials = all.flatMap(one => one.trials);
  const list = useful.map(({ name, steps }) => `${name}: ${Object.keys(steps).join(', ')}`);
  return {
    chosen: {
      postprocess: Object.fromEntries(useful.map(({ name, steps }) => [name, steps])),
      postprocessTrials: trials,
    },
    text: list.length === 0 ? whyNone(trials) : list.join('; '),
  };
}
