/**
 * Plans the fine stage of a cascade: the same experiment inside the region of interest, at a finer spacing than a patch
 * of the memory allows for whole cases. It pays where the regions are small beside the cases.
 */
import { medianOf } from '../core/percentile.ts';
import type { Fingerprint } from '../data/fingerprint.ts';
import { voxelCount } from '../volume/volume.ts';
import { type Plan, type PlanOptions, planCoarser, planExperiment } from './plan.ts';
import { patchVoxelCount } from './plan-patch.ts';

/** Share of a case in its region, in the median, from which on the whole case is planned alone. */
const LARGEST_REGION = 0.5;
/** Factor by which the voxels of the fine stage are smaller at least. */
const FINER = 1.5;

/** A plan of a fine stage. */
export interface FinePlan extends Plan {
  /** Share of the voxels of a case in its region, in the median. */
  readonly regionShare: number;
  /** The plan at full resolution inside the region, where this one is coarser. */
  readonly full?: Plan;
}

/**
 * Plans the fine stage inside regions.
 * @param fingerprint with the regions of its cases, margin included
 * @param coarse the plan of whole cases
 * @returns undefined where a region is most of a case, or would not be seen much finer
 * @throws {InputError} E_PLAN_MEMORY as planExperiment
 */
export function planFine(fingerprint: Fingerprint, coarse: Plan, options: PlanOptions): FinePlan | undefined {
  const { grids } = fingerprint;
  const shares = grids.map(({ regionVoxels, sizeVoxels }) => voxelCount(regionVoxels) / voxelCount(sizeVoxels));
  const regionShare = medianOf(shares);
  if (regionShare > LARGEST_REGION) return undefined;
  const regions = grids.map(grid => ({ ...grid, sizeVoxels: grid.regionVoxels, boxVoxels: grid.regionVoxels }));
  const inside = { ...fingerprint, grids: regions };
  const full = planExperiment(inside, options);
  const coarser = planCoarser(inside, full, options);
  const plan = coarser ?? full;
  if (patchVoxelCount(coarse.spacingMm) < FINER * patchVoxelCount(plan.spacingMm)) return undefined;
  return { ...plan, regionShare, ...(coarser && { full }) };
}
