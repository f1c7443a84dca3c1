/**
 * The region of interest of a case, as the coarse model of a recipe finds it, and what of the case lies outside. A case
 * is seen in training as in use: what the coarse model finds counts, not the labels. Only where it misses something
 * that is labelled, the region of a training case is widened to that, so that nothing is lost for training; what is
 * missed in a validation or test case stays missed.
 */
import { type Axis, mapAxes } from '../../core/axes.ts';
import type { LoadedCase } from '../../data/loaded-case.ts';
import { findRegion } from '../../inference/cascade.ts';
import type { WindowChoice } from '../../inference/sliding-window.ts';
import type { Engine } from '../../runtime/engine.ts';
import type { VolumeWarning } from '../../volume/geometry.ts';
import type { Box } from '../../volume/nonzero.ts';
import { regionAround } from '../../volume/region.ts';
import type { LabelVolume } from '../../volume/volume.ts';
import type { Machine } from '../machine.ts';
import type { CoarseFiles } from '../model-file.ts';
import { openModels } from '../open-models.ts';

/** What a coarse model finds in a case. */
export interface CaseRegion {
  /** Region with its margin, in voxels of the case; null if the model finds nothing. */
  readonly found: Box | null;
  /** The box around what is labelled, without and with the margin; null where nothing is. */
  readonly labelled: { readonly tight: Box; readonly wide: Box } | null;
  /** Volume of everything that is labelled, mm^3. */
  readonly labelledMm3: number;
  /** Volume of each label value that lies outside of what is found, mm^3. */
  readonly missedMm3: Readonly<Record<string, number>>;
  readonly warnings: readonly VolumeWarning[];
}

/** Finds the regions of cases. */
export interface RegionFinder {
  /** Everything besides the case that a region depends on. */
  readonly depends: unknown;
  find(whole: LoadedCase): Promise<CaseRegion>;
  close(): Promise<void>;
}

/** Volume of each label value, of all of it and of what lies outside of a box, mm^3. */
function volumesOf(
  { data, sizeVoxels: [width, height, depth], spacingMm, ignore }: LabelVolume,
  box: Box | undefined,
): Pick<CaseRegion, 'labelledMm3' | 'missedMm3'> {
  const [start, size] = [box?.start ?? [0, 0, 0], box?.size ?? [0, 0, 0]];
  const isWithin = (index: number, axis: Axis): boolean => index >= start[axis] && index < start[axis] + size[axis];
  const missed = new Map<number, number>();
  let labelled = 0;
  for (let z = 0, i = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const isRow = isWithin(z, 2) && isWithin(y, 1);
      for (let x = 0; x < width; x++, i++) {
        const value = data[i]!;
        if (value === 0 || value === ignore) continue;
        labelled++;
        if (!(isRow && isWithin(x, 0))) missed.set(value, (missed.get(value) ?? 0) + 1);
      }
    }
  }
  const voxelMm3 = spacingMm[0] * spacingMm[1] * spacingMm[2];
  const inMm3 = [...missed].map(([value, voxels]) => [String(value), voxels * voxelMm3] as const);
  return { labelledMm3: labelled * voxelMm3, missedMm3: Object.fromEntries(inMm3) };
}

/** Opens a finder; its models are loaded for the first case that asks. */
export function openRegions(
  { engine, machine }: { readonly engine: Engine; readonly machine: Pick<Machine, 'sha256'> },
  coarse: CoarseFiles,
  { window, signal }: { readonly window: WindowChoice; readonly signal?: AbortSignal | undefined },
): RegionFinder {
  const { models, marginMm } = coarse;
  let opened: ReturnType<typeof openModels> | undefined;
  const { overlap, weighting, mirror } = window;
  return {
    depends: [models.map(({ bytes }) => machine.sha256(bytes)), marginMm, { overlap, weighting, mirror }],
    find: async ({ id, image, label }) => {
      opened ??= openModels(engine, models);
      const stage = { models: (await opened).models, marginMm };
      const { box, warnings } = await findRegion(stage, image, { ...window, id, ...(signal && { signal }) });
      const tight = label && regionAround(label, 0);
      const wide = label && regionAround(label, marginMm);
      return {
        found: box ?? null,
        labelled: tight && wide ? { tight, wide } : null,
        ...(label === undefined ? { labelledMm3: 0, missedMm3: {} } : volumesOf(label, box)),
        warnings,
      };
    },
    close: async () => {
      const models = await opened?.catch(() => undefined);
      await models?.close();
    },
  };
}

function hull(one: Box, other: Box): Box {
  const start = mapAxes(axis => Math.min(one.start[axis], other.start[axis]));
  const end = mapAxes(axis => Math.max(one.start[axis] + one.size[axis], other.start[axis] + other.size[axis]));
  return { start, size: mapAxes(axis => end[axis] - start[axis]) };
}

/** The part of a case that is used; undefined if there is none. */
interface UsedRegion {
  readonly box: Box | undefined;
  readonly warnings: readonly VolumeWarning[];
}

function sumOf(volumesMm3: CaseRegion['missedMm3']): number {
  return Object.values(volumesMm3).reduce((sum, each) => sum + each, 0);
}

function percent(part: number, all: number): string {
  return `${((100 * part) / all).toPrecision(2)} %`;
}

/** The part of a case that training sees. */
export function regionOfTraining(id: string, region: CaseRegion): UsedRegion {
  const { found, labelled, labelledMm3, missedMm3 } = region;
  if (found === null) {
    const then = labelled === null ? 'is left out of the training' : 'is trained on around its labels';
    const message = `case "${id}": the coarse model (cascade.coarse) finds nothing in it, so it ${then}.`;
    return { box: labelled?.wide, warnings: [{ code: 'W_CASCADE_EMPTY', message }] };
  }
  const missed = sumOf(missedMm3);
  if (labelled === null || missed === 0) return { box: found, warnings: [] };
  const message =
    `case "${id}": ${percent(missed, labelledMm3)} of what is labelled lies outside of the region that the coarse model (cascade.coarse) finds. ` +
    'In training the region is widened to it; in use the like would be missed. A larger cascade.marginMm or a better coarse model finds more.';
  return { box: hull(found, labelled.tight), warnings: [{ code: 'W_CASCADE_LABELS', message }] };
}

/** The part of a case that validation sees: nothing but what the coarse model finds. */
export function regionOfValidation(id: string, { found, labelledMm3, missedMm3 }: CaseRegion): UsedRegion {
  const box = found ?? undefined;
  const missed = sumOf(missedMm3);
  if (missed === 0) return { box, warnings: [] };
  const what =
    found === null
      ? 'finds nothing in it'
      : `leaves ${percent(missed, labelledMm3)} of what is labelled outside of its region`;
  const message = `case "${id}" of the validation: the coarse model (cascade.coarse) ${what}, which counts as missed.`;
  return { box, warnings: [{ code: 'W_CASCADE_LABELS', message }] };
}
