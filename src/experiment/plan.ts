/**
 * Plans the settings of a recipe from the fingerprint of a data set: spacing, patch, networks, steps, and their cost.
 * The rules are nnU-Net's, scaled down to two processor cores: the median spacing (a lower percentile on an axis that
 * is much coarser), a patch of the median shape that shrinks until the memory suffices, levels as long as an axis can
 * be halved, no pooling or wide kernel across an axis that is twice as coarse as the others. The student, for which
 * nnU-Net has no rule, has a quarter of the teacher's feature maps.
 * Source: Isensee et al., nnU-Net, arXiv:1904.08128, section "Automated method configuration" and its table of
 * heuristic rules.
 */

import { AXES, type Axis, mapAxes } from '../core/axes.ts';
import { medianOf } from '../core/percentile.ts';
import type { Fingerprint } from '../data/fingerprint.ts';
import { LARGEST_PADDED_RATIO } from '../data/patches.ts';
import { recipeSchema } from '../recipe/schema.ts';
import type { Xyz } from '../volume/volume.ts';
import { armCosts, planArm } from './arm-plan.ts';
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

/** A U-Net as a recipe writes it, x y z. */
export interface PlannedUnet {
  readonly features: readonly number[];
  readonly kernels: readonly Xyz[];
  readonly pooling: readonly Xyz[];
}

type PlannedNormalization = 'ct' | 'z-score' | 'z-score-nonzero';

export interface Plan {
  readonly spacingMm: Xyz;
  /** Median size of the cases at that spacing. */
  readonly medianSizeVoxels: Xyz;
  readonly patchVoxels: Xyz;
  /** Whether one axis is much coarser than the others. */
  readonly isAnisotropic: boolean;
  /** Normalisation per channel. */
  readonly normalize: readonly PlannedNormalization[];
  readonly teacher: PlannedUnet & ArmCosts;
  readonly student: PlannedUnet & ArmCosts;
  readonly batch: number;
  readonly steps: number;
}

export interface PlanOptions {
  /** Memory limit of the process in training. */
  readonly memoryBytes: number;
  readonly cores: number;
  /** Channel block of the engine, 0 for standard operators. */
  readonly block: number;
}

/** nnU-Net's threshold: beyond this ratio an axis is planned separately. */
const ANISOTROPY = 3;
const COARSE_PERCENTILE_MARGIN_MM = 1e-5;
/** Smallest number of voxels of an axis after halving. */
const SMALLEST_LEVEL_VOXELS = 4;
/** Ratio of spacings below which axes are pooled together. */
const POOLED_SPACING_RATIO = 2;
const LARGEST_PATCH_VOXELS = 128;
const TEACHER_FEATURES = [16, 32, 64, 128] as const;
const STUDENT_SHARE = 4;
/** Fraction of its voxels that a too large patch keeps at most in each step. */
const LARGEST_SHARE_LEFT = 0.9;
const BATCH = 2;
/** Number of times that each training case is seen, and limits of the resulting steps. */
const EPOCHS = 12;
const TRAINING_SHARE = 0.7;
const [FEWEST_STEPS, MOST_STEPS] = [400, 2000];
/**
 * Fraction of non-zero voxels below which a channel counts as cut out of its background; only non-zero voxels are then
 * normalised.
 */
const MASKED_SHARE = 0.75;

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
  const coarse = AXES.reduce((worst, axis) => (median[axis] > median[worst] ? axis : worst));
  const others = AXES.filter(axis => axis !== coarse);
  const largest = Math.max(...others.map(axis => median[axis]));
  const isCoarse = median[coarse] > ANISOTROPY * largest;
  const isShort = size[coarse] * ANISOTROPY < Math.min(...others.map(axis => size[axis]));
  if (!isCoarse || !isShort) return median;
  const fine = fingerprint.spacingMm[coarse].p10;
  const chosen = fine < largest ? largest + COARSE_PERCENTILE_MARGIN_MM : fine;
  return mapAxes(axis => (axis === coarse ? chosen : median[axis]));
}

/**
 * Levels as long as any axis can be halved; an axis that is coarser than twice the finest waits until the others have
 * caught up.
 */
function levelsFor(patchVoxels: Xyz, spacingMm: Xyz): Pick<PlannedUnet, 'kernels' | 'pooling'> {
  const kernels: Xyz[] = [];
  const pooling: Xyz[] = [];
  let [size, spacing] = [patchVoxels, spacingMm];
  for (;;) {
    const finest = Math.min(...spacing);
    const isCoarse = (axis: Axis): boolean => spacing[axis] > POOLED_SPACING_RATIO * finest;
    kernels.push(mapAxes(axis => (isCoarse(axis) || size[axis] === 1 ? 1 : 3)));
    const halved = (axis: Axis): boolean => !isCoarse(axis) && size[axis] >= 2 * SMALLEST_LEVEL_VOXELS;
    const factors = mapAxes(axis => (halved(axis) ? 2 : 1));
    if (kernels.length === TEACHER_FEATURES.length || !factors.includes(2)) return { kernels, pooling };
    pooling.push(factors);
    size = mapAxes(axis => Math.ceil(size[axis] / factors[axis]));
    spacing = mapAxes(axis => spacing[axis] * factors[axis]);
  }
}

/**
 * A patch that every pooling divides, rounded up as nnU-Net pads unless that is beyond the limit, and the network for
 * it.
 */
function networkFor(
  wanted: Xyz,
  spacingMm: Xyz,
  limit: Xyz,
): { readonly patchVoxels: Xyz; readonly teacher: PlannedUnet } {
  const { kernels, pooling } = levelsFor(wanted, spacingMm);
  const factor = mapAxes(axis => pooling.reduce((product, factors) => product * factors[axis], 1));
  const along = (axis: Axis): number => {
    const up = Math.ceil(wanted[axis] / factor[axis]) * factor[axis];
    return up <= limit[axis] ? up : up - factor[axis];
  };
  return {
    patchVoxels: mapAxes(along),
    teacher: { features: TEACHER_FEATURES.slice(0, kernels.length), kernels, pooling },
  };
}

function studentOf({ features, ...rest }: PlannedUnet): PlannedUnet {
  return { ...rest, features: features.map(count => count / STUDENT_SHARE) };
}

function normalizationOf({ name, nonZeroShare }: Fingerprint['channels'][number]): PlannedNormalization {
  if (/^ct\b/i.test(name.trim())) return 'ct';
  return nonZeroShare < MASKED_SHARE ? 'z-score-nonzero' : 'z-score';
}

/** Costs of both arms with a patch. */
function costsOf(
  { labels, channels }: Fingerprint,
  patchVoxels: Xyz,
  networks: { readonly teacher: PlannedUnet; readonly student: PlannedUnet },
  { cores, block }: PlanOptions,
): { readonly teacher: ArmCosts; readonly student: ArmCosts } {
  const regions = labels.flatMap(({ region }) => (region === undefined ? [] : [region]));
  const train = { steps: 1, batch: BATCH };
  const recipe = recipeSchema.parse({
    data: { dataset: 'planned' },
    patch: { size: patchVoxels },
    loss: { crossEntropy: { kind: regions.length > 0 ? 'binary' : 'categorical' } },
    teacher: { unet: networks.teacher, train },
    student: { unet: networks.student, train },
  });
  const shape = { channels: channels.length, labels: labels.length, ...(regions.length > 0 && { regions }) };
  const [teacher, student] = [planArm(recipe, 'teacher', shape), planArm(recipe, 'student', shape)];
  const costs = (arm: 'teacher' | 'student', stepMs: number): ArmCosts => {
    const { parameters, multiplyAdds, trainingBytes } = armCosts(recipe, arm, { ...shape, block });
    return { parameters, multiplyAdds, trainingBytes, stepMs };
  };
  const { imageShape } = teacher.step;
  return {
    teacher: costs('teacher', estimateStepMs(teacher.model, imageShape, { cores })),
    student: costs('student', estimateStepMs(student.model, imageShape, { cores, frozen: teacher.model })),
  };
}

/**
 * A smaller patch: the axis that covers most of its case is reduced, until at most a fraction of the voxels is left.
 * @returns undefined if the patch cannot shrink any further
 */
function shrink(wanted: Xyz, medianSizeVoxels: Xyz, share: number): Xyz | undefined {
  const voxels = (size: Xyz): number => size[0] * size[1] * size[2];
  const most = Math.min(share, LARGEST_SHARE_LEFT) * voxels(wanted);
  let size = wanted;
  while (voxels(size) > most) {
    const reach = (axis: Axis): number => size[axis] / medianSizeVoxels[axis];
    const longest = AXES.reduce((best, axis) => (reach(axis) > reach(best) ? axis : best));
    if (size[longest] <= 2 * SMALLEST_LEVEL_VOXELS) return undefined;
    const shorter = size[longest] - SMALLEST_LEVEL_VOXELS;
    size = mapAxes(axis => (axis === longest ? shorter : size[axis]));
  }
  return size;
}

/** Plans an experiment on a data set. */
export function planExperiment(fingerprint: Fingerprint, options: PlanOptions): Plan {
  const spacingMm = targetSpacing(fingerprint);
  const medianSizeVoxels = sizeAt(fingerprint, spacingMm, medianOf);
  // a patch is refused if it exceeds this multiple of a case
  const smallest = sizeAt(fingerprint, spacingMm, sizes => Math.min(...sizes));
  const limit = mapAxes(axis => LARGEST_PADDED_RATIO * smallest[axis]);
  let wanted: Xyz = mapAxes(axis => Math.min(LARGEST_PATCH_VOXELS, medianSizeVoxels[axis], limit[axis]));
  for (;;) {
    const { patchVoxels, teacher } = networkFor(wanted, spacingMm, limit);
    const student = studentOf(teacher);
    const costs = costsOf(fingerprint, patchVoxels, { teacher, student }, options);
    const bytes = Math.max(costs.teacher.trainingBytes, costs.student.trainingBytes);
    const smaller =
      bytes <= options.memoryBytes ? undefined : shrink(wanted, medianSizeVoxels, options.memoryBytes / bytes);
    if (smaller !== undefined) {
      wanted = smaller;
      continue;
    }
    const training = Math.max(1, Math.round(TRAINING_SHARE * fingerprint.labelledCases));
    const steps = Math.round((EPOCHS * training) / BATCH / 100) * 100;
    return {
      spacingMm,
      medianSizeVoxels,
      patchVoxels,
      isAnisotropic: Math.max(...spacingMm) > ANISOTROPY * Math.min(...spacingMm),
      normalize: fingerprint.channels.map(normalizationOf),
      teacher: { ...teacher, ...costs.teacher },
      student: { ...student, ...costs.student },
      batch: BATCH,
      steps: Math.min(MOST_STEPS, Math.max(FEWEST_STEPS, steps)),
    };
  }
}
