/**
 * Chooses the post-processing of a model on the validation cases: class by class, hole filling, then a minimum volume, then the largest
 * component are kept if they raise the mean Dice of the class. Every case is segmented once; what the steps would do to its Dice follows
 * from the sizes of its components and their overlap with the reference, so no volume is kept. The minimum volume that is tried is half
 * of the smallest component of the class in the references.
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
import { diceOf } from '../metrics/overlap.ts';
import { meanOf } from '../metrics/statistics.ts';
import type { PostprocessingTrial } from '../recipe/postprocessing-schema.ts';
import type { LabelVolume } from '../volume/volume.ts';
import type { Laboratory } from './laboratory.ts';
import { type ModelFile, openModel } from './model-file.ts';

/** One component of a prediction. */
interface Piece {
  readonly voxels: number;
  /** Voxels that have the class in the reference too. */
  readonly overlap: number;
}

/** What must be known of one class in one case. */
export interface ClassPieces {
  readonly referenceVoxels: number;
  readonly voxelMm3: number;
  /** Infinity where the reference lacks the class. */
  readonly smallestReferenceMm3: number;
  readonly asPredicted: readonly Piece[];
  readonly withHolesFilled: readonly Piece[];
}

function piecesOf(data: Uint8Array, reference: LabelVolume, value: number): readonly Piece[] {
  const { start, length, component, sizes } = componentsOfClass(data, reference.sizeVoxels, value);
  const overlap = new Float64Array(sizes.length);
  start.forEach((first, run) => {
    for (let i = first; i < first + length[run]!; i++) {
      if (reference.data[i] === value) overlap[component[run]!]!++;
    }
  });
  return Array.from(sizes, (voxels, index) => ({ voxels, overlap: overlap[index]! }));
}

/** Takes a class of a case apart. */
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
 * Chooses the steps of one class.
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
    const kept = diceAfter! > diceWithout!;
    if (kept) steps = { ...steps, ...candidate };
    return {
      class: name,
      step: Object.keys(candidate)[0] as PostprocessingTrial['step'],
      ...('minimumVolumeMm3' in candidate && { minimumVolumeMm3: candidate.minimumVolumeMm3 }),
      diceWithout: diceWithout!,
      diceWith: diceAfter!,
      cases: before.length,
      kept,
    };
  });
  return { steps, trials };
}

/** What was chosen, as the metadata of a model has it. */
export interface ChosenPostprocessing {
  readonly postprocess: Postprocessing;
  readonly postprocessTrials: readonly PostprocessingTrial[];
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
    /** Of the progress bar. */
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
      for (const { name, value } of classes) pieces.get(name)!.push(takeApart(labels, reference, value));
      task.update(index + 1);
    }
  } finally {
    await session.dispose();
  }
  const chosen = [...pieces].map(([name, ofClass]) => ({ name, ...chooseSteps(name, ofClass) }));
  const useful = chosen.filter(({ steps }) => Object.keys(steps).length > 0);
  const list = useful.map(({ name, steps }) => `${name}: ${Object.keys(steps).join(', ')}`);
  task.finish(list.length === 0 ? 'no step helps' : list.join('; '));
  return {
    postprocess: Object.fromEntries(useful.map(({ name, steps }) => [name, steps])),
    postprocessTrials: chosen.flatMap(({ trials }) => trials),
  };
}
