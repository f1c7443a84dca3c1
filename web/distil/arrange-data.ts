/**
 * The data set among files that a person opened: a folder with dataset.json (Decathlon, nnU-Net), or images and labels
 * that belong together by their names, for which a dataset.json is written. Only files of cases are taken.
 */
import { InputError } from '../../src/core/errors.ts';
import { listSome } from '../../src/core/format.ts';
import { type Dataset, openDataset } from '../../src/data/dataset.ts';
import type { LabelClass } from '../../src/data/dataset-json.ts';
import { formatDatasetJson } from '../../src/data/dataset-text.ts';
import { filesOfVolume } from '../../src/data/volume-file.ts';
import { isImageName, volumeStem } from '../../src/data/volume-name.ts';
import { CONFIRMED } from '../../src/study/correction/correction-folder.ts';
import type { DroppedFile } from '../protocol.ts';
import { blobFiles } from './blob-files.ts';
import type { Contents } from './protocol.ts';

/** A data set below `data/`. */
export interface ArrangedData {
  /** Name of its folder. */
  readonly title: string;
  readonly dataset: Dataset;
  readonly contents: Contents;
  /** Whether its dataset.json was written here. */
  readonly isPaired: boolean;
}

/** Words that say that a file, or all files of a folder, are labels. */
const LABEL_WORD =
  /(^|[^a-z])(labels?(?:tr)?|seg|segmentations?|masks?|gt|ground[-_ ]?truth|reference|aseg|dseg)(?=[^a-z]|$)/i;
const CHANNEL = /^(.+)_(\d{4})$/;

const folderOf = (path: string): string => path.split('/').slice(0, -1).join('/');
const nameOf = (path: string): string => path.split('/').at(-1) as string;

/** A class of labels that no dataset.json describes. */
type ClassName = Pick<LabelClass, 'name' | 'value'>;

interface Pairing {
  readonly images: Map<number, string>;
  label?: string;
}

/** Whether a file holds labels, and the id of its case. */
function roleOf(path: string): { readonly isLabel: boolean; readonly id: string; readonly channel: number } {
  const stem = volumeStem(nameOf(path));
  const byName = LABEL_WORD.test(stem);
  const isLabel = byName || LABEL_WORD.test(nameOf(folderOf(path)));
  const [, id, digits] = (isLabel ? null : CHANNEL.exec(stem)) ?? [];
  if (id !== undefined) return { isLabel, id, channel: Number(digits) };
  const bare = byName ? stem.replace(LABEL_WORD, '$1').replace(/[-_. ]+$|^[-_. ]+/g, '') : stem;
  return { isLabel, id: bare, channel: 0 };
}

/** Images and labels by the id of their case. */
function pairsOf(paths: readonly string[]): ReadonlyMap<string, Pairing> {
  const pairs = new Map<string, Pairing>();
  for (const path of paths) {
    const { isLabel, id, channel } = roleOf(path);
    const pair: Pairing = pairs.get(id) ?? { images: new Map() };
    pairs.set(id, pair);
    const before = isLabel ? pair.label : pair.images.get(channel);
    if (before !== undefined) {
      throw new InputError(
        'E_DATASET_CASES',
        `${before} and ${path} are both the ${isLabel ? 'label' : 'image'} of "${id}" by their names. Give every case a name of its own, or add a dataset.json.`,
      );
    }
    if (isLabel) pair.label = path;
    else pair.images.set(channel, path);
  }
  const alone = [...pairs].filter(([, { images }]) => images.size === 0);
  if (alone.length > 0) {
    const names = listSome(alone.map(([, { label }]) => label as string));
    throw new InputError(
      'E_CASE_MISSING',
      `there is no image for ${names}. A label has the name of its image with "label" or "seg" added, or is in a folder "labels".`,
    );
  }
  return pairs;
}

/** dataset.json of nnU-Net for images and labels where they are. */
function describePairs(pairs: ReadonlyMap<string, Pairing>, classes: readonly ClassName[]): string {
  const [first] = pairs.values();
  const channels = [...(first?.images.keys() ?? [])].sort((a, b) => a - b);
  const other = [...pairs].find(([, { images }]) => images.size !== channels.length);
  if (other !== undefined) {
    throw new InputError(
      'E_CHANNELS',
      `the case "${other[0]}" has ${other[1].images.size} image file(s), others have ${channels.length}. Give every case the same channels (_0000, _0001).`,
    );
  }
  return formatDatasetJson({
    channels: channels.map(channel => (channels.length === 1 ? 'image' : `channel ${channel}`)),
    labels: classes.map(({ name, value }) => ({ name, value })),
    cases: [...pairs].map(([id, { images, label }]) => ({
      id,
      images: channels.map(channel => images.get(channel) as string),
      ...(label !== undefined && { label }),
    })),
  });
}

/** The folder that everything is in, so that paths are those within the data set. */
function commonFolder(paths: readonly string[]): string {
  let common = folderOf(paths[0] as string).split('/');
  for (const path of paths) {
    const parts = folderOf(path).split('/');
    const length = common.findIndex((part, index) => part !== parts[index]);
    if (length >= 0) common = common.slice(0, length);
  }
  return common.join('/');
}

/** The files that the cases of a data set need. */
async function filesOfCases(dataset: Dataset, all: Contents): Promise<Contents> {
  const files = blobFiles(all);
  const json = `${dataset.folder}/dataset.json`;
  const needed = new Map([[json, all.get(json) as Blob]]);
  for (const { images, label } of dataset.cases) {
    for (const path of label === undefined ? images : [...images, label]) {
      for (const file of await filesOfVolume({ files }, path)) needed.set(file, all.get(file) as Blob);
    }
  }
  return needed;
}

/**
 * Finds the data set.
 * @param files with their paths in what was opened
 * @param classes of the teacher, which are those of labels that no dataset.json describes
 * @throws {InputError} E_DATASET_MISSING without images; E_DATASET_CASES, E_CASE_MISSING, E_CHANNELS for names that do
 * not fit together; as openDataset
 */
export async function arrangeData(files: readonly DroppedFile[], classes: readonly ClassName[]): Promise<ArrangedData> {
  const isShown = (path: string): boolean => !path.split('/').some(part => part.startsWith('.') || part === '__MACOSX');
  const shown = files.filter(({ path }) => isShown(path));
  const described = shown
    .filter(({ path }) => nameOf(path) === 'dataset.json')
    .sort((left, right) => left.path.split('/').length - right.path.split('/').length);
  const images = shown.filter(({ path }) => isImageName(path));
  if (images.length === 0) {
    throw new InputError(
      'E_DATASET_MISSING',
      'there are no images among these files. Open a folder with images and their labels.',
    );
  }
  const [own] = described;
  const root = own === undefined ? commonFolder(images.map(({ path }) => path)) : folderOf(own.path);
  const name = (nameOf(root) || 'data').replace(/[^\p{L}\p{N}._-]+/gu, '_');
  // confirmed labels have that folder beside the data set
  const title = name === CONFIRMED ? 'data' : name;
  const within = (path: string): string => path.slice(root === '' ? 0 : root.length + 1);
  const all = new Map<string, Blob>(
    shown
      .filter(({ path }) => root === '' || path.startsWith(`${root}/`))
      .map(({ path, file }) => [`data/${title}/${within(path)}`, file]),
  );
  if (own === undefined) {
    const text = describePairs(pairsOf(images.map(({ path }) => within(path)).sort()), classes);
    all.set(`data/${title}/dataset.json`, new Blob([text]));
  }
  const dataset = await openDataset(blobFiles(all), `data/${title}`);
  return { title, dataset, contents: await filesOfCases(dataset, all), isPaired: own === undefined };
}
