/**
 * A data set on disk: its cases with their files, and a case's voxels. Reads through `Files`, so it works wherever those come from.
 * Decathlon folders list their files; nnU-Net raw folders name them `imagesTr/<id>_0000.nii.gz` per channel and
 * `labelsTr/<id>.nii.gz`. Hidden files and the `._` files of macOS are passed over.
 */
import { InputError } from '../core/errors.ts';
import type { Files } from '../runtime/files.ts';
import { decodeLabels, decodeNifti, type NiftiHeader } from '../volume/nifti.ts';
import { formatSize, type LabelVolume, type Volume, voxelCount } from '../volume/volume.ts';
import { type DatasetDescription, type LabelClass, type ListedCase, parseDatasetJson } from './dataset-json.ts';

/** The files of a case, as paths that `Files` can read. */
export interface CaseFiles {
  readonly id: string;
  /** One per channel, or one with all channels. */
  readonly images: readonly string[];
  readonly label?: string;
}

export interface Dataset {
  readonly name: string;
  readonly folder: string;
  readonly channels: readonly string[];
  /** Background first, values consecutive from 0. */
  readonly labels: readonly LabelClass[];
  /** By id. */
  readonly cases: readonly CaseFiles[];
}

/** A case in memory. */
export interface LoadedCase {
  readonly id: string;
  /** Channels stacked in the order of the data set. */
  readonly image: Volume;
  readonly label?: LabelVolume;
  /** Of the first image, for writing results on its grid. */
  readonly header: NiftiHeader;
}

const LISTED_IN_MESSAGES = 5;

/** A relative path below the folder, without `./`. */
function insideFolder(path: string, source: string): string {
  const parts = path.split('/').filter(part => part !== '.' && part !== '');
  const leaves = path.startsWith('/') || /^[A-Za-z]:/.test(path) || /[\\\0]/.test(path) || parts.includes('..');
  if (leaves || parts.length === 0) {
    throw new InputError(
      'E_DATASET_PATH',
      `${source} names the file "${path}". Files must lie inside the folder of the data set: relative, with / and without "..".`,
    );
  }
  return parts.join('/');
}

function idOf(image: string): string {
  return (image.split('/').at(-1) ?? image).replace(/\.nii(\.gz)?$/i, '');
}

function listedCases(listed: readonly ListedCase[], source: string): CaseFiles[] {
  return listed
    .filter(({ image }) => !idOf(image).startsWith('._'))
    .map(({ image, label }) => {
      const images = [insideFolder(image, source)];
      const id = idOf(image);
      return label === undefined ? { id, images } : { id, images, label: insideFolder(label, source) };
    });
}

/** Names without hidden files that end as asked, the ending cut off. */
async function stems(files: Files, folder: string, ending: string): Promise<string[]> {
  const all = await files.list(folder);
  return all.filter(name => !name.startsWith('.') && name.endsWith(ending)).map(name => name.slice(0, -ending.length));
}

/** Cases of an nnU-Net folder: every id that any image or label has; what is missing is found later. */
async function ruledCases(files: Files, folder: string, ending: string, channels: number): Promise<CaseFiles[]> {
  const images = await stems(files, `${folder}/imagesTr`, ending);
  const labels = await stems(files, `${folder}/labelsTr`, ending);
  const ids = new Set(labels);
  for (const stem of images) {
    const id = /^(.+)_\d{4}$/.exec(stem)?.[1];
    if (id === undefined) {
      throw new InputError(
        'E_DATASET_FORMAT',
        `${folder}/imagesTr/${stem}${ending} has no channel number. nnU-Net names images <case>_0000${ending}, <case>_0001${ending}, ...`,
      );
    }
    ids.add(id);
  }
  return [...ids].map(id => {
    const channelFiles = Array.from(
      { length: channels },
      (_, channel) => `imagesTr/${id}_${String(channel).padStart(4, '0')}${ending}`,
    );
    return labels.length === 0
      ? { id, images: channelFiles }
      : { id, images: channelFiles, label: `labelsTr/${id}${ending}` };
  });
}

function filesOf({ images, label }: CaseFiles): string[] {
  return label === undefined ? [...images] : [...images, label];
}

async function checkExistence(files: Files, folder: string, cases: readonly CaseFiles[]): Promise<void> {
  const wanted = cases.flatMap(filesOf);
  const parentOf = (path: string): string => path.split('/').slice(0, -1).join('/');
  const present = new Set<string>();
  for (const parent of new Set(wanted.map(parentOf))) {
    const prefix = parent === '' ? '' : `${parent}/`;
    for (const name of await files.list(parent === '' ? folder : `${folder}/${parent}`)) present.add(prefix + name);
  }
  const missing = wanted.filter(path => !present.has(path));
  if (missing.length === 0) return;
  const shown = missing.slice(0, LISTED_IN_MESSAGES).join(', ');
  const more = missing.length > LISTED_IN_MESSAGES ? ` and ${missing.length - LISTED_IN_MESSAGES} more` : '';
  throw new InputError(
    'E_CASE_MISSING',
    `${folder} lacks ${missing.length} file(s) that its cases need: ${shown}${more}. Add them, or take the cases out.`,
  );
}

async function listCases(files: Files, folder: string, description: DatasetDescription): Promise<CaseFiles[]> {
  const source = `${folder}/dataset.json`;
  const cases =
    'listed' in description.files
      ? listedCases(description.files.listed, source)
      : await ruledCases(files, folder, description.files.ending, description.channels.length);
  cases.sort((left, right) => (left.id < right.id ? -1 : left.id > right.id ? 1 : 0));
  const twice = cases.find((one, index) => one.id === cases[index + 1]?.id);
  if (twice !== undefined) {
    throw new InputError('E_DATASET_CASES', `${source} has more than one case "${twice.id}". Case ids must be unique.`);
  }
  if (cases.length === 0) {
    throw new InputError('E_DATASET_CASES', `${source} has no cases. Put images in ${folder}/imagesTr.`);
  }
  return cases;
}

/**
 * Opens a Decathlon or nnU-Net raw folder and checks that every file of every case is there. Reads no voxels.
 * @throws {InputError} E_DATASET_MISSING, E_DATASET_FORMAT, E_DATASET_LABELS, E_DATASET_PATH, E_DATASET_CASES, E_CASE_MISSING
 */
export async function openDataset(files: Files, folder: string): Promise<Dataset> {
  const root = folder.replace(/(?<=.)\/+$/, '');
  const source = `${root}/dataset.json`;
  if (!(await files.exists(source))) {
    throw new InputError(
      'E_DATASET_MISSING',
      `there is no dataset.json in ${root}. Give the folder of a Medical Segmentation Decathlon task or of an nnU-Net raw data set.`,
    );
  }
  const description = parseDatasetJson(new TextDecoder().decode(await files.read(source)), source);
  const relative = await listCases(files, root, description);
  await checkExistence(files, root, relative);
  const { name, channels, labels } = description;
  const cases = relative.map(({ id, images, label }) => {
    const paths = images.map(path => `${root}/${path}`);
    return label === undefined ? { id, images: paths } : { id, images: paths, label: `${root}/${label}` };
  });
  return { name, folder: root, channels, labels, cases };
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
  const allowed = new Set(labels.map(({ value }) => value));
  const unknown = counts.findIndex((count, value) => count > 0 && !allowed.has(value));
  if (unknown < 0) return;
  throw new InputError(
    'E_LABEL_UNKNOWN',
    `${path} has the label value ${unknown} in ${counts[unknown]} voxel(s), which dataset.json does not name. ` +
      `Known are ${labels.map(({ value, name }) => `${value} (${name})`).join(', ')}. Correct the file or dataset.json.`,
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
