/** Reads one case of an experiment: cuts it to its region, measures it, and makes it ready unless it is tested. */
import type { CaseFiles } from '../../data/case-list.ts';
import type { Dataset } from '../../data/dataset.ts';
import type { LoadedCase } from '../../data/loaded-case.ts';
import type { TrainingCase } from '../../data/loader.ts';
import { assertPatchFits } from '../../data/patches.ts';
import { isMapAlone } from '../../data/synthesis/painted-cases.ts';
import type { Recipe } from '../../recipe/schema.ts';
import type { Progress } from '../../runtime/progress.ts';
import type { Preprocessing } from '../prepare-case.ts';
import type { CaseData, CaseNumbers } from './case-data.ts';
import { type CaseOpener, type OpenCase, withinBox } from './open-case.ts';
import { type CaseRegion, type RegionFinder, regionOfTraining, regionOfValidation } from './region.ts';

/** A case that was read: its hashes, its numbers, and the case as training sees it unless it is tested. */
export interface ReadCase {
  readonly item: CaseFiles;
  readonly hashes: OpenCase['hashes'];
  readonly numbers: CaseNumbers;
  readonly ready?: TrainingCase;
  /** Whether the coarse model finds nothing in it, and nothing is labelled either: it teaches nothing. */
  readonly isLeftOut?: boolean;
}

/** A case in which there is no region: all that is labelled is missed, and nothing is found. */
function emptyCase(id: string, { image: { channels, spacingMm } }: LoadedCase): TrainingCase {
  return { id, image: new Float32Array(0), label: new Uint8Array(0), sizeVoxels: [0, 0, 0], spacingMm, channels };
}

/** What lies outside of the region of a case, in its own voxels. */
function missedIn(
  { spacingMm: [x, y, z] }: TrainingCase,
  { missedMm3 }: CaseRegion,
): Pick<TrainingCase, 'missedVoxels'> {
  const entries = Object.entries(missedMm3);
  if (entries.length === 0) return {};
  return { missedVoxels: Object.fromEntries(entries.map(([value, volume]) => [value, volume / (x * y * z)])) };
}

/** How a case is used. */
export interface CaseUse {
  readonly isTrainedOn: boolean;
  readonly isTested: boolean;
}

/** What cases are read with. */
export interface Reading {
  readonly openCase: CaseOpener;
  readonly known: CaseData;
  /** Finds the part of a case that is used; all of it if not given. */
  readonly regions: RegionFinder | undefined;
  readonly preprocessing: Preprocessing;
  readonly patch: Recipe['patch'];
  readonly synthesis: Dataset['synthesis'];
  readonly progress: Progress;
}

/**
 * Reads a case: says what was found in it, and checks that patches fit it.
 * @throws {InputError} E_PATCH_TOO_LARGE for a training case that is too small; as the opener of cases
 */
export async function readCase(item: CaseFiles, use: CaseUse, reading: Reading): Promise<ReadCase> {
  const { openCase, known, regions, preprocessing, patch, synthesis, progress } = reading;
  const { isTrainedOn, isTested } = use;
  const whole = await openCase(item);
  const { hashes } = whole;
  const region = regions === undefined || isTested ? undefined : await known.region(item, whole, regions);
  const used = region && (isTrainedOn ? regionOfTraining(item.id, region) : regionOfValidation(item.id, region));
  const open = used?.box === undefined ? whole : withinBox(whole, used.box);
  const numbers = await known.numbers(item, open, { needsIntensities: isTrainedOn });
  const found = [...numbers.warnings, ...(region?.warnings ?? []), ...(used?.warnings ?? [])];
  for (const { code, message } of found) progress.warn(`${code}: ${message}`);
  if (isTested) return { item, hashes, numbers };
  if (used !== undefined && used.box === undefined && isTrainedOn) return { item, hashes, numbers, isLeftOut: true };
  const { case: prepared, warnings } =
    used !== undefined && used.box === undefined
      ? { case: emptyCase(item.id, await whole.loadWhole()), warnings: [] }
      : await known.ready(item, open, preprocessing);
  for (const warning of warnings) progress.warn(warning);
  if (isTrainedOn) assertPatchFits(patch.size, prepared, patch.padding);
  const { annotated } = item;
  const missed = region === undefined || isTrainedOn ? {} : missedIn(prepared, region);
  return {
    item,
    hashes,
    numbers,
    ready: {
      ...prepared,
      ...missed,
      ...(annotated !== undefined && { annotated }),
      ...(synthesis !== undefined &&
        isMapAlone(item) && { synthesis: { settings: synthesis, normalize: preprocessing.normalize } }),
    },
  };
}
