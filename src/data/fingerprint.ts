/**
 * The fingerprint of a data set in numbers: number of cases, sizes, spacings, intensities, and segmented fractions.
 * Sizes and spacings are those of canonical axes. Voxels are read one case at a time; only numbers are kept.
 * Source: nnU-Net's dataset fingerprint, arXiv:1904.08128.
 */
import { mapAxes } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { sixDigits } from '../core/format.ts';
import { percentile } from '../core/percentile.ts';
import { range } from '../core/shape.ts';
import type { Progress } from '../runtime/progress.ts';
import { countLabelled } from '../volume/label-volume.ts';
import { croppedVolume, nonzeroBox } from '../volume/nonzero.ts';
import { canonicalGrid } from '../volume/orientation.ts';
import { regionAround } from '../volume/region.ts';
import { LABEL_VALUES, type Volume, voxelCount, type Xyz } from '../volume/volume.ts';
import { type Dataset, type DatasetOptions, isLabelled, openDataset } from './dataset.ts';
import type { LabelClass } from './dataset-json.ts';
import { foregroundStatistics, sampleForeground } from './foreground-intensities.ts';
import { loadCase } from './loaded-case.ts';
import type { IntensityStatistics } from './normalize.ts';
import type { SynthesisSettings } from './synthesis/settings.ts';
import type { VolumeSources } from './volume-file.ts';

/** Spread of a number over the cases. */
export interface Spread {
  readonly min: number;
  readonly p10: number;
  readonly median: number;
  readonly max: number;
}

/** Facts about a class over the cases. */
interface ClassFingerprint {
  readonly name: string;
  /** Number of cases that have it. */
  readonly cases: number;
  /** Fraction of all voxels of all cases. */
  readonly voxelShare: number;
  /** Volume over the cases that have it; absent if none has. */
  readonly volumeMl?: Spread;
}

interface ChannelFingerprint {
  readonly name: string;
  /** Intensities of segmented voxels; absent if there are none, or all are equal. */
  readonly foreground?: IntensityStatistics;
  /** Fraction of voxels that are not 0, mean over the cases. */
  readonly nonZeroShare: number;
}

export interface Fingerprint {
  readonly dataset: string;
  readonly folder: string;
  readonly labelledCases: number;
  readonly unlabelledCases: number;
  readonly channels: readonly ChannelFingerprint[];
  readonly labels: readonly LabelClass[];
  /** How images are painted, of a data set of label maps. */
  readonly synthesis?: SynthesisSettings | undefined;
  readonly classes: readonly ClassFingerprint[];
  /** Fraction of foreground voxels among all voxels of all cases. */
  readonly foregroundShare: number;
  /** x, y, z. */
  readonly spacingMm: readonly [Spread, Spread, Spread];
  readonly sizeVoxels: readonly [Spread, Spread, Spread];
  /** Fraction of the voxels of a case in the box around those of which any channel is not 0. */
  readonly boxShare: Spread;
  /** Cases with labelled voxels outside of that box. */
  readonly labelledOutside: number;
  /** The grids of the labelled cases, for sizes at another spacing. */
  readonly grids: readonly CaseGrid[];
}

/** The grid of a case. */
interface CaseGrid {
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  /** Size of the box around the voxels of which any channel is not 0. */
  readonly boxVoxels: Xyz;
  /** Size of the box around everything that is labelled, with the margin; all of it where nothing is. */
  readonly regionVoxels: Xyz;
}

export interface FingerprintOptions extends DatasetOptions {
  /** Margin around what is labelled, mm; 0 if not given. */
  readonly regionMarginMm?: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** The numbers of one case. */
interface CaseNumbers extends CaseGrid {
  readonly hasLabelsOutside: boolean;
  /** Voxels per label value. */
  readonly counts: Uint32Array;
  readonly foreground: readonly Float32Array[];
  readonly nonZeroShares: readonly number[];
}

function spreadOf(values: readonly number[]): Spread {
  const scratch = Float32Array.from(values);
  // single precision is the scratch's, not the values': percentiles between 0 and 100 are only read to six digits
  const at = (percent: number): number => sixDigits(percentile(scratch, percent));
  return { min: sixDigits(Math.min(...values)), p10: at(10), median: at(50), max: sixDigits(Math.max(...values)) };
}

function nonZeroShares({ data, channels, sizeVoxels }: Volume): number[] {
  const voxels = voxelCount(sizeVoxels);
  return range(channels).map(channel => {
    let count = 0;
    for (let i = channel * voxels; i < (channel + 1) * voxels; i++) if (data[i] !== 0) count++;
    return count / voxels;
  });
}

function classFingerprint({ name, value, region }: LabelClass, cases: readonly CaseNumbers[]): ClassFingerprint {
  const voxelsOf = ({ counts }: CaseNumbers): number =>
    (region ?? [value]).reduce((sum, label) => sum + counts[label]!, 0);
  const having = cases.filter(one => voxelsOf(one) > 0);
  const all = cases.reduce((sum, { sizeVoxels }) => sum + voxelCount(sizeVoxels), 0);
  const volumes = having.map(one => (voxelsOf(one) * one.spacingMm.reduce((a, b) => a * b)) / 1000);
  return {
    name,
    cases: having.length,
    voxelShare: cases.reduce((sum, one) => sum + voxelsOf(one), 0) / all,
    ...(volumes.length > 0 && { volumeMl: spreadOf(volumes) }),
  };
}

async function readCases(
  sources: VolumeSources,
  dataset: Dataset,
  { progress, signal, regionMarginMm = 0 }: FingerprintOptions,
): Promise<CaseNumbers[]> {
  const labelled = dataset.cases.filter(isLabelled);
  const numbers: CaseNumbers[] = [];
  const task = progress.task('reading data', labelled.length, 'case');
  for (const item of labelled) {
    signal?.throwIfAborted();
    const { image, label, warnings } = await loadCase(sources, dataset, item);
    for (const { code, message } of warnings) progress.warn(`${code}: ${message}`);
    if (label !== undefined) {
      const counts = new Uint32Array(LABEL_VALUES);
      for (let i = 0; i < label.data.length; i++) counts[label.data[i]!]!++;
      if (label.ignore !== undefined) counts[label.ignore] = 0;
      const box = nonzeroBox(image);
      const { sizeVoxels, spacingMm } = canonicalGrid(image);
      const { sizeVoxels: boxVoxels } = canonicalGrid({ ...image, sizeVoxels: box.size });
      const { size: region } = regionAround(label, regionMarginMm) ?? { size: image.sizeVoxels };
      const { sizeVoxels: regionVoxels } = canonicalGrid({ ...image, sizeVoxels: region });
      const foreground = sampleForeground(image, label);
      numbers.push({
        sizeVoxels,
        spacingMm,
        boxVoxels,
        regionVoxels,
        hasLabelsOutside: countLabelled(croppedVolume(label, box)) < countLabelled(label),
        counts,
        foreground,
        nonZeroShares: nonZeroShares(image),
      });
    }
    task.update(numbers.length);
  }
  task.finish();
  return numbers;
}

/**
 * Reads the labelled cases of a data set and says what they are like.
 * @throws {InputError} as openDataset and loadCase; E_NO_CASES without a labelled case
 */
export async function fingerprintDataset(
  sources: VolumeSources,
  folder: string,
  options: FingerprintOptions,
): Promise<Fingerprint> {
  const dataset = await openDataset(sources.files, folder, options);
  const cases = await readCases(sources, dataset, options);
  if (cases.length === 0)
    throw new InputError('E_NO_CASES', `${dataset.folder} has no case with a label, so there is nothing to plan for.`);
  const foreground = cases.reduce((sum, { counts }) => sum + counts.reduce((a, b) => a + b, 0) - counts[0]!, 0);
  return {
    dataset: dataset.name,
    folder: dataset.folder,
    labelledCases: cases.length,
    unlabelledCases: dataset.cases.length - cases.length,
    channels: dataset.channels.map((name, channel) => {
      const statistics = foregroundStatistics(cases.map(one => one.foreground[channel] as Float32Array));
      const shares = cases.map(one => one.nonZeroShares[channel]!);
      return {
        name,
        ...(statistics && { foreground: statistics }),
        nonZeroShare: shares.reduce((a, b) => a + b) / shares.length,
      };
    }),
    labels: dataset.labels,
    ...(dataset.synthesis && { synthesis: dataset.synthesis }),
    classes: dataset.labels.filter(({ value }) => value !== 0).map(label => classFingerprint(label, cases)),
    foregroundShare: foreground / cases.reduce((sum, { sizeVoxels }) => sum + voxelCount(sizeVoxels), 0),
    spacingMm: mapAxes(axis => spreadOf(cases.map(one => one.spacingMm[axis]))),
    sizeVoxels: mapAxes(axis => spreadOf(cases.map(one => one.sizeVoxels[axis]))),
    boxShare: spreadOf(cases.map(({ boxVoxels, sizeVoxels }) => voxelCount(boxVoxels) / voxelCount(sizeVoxels))),
    labelledOutside: cases.filter(({ hasLabelsOutside }) => hasLabelsOutside).length,
    grids: cases.map(({ sizeVoxels, spacingMm, boxVoxels, regionVoxels }) => ({
      sizeVoxels,
      spacingMm,
      boxVoxels,
      regionVoxels,
    })),
  };
}
