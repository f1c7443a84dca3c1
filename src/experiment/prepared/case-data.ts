/**
 * What a start needs of a case: its facts, and the case as training sees it. Both come from the cache where they are
 * kept, and otherwise from the files.
 */
import { extentOf } from '../../core/extent.ts';
import type { CaseFiles } from '../../data/case-list.ts';
import type { Dataset } from '../../data/dataset.ts';
import { sampleForeground } from '../../data/foreground-intensities.ts';
import { channelFacts } from '../../data/image-facts.ts';
import { imageHash } from '../../data/image-hash.ts';
import type { ChannelIntensities } from '../../data/intensities.ts';
import type { TrainingCase } from '../../data/loader.ts';
import { moments } from '../../data/normalize.ts';
import type { CaseFacts } from '../../data/training-facts.ts';
import { classPlacesMm } from '../../metrics/class-places.ts';
import { classVolumesMl } from '../../metrics/overlap.ts';
import { isFinished } from '../../recipe/schema/teacher.ts';
import type { Recipe } from '../../recipe/schema.ts';
import type { VolumeWarning } from '../../volume/geometry.ts';
import { boxAround, boxOfCrop, cropped, nonzeroMask } from '../../volume/nonzero.ts';
import { canonicalGrid } from '../../volume/orientation.ts';
import type { LabelArray, Volume } from '../../volume/volume.ts';
import type { Laboratory } from '../laboratory.ts';
import { type Preprocessing, prepareCase } from '../prepare-case.ts';
import { type CaseCache, type Entry, type Made, openCaseCache } from './case-cache.ts';
import type { OpenCase } from './open-case.ts';
import type { CaseRegion, RegionFinder } from './region.ts';

/** The numbers of a case. */
export interface CaseNumbers {
  readonly warnings: readonly VolumeWarning[];
  /** Short hash of the image. */
  readonly imageHash: string;
  /** What the case is like. */
  readonly facts: CaseFacts;
  /** Intensities of the raw channels; only where they were asked for. */
  readonly intensities?: readonly ChannelIntensities[];
}

/** A case as training sees it, and what was found on the way. */
interface ReadyCase {
  readonly case: TrainingCase;
  readonly warnings: readonly string[];
}

/** What is known of the cases of a data set. */
export interface CaseData {
  /** @param needsIntensities whether intensities are needed too */
  numbers(item: CaseFiles, open: OpenCase, options: { readonly needsIntensities: boolean }): Promise<CaseNumbers>;
  /** The case as training sees it. */
  ready(item: CaseFiles, open: OpenCase, preprocessing: Preprocessing): Promise<ReadyCase>;
  /** Intensities of foreground voxels, one array per channel; undefined for a case without a label. */
  foreground(item: CaseFiles, open: OpenCase): Promise<readonly Float32Array[] | undefined>;
  /** What a coarse model finds in the case. */
  region(item: CaseFiles, open: OpenCase, finder: RegionFinder): Promise<CaseRegion>;
}

/** Summary of every channel's finite voxels. */
function summarize(data: Float32Array, channels: number): readonly ChannelIntensities[] {
  const voxels = data.length / channels;
  return Array.from({ length: channels }, (_, channel) => {
    const finite = data.subarray(channel * voxels, (channel + 1) * voxels).filter(Number.isFinite);
    const { min: minimum, max: maximum } = extentOf(finite);
    return { minimum, maximum, ...moments(finite) };
  });
}

/** Summary of a volume, and if a finished model teaches also of the box around the non-zero voxels. */
function intensitiesOf(image: Volume, isBoxed: boolean): readonly ChannelIntensities[] {
  const { data, channels, sizeVoxels } = image;
  const whole = summarize(data, channels);
  if (!isBoxed) return whole;
  const body = nonzeroMask(image);
  const inside = summarize(cropped(data, sizeVoxels, boxAround(body, sizeVoxels)), channels);
  return whole.map((each, channel) => {
    const voxels = data.subarray(channel * body.length, (channel + 1) * body.length);
    const hasHoles = body.some((isBody, voxel) => isBody !== 0 && voxels[voxel] === 0);
    return { ...each, inBox: inside[channel] as ChannelIntensities, ...(hasHoles && { hasHoles }) };
  });
}

/** What a case is like before more is done to it than cropping, in the axes of the models. */
function factsOf(
  image: Volume,
  { crop, orientation }: Recipe['preprocess'],
  classes: Pick<CaseFacts, 'volumesMl' | 'placesMm'>,
): CaseFacts {
  const kept = { ...image, sizeVoxels: boxOfCrop(image, crop).size };
  const { sizeVoxels, spacingMm } = orientation === 'canonical' ? canonicalGrid(kept) : kept;
  return { grid: { sizeVoxels, spacingMm }, channels: channelFacts(image), ...classes };
}

/** A cache that keeps nothing. */
const NOTHING_KEPT: CaseCache = { keep: (_, make) => make() };

function cacheOf({ openCache, machine, progress }: Laboratory, { cache }: Recipe['data']): CaseCache {
  if (openCache === undefined || cache.limitMB === 0) return NOTHING_KEPT;
  const warn = (message: string): void => progress.warn(message);
  const bytes = openCache({
    folder: cache.folder,
    limitBytes: cache.limitMB * 1e6,
    warn: reason => warn(`prepared cases are no longer kept (data.cache): ${reason}`),
  });
  return openCaseCache({ bytes, sha256: machine.sha256, versions: machine.provenance.versions, warn });
}

/** The cases of a data set as a recipe wants them. */
export function openCaseData(laboratory: Laboratory, recipe: Recipe, dataset: Dataset): CaseData {
  const { machine } = laboratory;
  const cache = cacheOf(laboratory, recipe.data);
  const { channels, labels, ignore, synthesis } = dataset;
  const isBoxed = isFinished(recipe.teacher);
  /** Everything that makes a case what it is; messages name its files. */
  const content = (item: CaseFiles, { hashes, box }: OpenCase) => [
    item,
    hashes,
    { channels, labels, ignore, ...(synthesis !== undefined && { synthesis }), ...(box && { box }) },
  ];
  const keep = <T>(open: OpenCase, depends: readonly unknown[], make: () => Promise<Made<T>>): Promise<Entry<T>> =>
    (open.areAll ? cache : NOTHING_KEPT).keep(depends, make);
  return {
    numbers: async (item, open, { needsIntensities }) => {
      const { crop, orientation } = recipe.preprocess;
      const asked = needsIntensities ? { isBoxed } : null;
      const make = async (): Promise<Made<CaseNumbers>> => {
        const { image, label, warnings } = await open.load();
        const volumesMl = label === undefined ? {} : classVolumesMl(label, labels);
        const axes = orientation === 'canonical' ? 'world' : 'stored';
        // the affine of an image and that of its label may differ by rounding
        const placesMm = label && classPlacesMm({ ...label, affine: image.affine }, labels, axes);
        const facts = {
          warnings,
          // of all of it, by which a case is known again
          imageHash: imageHash((await open.loadWhole()).image, machine.sha256),
          facts: factsOf(image, recipe.preprocess, { volumesMl, ...(placesMm && { placesMm }) }),
          ...(needsIntensities && { intensities: intensitiesOf(image, isBoxed) }),
        };
        return { facts, arrays: {}, voxelBytes: image.data.byteLength };
      };
      return (await keep(open, ['numbers with places', content(item, open), { crop, orientation }, asked], make)).facts;
    },
    ready: async (item, open, preprocessing) => {
      const make = async () => {
        const loaded = await open.load();
        const { case: ready, warnings } = prepareCase(loaded, preprocessing);
        const { image, label, ...rest } = ready;
        return {
          facts: { rest, warnings },
          arrays: { image, label },
          voxelBytes: loaded.image.data.byteLength,
        };
      };
      const { facts, arrays } = await keep(open, ['ready', content(item, open), preprocessing], make);
      const { image, label } = arrays as { readonly image: Float32Array; readonly label: LabelArray };
      return { case: { ...facts.rest, image, label }, warnings: facts.warnings };
    },
    region: async (item, open, finder) => {
      const make = async (): Promise<Made<CaseRegion>> => {
        const whole = await open.loadWhole();
        return { facts: await finder.find(whole), arrays: {}, voxelBytes: whole.image.data.byteLength };
      };
      return (await keep(open, ['region', content(item, open), finder.depends], make)).facts;
    },
    foreground: async (item, open) => {
      const make = async () => {
        const { image, label } = await open.load();
        const samples = label === undefined ? undefined : sampleForeground(image, label);
        return {
          facts: { count: samples?.length ?? null },
          arrays: Object.fromEntries((samples ?? []).map((sample, channel) => [String(channel), sample])),
          voxelBytes: image.data.byteLength,
        };
      };
      const { facts, arrays } = await keep(open, ['foreground', content(item, open)], make);
      if (facts.count === null) return undefined;
      return Array.from({ length: facts.count }, (_, channel) => arrays[String(channel)] as Float32Array);
    },
  };
}
