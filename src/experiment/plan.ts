/**
 * Plans the settings of a recipe from the fingerprint of a data set: spacing, patch, networks, steps, and their cost.
 * The rules are nnU-Net's, scaled down to two processor cores: the median spacing (a lower percentile on an axis that
 * is much coarser), a patch of the median shape whose longest side in millimetres gives way until the memory suffices,
 * levels as long as an axis can be halved, no pooling or wide kernel across an axis that is twice as coarse as the
 * others. Where the surroundings are zero, the cases are cropped to the rest first. Where such a patch sees less than a
 * quarter of a case, a coarser spacing is planned too. The student, for which nnU-Net has no rule, has a quarter of the
 * teacher's feature maps. An axis of one voxel, as in planes, decides nothing.
 * Source: Isensee et al., nnU-Net, arXiv:1904.08128, section "Automated method configuration" and its table of
 * heuristic rules.
 */

import { AXES, type Axis, mapAxes } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { formatBytes } from '../core/format.ts';
import { medianOf } from '../core/percentile.ts';
import { range } from '../core/shape.ts';
import type { Fingerprint } from '../data/fingerprint.ts';
import { LARGEST_PADDED_RATIO } from '../data/patches.ts';
import { parameterCount } from '../nn/parameters.ts';
import { recipeSchema } from '../recipe/schema.ts';
import { trainingMemory } from '../training/costs.ts';
import { multiplyAdds } from '../training/export.ts';
import type { Crop } from '../volume/nonzero.ts';
import type { Xyz } from '../volume/volume.ts';
import { type ArmPlan, planArm, planStudent } from './arm-plan.ts';
import {
  extended,
  networkFor,
  type PlannedUnet,
  POOLED_SPACING_RATIO,
  studentOf,
  TEACHER_FEATURES,
} from './plan-network.ts';
import { firstFitting, patchVoxelCount, shrinkingPatches } from './plan-patch.ts';
import { estimateStepMs } from './step-time.ts';

/** Estimated costs of an arm. */
interface ArmCosts {
  readonly parameters: number;
  /** Multiply-adds of one forward pass over one patch. */
  readonly multiplyAdds: number;
  /** Peak memory of a process that trains it, without its data. */
  readonly trainingBytes: number;
  readonly stepMs: number;
}

type PlannedNormalization = 'ct' | 'z-score' | 'z-score-nonzero' | 'percentile';

export interface Plan {
  readonly spacingMm: Xyz;
  /** Median size of the cases at that spacing. */
  readonly medianSizeVoxels: Xyz;
  readonly patchVoxels: Xyz;
  /** Whether one axis is much coarser than the others. */
  readonly isAnisotropic: boolean;
  /** What is cut away of every volume; sizes are those of what is left. */
  readonly crop: Crop;
  /** Normalisation per channel. */
  readonly normalize: readonly PlannedNormalization[];
  readonly teacher: PlannedUnet & ArmCosts;
  readonly student: PlannedUnet & ArmCosts;
  readonly batch: number;
  readonly steps: number;
  /** Share of a median case that one patch covers, at most 1. */
  readonly coverage: number;
}

export interface PlanOptions {
  /** Memory limit of the process in training. */
  readonly memoryBytes: number;
  readonly cores: number;
  /** Channel block of the engine, 0 for standard operators. */
  readonly block: number;
  /** Spacing of the images, mm; by the rules if not given. */
  readonly spacingMm?: Xyz;
}

/** nnU-Net's threshold: beyond this ratio an axis is planned separately. */
const ANISOTROPY = 3;
const COARSE_PERCENTILE_MARGIN_MM = 1e-5;
/** Largest side of a patch; planes are as small in memory as they are thin. */
const LARGEST_SIDE = { volume: 128, plane: 512 } as const;
const BATCH = 2;
/** Planes in a batch, at most; nnU-Net's batches of planes begin at 12. */
const LARGEST_BATCH = 16;
/** Share of a median case below which a patch sees too little of it: nnU-Net's threshold for a coarser plan. */
const ENOUGH_COVERAGE = 0.25;
/** Factor by which spacings grow in the search for a coarser plan. */
const COARSER = 1.02;
/** Factor by which the number of voxels changes between two tries, and number of tries. */
const [FURTHER, ROUNDS] = [1.3, 3];
const SPACING_DIGITS = 2;
/** Share of the cases that train. */
export const TRAINING_SHARE = 0.7;
/** How often the volume of each training case is covered by patches, and limits of the resulting steps. */
const EPOCHS = 12;
const [FEWEST_STEPS, MOST_STEPS] = [400, 2000];
/**
 * Fraction of non-zero voxels below which a channel counts as cut out of its background; only non-zero voxels are then
 * normalised.
 */
const MASKED_SHARE = 0.75;

/**
 * Share of a case in the box around what is not zero, in the median, below which cropping pays: nnU-Net's threshold for
 * images that were cut out of their background.
 */
const CROPPED_SHARE = 0.75;

/** Size of the cases along each axis at a spacing: the median or the smallest. */
function sizeAt({ grids }: Fingerprint, spacingMm: Xyz, pick: (sizes: readonly number[]) => number): Xyz {
  return mapAxes(axis => {
    const sizes = grids.map(grid => (grid.sizeVoxels[axis] * grid.spacingMm[axis]) / spacingMm[axis]);
    return Math.max(1, Math.round(pick(sizes)));
  });
}

/**
 * The median; along an axis that is much coarser and shorter than the others the 10th percentile, but no finer than
 * those.
 */
function targetSpacing(fingerprint: Fingerprint): Xyz {
  const median = mapAxes(axis => fingerprint.spacingMm[axis].median);
  const size = sizeAt(fingerprint, median, medianOf);
  const axes = extended(size);
  const coarse = axes.reduce((worst, axis) => (median[axis] > median[worst] ? axis : worst));
  const others = axes.filter(axis => axis !== coarse);
  if (others.length === 0) return median;
  const largest = Math.max(...others.map(axis => median[axis]));
  const isCoarse = median[coarse] > ANISOTROPY * largest;
  const isShort = size[coarse] * ANISOTROPY < Math.min(...others.map(axis => size[axis]));
  if (!isCoarse || !isShort) return median;
  const fine = fingerprint.spacingMm[coarse].p10;
  const chosen = fine < largest ? largest + COARSE_PERCENTILE_MARGIN_MM : fine;
  return mapAxes(axis => (axis === coarse ? chosen : median[axis]));
}

function isCt({ name }: Fingerprint['channels'][number]): boolean {
  return /^ct\b/i.test(name.trim());
}

/** Whether cropping pays: not where labels would be lost, nor in CT, where 0 is water rather than nothing. */
function cropOf({ boxShare, labelledOutside, channels, synthesis }: Fingerprint): Crop {
  if (synthesis !== undefined) return 'none';
  return boxShare.median < CROPPED_SHARE && labelledOutside === 0 && !channels.some(isCt) ? 'nonzero' : 'none';
}

/** The cases as they are once they are cropped. */
function croppedCases(fingerprint: Fingerprint, crop: Crop): Fingerprint {
  if (crop === 'none') return fingerprint;
  return { ...fingerprint, grids: fingerprint.grids.map(grid => ({ ...grid, sizeVoxels: grid.boxVoxels })) };
}

function normalizationOf(channel: Fingerprint['channels'][number]): PlannedNormalization {
  if (isCt(channel)) return 'ct';
  return channel.nonZeroShare < MASKED_SHARE ? 'z-score-nonzero' : 'z-score';
}

/** Patch, batch and networks whose costs are asked for. */
interface Uncosted {
  readonly patchVoxels: Xyz;
  readonly batch: number;
  readonly teacher: PlannedUnet;
  readonly student: PlannedUnet;
}

function unetOf({ features, kernels, pooling }: PlannedUnet): PlannedUnet {
  return { features, kernels, pooling };
}

/** Both arms as they are trained, by the networks, patch and batch of a plan, and the student without its teacher. */
export function armsOf({ labels, channels }: Fingerprint, { patchVoxels, batch, ...networks }: Uncosted) {
  const regions = labels.flatMap(({ region }) => (region === undefined ? [] : [region]));
  const train = { steps: 1, batch };
  const recipe = recipeSchema.parse({
    data: { dataset: 'planned' },
    patch: { size: patchVoxels },
    loss: { crossEntropy: { kind: regions.length > 0 ? 'binary' : 'categorical' } },
    teacher: { unet: unetOf(networks.teacher), train },
    student: { unet: unetOf(networks.student), train },
  });
  const shape = { channels: channels.length, labels: labels.length, ...(regions.length > 0 && { regions }) };
  return {
    teacher: planArm(recipe, 'teacher', shape),
    student: planStudent(recipe, shape),
    alone: planArm(recipe, 'baseline', shape),
  };
}

/** Memory of both arms in training. */
interface TrainingBytes {
  readonly teacher: number;
  readonly student: number;
}

/** Costs of both arms. */
function costsOf(
  arms: ReturnType<typeof armsOf>,
  bytes: TrainingBytes,
  cores: number,
): { readonly teacher: ArmCosts; readonly student: ArmCosts } {
  const { teacher, student } = arms;
  const { imageShape } = teacher.step;
  const costs = ({ model }: ArmPlan, trainingBytes: number, frozen?: ArmPlan): ArmCosts => ({
    parameters: parameterCount(model.specs.filter(spec => spec.role !== 'buffer')),
    multiplyAdds: multiplyAdds(model, imageShape),
    trainingBytes,
    stepMs: estimateStepMs(model, imageShape, { cores, ...(frozen && { frozen: frozen.model }) }),
  });
  return { teacher: costs(teacher, bytes.teacher), student: costs(student, bytes.student, teacher) };
}

/** A search for the networks of a plan. */
interface Search {
  /** The arms of a patch that is wanted. */
  readonly design: (wanted: Xyz, levels: number, batch?: number) => Uncosted;
  /** What the trainings take. */
  readonly bytesOf: (design: Uncosted) => TrainingBytes;
  readonly memoryBytes: number;
}

/**
 * The largest patch that fits the memory, with as many levels as it has room for; where even the smallest patch does
 * not fit, fewer levels.
 * @throws {InputError} E_PLAN_MEMORY if nothing fits
 */
function largestDesign(patches: readonly Xyz[], { design, bytesOf, memoryBytes }: Search): Uncosted {
  const most = TEACHER_FEATURES.length;
  const larger = (one: Uncosted): number => Math.max(...Object.values(bytesOf(one)));
  const wanted = firstFitting(patches, patch => larger(design(patch, most)), memoryBytes);
  if (wanted !== undefined) return design(wanted, most);
  const smallest = range(most - 1).map(index => design(patches.at(-1) as Xyz, most - 1 - index));
  const found = smallest.find(one => larger(one) <= memoryBytes);
  if (found !== undefined) return found;
  const least = Math.min(...smallest.map(larger));
  throw new InputError(
    'E_PLAN_MEMORY',
    `even the smallest patch and network need ${formatBytes(least)} in training. Raise --memory to ${Math.ceil(least / 1e8) / 10} or more.`,
  );
}

/** A design with the largest batch of planes that fits the memory and leaves at least two batches per epoch. */
function withLargerBatch(found: Uncosted, { bytesOf, memoryBytes }: Search, training: number): Uncosted {
  let best = found;
  for (let batch = 2 * BATCH; batch <= Math.min(LARGEST_BATCH, training / 2); batch *= 2) {
    const next = { ...found, batch };
    if (Math.max(...Object.values(bytesOf(next))) > memoryBytes) break;
    best = next;
  }
  return best;
}

/**
 * Plans an experiment on a data set.
 * @throws {InputError} E_PLAN_MEMORY if nothing fits the memory
 */
export function planExperiment(measured: Fingerprint, options: PlanOptions): Plan {
  const crop = cropOf(measured);
  const fingerprint = croppedCases(measured, crop);
  const { spacingMm = targetSpacing(fingerprint), memoryBytes, block } = options;
  const medianSizeVoxels = sizeAt(fingerprint, spacingMm, medianOf);
  // a patch is refused if it exceeds this multiple of a case
  const smallest = sizeAt(fingerprint, spacingMm, sizes => Math.min(...sizes));
  const limit = mapAxes(axis => LARGEST_PADDED_RATIO * smallest[axis]);
  const isPlane = medianSizeVoxels.includes(1);
  const side = LARGEST_SIDE[isPlane ? 'plane' : 'volume'];
  const largest: Xyz = mapAxes(axis => Math.min(side, medianSizeVoxels[axis], limit[axis]));
  const known = new Map<string, TrainingBytes>();
  const search: Search = {
    design: (wanted, levels, batch = BATCH) => {
      const { patchVoxels, teacher } = networkFor(wanted, spacingMm, { limit, levels });
      return { patchVoxels, batch, teacher, student: studentOf(teacher) };
    },
    bytesOf: design => {
      const key = JSON.stringify(design);
      const found = known.get(key);
      if (found !== undefined) return found;
      const { teacher, student } = armsOf(fingerprint, design);
      const ofTeacher = trainingMemory(teacher.step, { block });
      // where the teacher does not fit, the student decides nothing
      const ofStudent = ofTeacher > memoryBytes ? 0 : trainingMemory(student.step, { block });
      known.set(key, { teacher: ofTeacher, student: ofStudent });
      return { teacher: ofTeacher, student: ofStudent };
    },
    memoryBytes,
  };
  const training = Math.max(1, Math.round(TRAINING_SHARE * fingerprint.labelledCases));
  const found = largestDesign(shrinkingPatches(largest, spacingMm), search);
  const chosen = isPlane ? withLargerBatch(found, search, training) : found;
  const { patchVoxels, batch, teacher, student } = chosen;
  const costs = costsOf(armsOf(fingerprint, chosen), search.bytesOf(chosen), options.cores);
  const coverage = Math.min(1, patchVoxelCount(patchVoxels) / patchVoxelCount(medianSizeVoxels));
  const steps = Math.round((EPOCHS * training) / coverage / batch / 100) * 100;
  const extent = extended(medianSizeVoxels).map(axis => spacingMm[axis]);
  return {
    spacingMm,
    medianSizeVoxels,
    patchVoxels,
    isAnisotropic: Math.max(...extent) > ANISOTROPY * Math.min(...extent),
    crop,
    // what is painted has no unit, and its extremes are noise
    normalize: fingerprint.channels.map(channel =>
      fingerprint.synthesis === undefined ? normalizationOf(channel) : 'percentile',
    ),
    teacher: { ...teacher, ...costs.teacher },
    student: { ...student, ...costs.student },
    batch,
    steps: Math.min(MOST_STEPS, Math.max(FEWEST_STEPS, steps)),
    coverage,
  };
}

/**
 * A spacing at which a volume has a factor fewer voxels: fine axes grow first, until none is finer than half of the
 * coarsest; then all grow. Rounded up to two digits.
 */
function coarserSpacing(spacingMm: Xyz, factor: number): Xyz {
  let spacing = spacingMm;
  const start = patchVoxelCount(spacingMm);
  while (patchVoxelCount(spacing) < factor * start) {
    const coarsest = Math.max(...spacing);
    const isFine = (axis: Axis): boolean => coarsest > POOLED_SPACING_RATIO * spacing[axis];
    const grows = AXES.some(isFine) ? isFine : () => true;
    const before: Xyz = spacing;
    spacing = mapAxes(axis => before[axis] * (grows(axis) ? COARSER : 1));
  }
  const rounded = (value: number): number => {
    const unit = 10 ** (Math.floor(Math.log10(value)) - SPACING_DIGITS + 1);
    return Number((Math.ceil(value / unit - 1e-6) * unit).toPrecision(SPACING_DIGITS));
  };
  return mapAxes(axis => (spacing[axis] === spacingMm[axis] ? spacing[axis] : rounded(spacing[axis])));
}

/**
 * Plans the same experiment at a coarser spacing, where a patch of a plan covers less than a quarter of a median case.
 * There a patch covers a quarter or more, as in nnU-Net's plan of low resolution.
 * @returns undefined if the patch of the plan covers enough, or the cases are planes
 */
export function planCoarser(fingerprint: Fingerprint, fine: Plan, options: PlanOptions): Plan | undefined {
  if (fine.coverage >= ENOUGH_COVERAGE || fine.medianSizeVoxels.includes(1)) return undefined;
  const at = (factor: number): Plan =>
    planExperiment(fingerprint, { ...options, spacingMm: coarserSpacing(fine.spacingMm, factor) });
  // a factor of this size is enough for the same number of voxels in a patch; wider kernels along a thick axis may need
  // less
  let [least, most] = [1, ENOUGH_COVERAGE / fine.coverage];
  let plan = at(most);
  while (plan.coverage < ENOUGH_COVERAGE) {
    [least, most] = [most, most * FURTHER];
    plan = at(most);
  }
  for (let round = 0; round < ROUNDS && plan.coverage > ENOUGH_COVERAGE * FURTHER; round++) {
    const middle = Math.sqrt(least * most);
    const next = at(middle);
    if (next.coverage < ENOUGH_COVERAGE) least = middle;
    else [most, plan] = [middle, next];
  }
  return plan;
}
