/**
 * Finds all problems of one case by reading all of its files: unreadable files, grids that do not match, voxels that
 * are not finite or all equal, labels that dataset.json does not name. Never stops at the first problem.
 */

import { InputError } from '../core/errors.ts';
import { extentOf } from '../core/extent.ts';
import { listSome } from '../core/format.ts';
import { labelsOfVolume } from '../volume/label-volume.ts';
import { areComparable } from '../volume/same-grid.ts';
import { formatSize, LABEL_VALUES, type LabelVolume, type Volume, voxelCount, type Xyz } from '../volume/volume.ts';
import type { CaseFiles } from './case-list.ts';
import type { Dataset } from './dataset.ts';
import { labelValues } from './dataset-json.ts';
import type { Finding } from './finding.ts';
import { assertRulesFor } from './synthesis/label-rules.ts';
import { isMapAlone } from './synthesis/painted-cases.ts';
import { rulesOf } from './synthesis/painted-patch.ts';
import type { SynthesisSettings } from './synthesis/settings.ts';
import { readVolume, type VolumeSources } from './volume-file.ts';

/** Result of the check of a case. */
export interface CheckedCase {
  readonly id: string;
  readonly findings: readonly Finding[];
  /** Grid of the first readable image, or of a label map alone. */
  readonly grid?: { readonly sizeVoxels: Xyz; readonly spacingMm: Xyz };
  /** The readable images, by a hash of their voxels. */
  readonly images: readonly { readonly file: string; readonly hash: string }[];
  /** The values of its label, of a label map its classes; absent where that cannot be read. */
  readonly labelValues?: ReadonlySet<number>;
}

export interface CheckOptions {
  readonly dataset: Dataset;
  readonly sha256: (data: Uint8Array) => string;
  /** Whether files of the case are missing, so that its number of channels is unknown. */
  readonly isBroken: boolean;
}

interface Opened<T> {
  readonly file: string;
  readonly volume: T;
}

/** Grids that lie further apart than this share of the smallest voxel side are different. */
const LARGEST_SHIFT_SHARE = 0.1;

/** Largest distance between the places of one corner voxel in two affines, in millimetres. */
function cornerShiftMm(left: Volume | LabelVolume, right: Volume | LabelVolume): number {
  const [width, height, depth] = left.sizeVoxels.map(size => size - 1) as [number, number, number];
  let largest = 0;
  for (let corner = 0; corner < 8; corner++) {
    const voxel = [corner & 1 ? width : 0, corner & 2 ? height : 0, corner & 4 ? depth : 0, 1];
    const shift = [0, 1, 2].map(row =>
      voxel.reduce((sum, p, column) => sum + p * (left.affine[row * 4 + column]! - right.affine[row * 4 + column]!), 0),
    );
    largest = Math.max(largest, Math.hypot(...shift));
  }
  return largest;
}

function gridFindings(
  id: string,
  first: Opened<Volume | LabelVolume>,
  other: Opened<Volume | LabelVolume>,
): readonly Finding[] {
  const [one, two] = [first.volume, other.volume];
  if (formatSize(one.sizeVoxels) !== formatSize(two.sizeVoxels)) {
    const message = `${other.file} has ${formatSize(two.sizeVoxels)} voxels, ${first.file} has ${formatSize(one.sizeVoxels)}`;
    const advice = 'The files of a case must share one grid; resample one to the other.';
    return [{ code: 'E_SHAPE_MISMATCH', caseId: id, file: other.file, message, advice }];
  }
  if (!areComparable(one, two)) return [];
  const shift = cornerShiftMm(one, two);
  if (shift <= LARGEST_SHIFT_SHARE * Math.min(...one.spacingMm)) return [];
  const message = `${other.file} is up to ${shift.toPrecision(3)} mm away from ${first.file}: their affines differ`;
  const advice = 'Resample one onto the other, or correct the wrong header.';
  return [{ code: 'E_AFFINE_MISMATCH', caseId: id, file: other.file, message, advice }];
}

/** Finds voxels that are not finite, and channels in which all are equal. */
function intensityFindings(id: string, { file, volume }: Opened<Volume>): readonly Finding[] {
  const voxels = voxelCount(volume.sizeVoxels);
  const findings: Finding[] = [];
  for (let channel = 0; channel < volume.channels; channel++) {
    const { min, max, finite } = extentOf(volume.data.subarray(channel * voxels, (channel + 1) * voxels));
    const where = volume.channels === 1 ? file : `channel ${channel} of ${file}`;
    if (finite < voxels) {
      const message = `${voxels - finite} of ${voxels} voxels of ${where} are NaN or infinite`;
      const advice = 'Replace them by the value of the background; otherwise they are set to the smallest value.';
      findings.push({ code: 'E_IMAGE_NOT_FINITE', caseId: id, file, message, advice });
    }
    if (min === max) {
      const message = `all voxels of ${where} have the value ${min}`;
      const advice = 'The image is empty; find the right file, or remove the case.';
      findings.push({ code: 'E_IMAGE_CONSTANT', caseId: id, file, message, advice });
    }
  }
  return findings;
}

/** Number of voxels of every label value. */
function countLabels({ data }: LabelVolume): Uint32Array {
  const counts = new Uint32Array(LABEL_VALUES);
  for (let i = 0; i < data.length; i++) counts[data[i]!]!++;
  return counts;
}

/** Values of a label map without a rule for painting. */
function ruleFindings(
  id: string,
  { file, volume }: Opened<LabelVolume>,
  synthesis: SynthesisSettings,
): readonly Finding[] {
  try {
    assertRulesFor(volume, rulesOf(synthesis), file);
    return [];
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const [message = '', advice = ''] = cause.message.split(/(?<=\))\. /);
    return [{ code: cause.code, caseId: id, file, message, advice }];
  }
}

function labelFindings(
  id: string,
  { file, volume, counts }: Opened<LabelVolume> & { readonly counts: Uint32Array },
  { labels, ignore, synthesis }: Dataset,
): readonly Finding[] {
  const allowed = new Set(labelValues(labels, ignore));
  const unknown = synthesis ? [] : [...counts.keys()].filter(value => counts[value]! > 0 && !allowed.has(value));
  const findings: Finding[] = synthesis ? [...ruleFindings(id, { file, volume }, synthesis)] : [];
  if (unknown.length > 0) {
    const shown = listSome(unknown.map(value => `${value} (${counts[value]} voxels)`));
    const message = `${file} has label values that dataset.json does not name: ${shown}`;
    const advice = `Correct the file, or name them in dataset.json beside ${[...allowed].join(', ')}.`;
    findings.push({ code: 'E_LABEL_UNKNOWN', caseId: id, file, message, advice });
  }
  if (counts[0] === volume.data.length) {
    const message = `nothing is segmented in ${file}`;
    const advice = 'That is right if the structure is absent; otherwise segment the case, or remove it.';
    findings.push({ code: 'W_LABEL_EMPTY', caseId: id, file, message, advice });
  }
  return findings;
}

function channelFindings(id: string, images: readonly Opened<Volume>[], { channels }: Dataset): readonly Finding[] {
  const found = images.reduce((sum, { volume }) => sum + volume.channels, 0);
  if (found === channels.length) return [];
  const [first] = images;
  const named = `dataset.json names ${channels.length} (${channels.join(', ')})`;
  const surprise =
    images.length === 1 && found > 1
      ? `${first?.file} is four-dimensional, with ${found} volumes, but ${named}`
      : `the images of the case have ${found} channel(s), but ${named}`;
  const advice = 'Remove the volumes that are not channels, or name all channels in dataset.json.';
  return [{ code: 'E_CHANNELS', caseId: id, ...(first && { file: first.file }), message: surprise, advice }];
}

/** Reads a file; an error becomes a finding. */
async function attempt<T>(
  work: () => Promise<T>,
  found: (finding: Finding) => void,
  where: { readonly caseId: string; readonly file: string },
): Promise<T | undefined> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const advice = 'Correct or replace the file, or remove the case from the data set.';
    found({ code: cause.code, ...where, message: cause.message.replace(/\.$/, ''), advice });
    return undefined;
  }
}

/** The values of a label that are there; of a label map that is painted the classes. */
function presentValues(counts: Uint32Array, { synthesis }: Dataset): ReadonlySet<number> {
  const classOf = synthesis && rulesOf(synthesis).classOf;
  const present = [...counts.keys()].filter(value => counts[value] !== 0);
  return new Set(present.map(value => classOf?.[value] ?? value));
}

/** Reads all files of a case and returns their problems. */
export async function checkCase(sources: VolumeSources, item: CaseFiles, options: CheckOptions): Promise<CheckedCase> {
  const { id } = item;
  const { dataset, sha256, isBroken } = options;
  const findings: Finding[] = [];
  const add = (...more: readonly Finding[]): void => {
    findings.push(...more);
  };
  const open = (file: string): Promise<Volume | undefined> =>
    attempt(
      async () => {
        const { volume, warnings } = await readVolume(sources, file);
        const advice = 'Check the volume before you rely on distances in it.';
        add(
          ...warnings.map(({ code, message }) => ({
            code,
            caseId: id,
            file,
            message: message.replace(/\.$/, ''),
            advice,
          })),
        );
        return volume;
      },
      add,
      { caseId: id, file },
    );
  const images: Opened<Volume>[] = [];
  for (const file of item.images) {
    const volume = await open(file);
    if (volume !== undefined) images.push({ file, volume });
  }
  const [first, ...others] = images;
  for (const image of images) add(...intensityFindings(id, image));
  if (first !== undefined) for (const other of others) add(...gridFindings(id, first, other));
  if (!isBroken && !isMapAlone(item) && images.length === item.images.length)
    add(...channelFindings(id, images, dataset));
  const { label: labelFile } = item;
  const labelVolume = labelFile === undefined ? undefined : await open(labelFile);
  let counts: Uint32Array | undefined;
  if (labelFile !== undefined && labelVolume !== undefined) {
    const where = { caseId: id, file: labelFile };
    const volume = await attempt(async () => labelsOfVolume(labelVolume, labelFile), add, where);
    if (volume !== undefined) {
      counts = countLabels(volume);
      add(...labelFindings(id, { file: labelFile, volume, counts }, dataset));
    }
    if (first !== undefined) add(...gridFindings(id, first, { file: labelFile, volume: labelVolume }));
  }
  const gridded = first?.volume ?? (isMapAlone(item) ? labelVolume : undefined);
  const bytesOf = ({ data }: Volume): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return {
    id,
    findings,
    ...(gridded && { grid: { sizeVoxels: gridded.sizeVoxels, spacingMm: gridded.spacingMm } }),
    images: images.map(({ file, volume }) => ({ file, hash: `${volume.sizeVoxels} ${sha256(bytesOf(volume))}` })),
    ...(counts && { labelValues: presentValues(counts, dataset) }),
  };
}
