/** A case's voxels: its files decoded, channels stacked, label values checked against the data set. */
import { InputError } from '../core/errors.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import { labelsOfVolume } from '../volume/label-volume.ts';
import type { NiftiHeader } from '../volume/nifti.ts';
import { formatSize, type LabelVolume, type Volume, voxelCount } from '../volume/volume.ts';
import type { CaseFiles } from './case-list.ts';
import type { Dataset } from './dataset.ts';
import { type LabelClass, labelValues } from './dataset-json.ts';
import type { ReadVolume } from './lps-volume.ts';
import { readVolume, type VolumeSources } from './volume-file.ts';

/** A case in memory. */
export interface LoadedCase {
  readonly id: string;
  /** Channels stacked in the order of the data set. */
  readonly image: Volume;
  readonly label?: LabelVolume;
  /** Of the first image, for writing results on its grid. */
  readonly header: NiftiHeader;
  readonly warnings: readonly VolumeWarning[];
}

function mismatch(first: [string, { sizeVoxels: Volume['sizeVoxels'] }], second: typeof first): InputError {
  const [[firstPath, one], [secondPath, other]] = [first, second];
  return new InputError(
    'E_SHAPE_MISMATCH',
    `${secondPath} has ${formatSize(other.sizeVoxels)} voxels, but ${firstPath} has ${formatSize(one.sizeVoxels)}. ` +
      'The files of a case must share one grid; resample one to the other.',
  );
}

function sameGrid(left: Volume | LabelVolume, right: Volume | LabelVolume): boolean {
  return left.sizeVoxels.every((size, axis) => size === right.sizeVoxels[axis]);
}

async function loadImage(sources: VolumeSources, dataset: Dataset, { id, images }: CaseFiles) {
  const decoded: (ReadVolume & { readonly path: string })[] = [];
  for (const path of images) decoded.push({ path, ...(await readVolume(sources, path)) });
  const [first, ...others] = decoded;
  if (first === undefined) throw new InputError('E_DATASET_CASES', `case "${id}" has no image.`);
  for (const other of others) {
    if (!sameGrid(first.volume, other.volume)) throw mismatch([first.path, first.volume], [other.path, other.volume]);
  }
  const channels = decoded.reduce((sum, { volume }) => sum + volume.channels, 0);
  if (channels !== dataset.channels.length) {
    throw new InputError(
      'E_SHAPE_MISMATCH',
      `case "${id}" has ${channels} channel(s) in ${images.join(', ')}, but ${dataset.folder}/dataset.json names ` +
        `${dataset.channels.length} (${dataset.channels.join(', ')}).`,
    );
  }
  const { header, path } = first;
  const warnings = decoded.flatMap(one => one.warnings);
  if (others.length === 0) return { image: first.volume, header, path, warnings };
  const data = new Float32Array(voxelCount(first.volume.sizeVoxels) * channels);
  let offset = 0;
  for (const { volume } of decoded) {
    data.set(volume.data, offset);
    offset += volume.data.length;
  }
  return { image: { ...first.volume, data, channels }, header, path, warnings };
}

function checkLabelValues({ data }: LabelVolume, labels: readonly LabelClass[], path: string): void {
  const counts = new Uint32Array(256);
  for (let i = 0; i < data.length; i++) counts[data[i]!]!++;
  const allowed = new Set(labelValues(labels));
  const unknown = counts.findIndex((count, value) => count > 0 && !allowed.has(value));
  if (unknown < 0) return;
  throw new InputError(
    'E_LABEL_UNKNOWN',
    `${path} has the label value ${unknown} in ${counts[unknown]} voxel(s), which dataset.json does not name. ` +
      `Known are ${labels.map(({ value, name, region }) => `${region?.join('+') ?? value} (${name})`).join(', ')}. ` +
      'Correct the file or dataset.json.',
  );
}

/**
 * Reads the voxels of a case. Values that are not finite are kept; normalising deals with them.
 * @throws {InputError} E_SHAPE_MISMATCH, E_LABEL_UNKNOWN, and as readVolume and labelsOfVolume
 */
export async function loadCase(sources: VolumeSources, dataset: Dataset, caseFiles: CaseFiles): Promise<LoadedCase> {
  const { id, label: labelPath } = caseFiles;
  const { path, ...loaded } = await loadImage(sources, dataset, caseFiles);
  if (labelPath === undefined) return { id, ...loaded };
  const { volume, warnings } = await readVolume(sources, labelPath);
  const label = labelsOfVolume(volume, labelPath);
  if (!sameGrid(loaded.image, label)) throw mismatch([path, loaded.image], [labelPath, label]);
  checkLabelValues(label, dataset.labels, labelPath);
  return { id, ...loaded, label, warnings: [...loaded.warnings, ...warnings] };
}
