/** A case's voxels: its files decoded, channels stacked, label values checked against the data set. */
import { InputError } from '../core/errors.ts';
import type { Files } from '../runtime/files.ts';
import { decodeLabels, decodeNifti, type NiftiHeader } from '../volume/nifti.ts';
import { formatSize, type LabelVolume, type Volume, voxelCount } from '../volume/volume.ts';
import type { CaseFiles } from './case-list.ts';
import type { Dataset } from './dataset.ts';
import { type LabelClass, labelValues } from './dataset-json.ts';

/** A case in memory. */
export interface LoadedCase {
  readonly id: string;
  /** Channels stacked in the order of the data set. */
  readonly image: Volume;
  readonly label?: LabelVolume;
  /** Of the first image, for writing results on its grid. */
  readonly header: NiftiHeader;
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

async function loadImage(files: Files, dataset: Dataset, { id, images }: CaseFiles) {
  const decoded: { path: string; volume: Volume; header: NiftiHeader }[] = [];
  for (const path of images) decoded.push({ path, ...decodeNifti(await files.read(path), { path }) });
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
  if (others.length === 0) return { image: first.volume, header: first.header, path: first.path };
  const data = new Float32Array(voxelCount(first.volume.sizeVoxels) * channels);
  let offset = 0;
  for (const { volume } of decoded) {
    data.set(volume.data, offset);
    offset += volume.data.length;
  }
  return { image: { ...first.volume, data, channels }, header: first.header, path: first.path };
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
 * @throws {InputError} E_SHAPE_MISMATCH, E_LABEL_UNKNOWN, and as decodeNifti and decodeLabels
 */
export async function loadCase(files: Files, dataset: Dataset, caseFiles: CaseFiles): Promise<LoadedCase> {
  const { id, label: labelPath } = caseFiles;
  const { image, header, path } = await loadImage(files, dataset, caseFiles);
  if (labelPath === undefined) return { id, image, header };
  const label = decodeLabels(await files.read(labelPath), { path: labelPath });
  if (!sameGrid(image, label)) throw mismatch([path, image], [labelPath, label]);
  checkLabelValues(label, dataset.labels, labelPath);
  return { id, image, label, header };
}
