/**
 * The U-Nets of a plan: as many levels as the patch has room for, no pooling or wide kernel across an axis that is
 * twice as coarse as the others.
 * Source: Isensee et al., nnU-Net, arXiv:1904.08128, section "Automated method configuration".
 */

import { AXES, type Axis, mapAxes } from '../core/axes.ts';
import type { Xyz } from '../volume/volume.ts';

/** A U-Net as a recipe writes it, x y z. */
export interface PlannedUnet {
  readonly features: readonly number[];
  readonly kernels: readonly Xyz[];
  readonly pooling: readonly Xyz[];
}

/** Smallest number of voxels of an axis after halving. */
export const SMALLEST_LEVEL_VOXELS = 4;
/** Ratio of spacings below which axes are pooled together. */
export const POOLED_SPACING_RATIO = 2;
/** Feature maps of the teacher by level; a plan has at most as many levels. */
export const TEACHER_FEATURES = [16, 32, 64, 128] as const;
const STUDENT_SHARE = 4;

/** The axes that have more than one voxel; of a single voxel all of them. */
export function extended(sizeVoxels: Xyz): readonly Axis[] {
  const axes = AXES.filter(axis => sizeVoxels[axis] > 1);
  return axes.length > 0 ? axes : AXES;
}

/**
 * Levels as long as any axis can be halved; an axis that is coarser than twice the finest waits until the others have
 * caught up.
 */
function levelsFor(patchVoxels: Xyz, spacingMm: Xyz, levels: number): Pick<PlannedUnet, 'kernels' | 'pooling'> {
  const kernels: Xyz[] = [];
  const pooling: Xyz[] = [];
  let [size, spacing] = [patchVoxels, spacingMm];
  for (;;) {
    const finest = Math.min(...extended(patchVoxels).map(axis => spacing[axis]));
    const isCoarse = (axis: Axis): boolean => spacing[axis] > POOLED_SPACING_RATIO * finest;
    kernels.push(mapAxes(axis => (isCoarse(axis) || size[axis] === 1 ? 1 : 3)));
    const halved = (axis: Axis): boolean => !isCoarse(axis) && size[axis] >= 2 * SMALLEST_LEVEL_VOXELS;
    const factors = mapAxes(axis => (halved(axis) ? 2 : 1));
    if (kernels.length === levels || !factors.includes(2)) return { kernels, pooling };
    pooling.push(factors);
    size = mapAxes(axis => Math.ceil(size[axis] / factors[axis]));
    spacing = mapAxes(axis => spacing[axis] * factors[axis]);
  }
}

/**
 * A patch that every pooling divides, rounded up as nnU-Net pads unless that is beyond the limit, and the network for
 * it.
 */
export function networkFor(
  wanted: Xyz,
  spacingMm: Xyz,
  { limit, levels }: { readonly limit: Xyz; readonly levels: number },
): { readonly patchVoxels: Xyz; readonly teacher: PlannedUnet } {
  const { kernels, pooling } = levelsFor(wanted, spacingMm, levels);
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

/** The student of a teacher: the same levels with a quarter of the feature maps. */
export function studentOf({ features, ...rest }: PlannedUnet): PlannedUnet {
  return { ...rest, features: features.map(count => count / STUDENT_SHARE) };
}
