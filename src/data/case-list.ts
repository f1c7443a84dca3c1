/**
 * The cases of a data set by their files, without reading any of them. Decathlon folders list their files; nnU-Net's
 * first version lists them without the channel number that its files have; its second names them
 * `imagesTr/<id>_0000.nii.gz` per channel and `labelsTr/<id>.nii.gz`. A case without a label is listed without one.
 * Hidden files and the `._` files of macOS are ignored. Problems are collected, not thrown, so that all can be reported
 * at once.
 */
import { nameProblem, pathInside } from '../core/names.ts';
import type { Files } from '../runtime/files.ts';
import type { DatasetDescription, ListedCase } from './dataset-json.ts';
import type { DataProblem } from './finding.ts';
import { formatOfName, volumeEnding, volumeStem } from './volume-name.ts';

/** The files of a case, as paths that `Files` can read. */
export interface CaseFiles {
  readonly id: string;
  /** Images: one per channel, or one with all channels; none where the case is a label map alone. */
  readonly images: readonly string[];
  /** Label; absent if the case is not segmented. */
  readonly label?: string;
  /** Values of the classes that were looked for; all if not given. */
  readonly annotated?: readonly number[];
  /** Which of the images that are painted of a label map it is, from 1; see synthesis/painted-cases.ts. */
  readonly painting?: number;
}

export interface CaseList {
  /** By id. */
  readonly cases: readonly CaseFiles[];
  /** Existing files of the cases that lack a file; they are not in the list. */
  readonly broken: readonly CaseFiles[];
  /** Problems of the list, and of cases that are not in it. */
  readonly problems: readonly DataProblem[];
}

/** Folder of a data set and the content of its dataset.json. */
interface Place {
  readonly files: Files;
  readonly folder: string;
  readonly description: DatasetDescription;
  /** Whether a case may be a label map alone. */
  readonly acceptsMaps: boolean;
}

/** Ids become names of files and folders of whoever predicts, so a case whose id is more than a name is left out. */
function idProblem(id: string, folder: string): DataProblem | undefined {
  const problem = nameProblem(id);
  if (problem === undefined) return undefined;
  const shown = JSON.stringify(id.length > 100 ? `${id.slice(0, 100)}...` : id);
  return {
    code: 'E_CASE_ID',
    message: `${folder} has a case ${shown}, whose id ${problem}`,
    advice: 'Ids become names of files. Give it an id without separators and control characters.',
  };
}

/** Whether a file exists, from names that are read once per folder. */
type Presence = (path: string) => Promise<boolean>;

function nameOf(path: string): string {
  return path.split('/').at(-1) ?? path;
}

function channelFile(stem: string, channel: number, ending: string): string {
  return `${stem}_${String(channel).padStart(4, '0')}${ending}`;
}

function createPresence({ files, folder }: Place): Presence {
  const known = new Map<string, Promise<readonly string[]>>();
  return async path => {
    const parent = path.split('/').slice(0, -1).join('/');
    const names = known.get(parent) ?? files.list(parent === '' ? folder : `${folder}/${parent}`);
    known.set(parent, names);
    return (await names).includes(nameOf(path));
  };
}

function missing(caseId: string, file: string): DataProblem {
  return {
    code: 'E_CASE_MISSING',
    caseId,
    file,
    message: `the file ${file} is missing`,
    advice: 'Add it, or remove the case from the data set.',
  };
}

/** Images as listed, or with the channel numbers that nnU-Net's first version leaves out of its list. */
async function imagesOf(
  { description }: Place,
  images: readonly string[],
  isPresent: Presence,
): Promise<readonly string[]> {
  const [image = ''] = images;
  if (images.length !== 1 || (await isPresent(image))) return images;
  const ending = volumeEnding(image);
  const stem = image.slice(0, image.length - ending.length);
  const numbered = description.channels.map((_, channel) => channelFile(stem, channel, ending));
  for (const file of numbered) if (await isPresent(file)) return numbered;
  return images;
}

/** Result for one entry of the list. */
interface Looked {
  readonly found?: CaseFiles;
  /** Whether all files of the entry exist. */
  readonly isWhole: boolean;
  readonly problems: readonly DataProblem[];
}

function outsideFolder({ folder }: Place, caseId: string, path: string): DataProblem {
  return {
    code: 'E_DATASET_PATH',
    caseId,
    message: `${folder}/dataset.json names the file "${path}", which is not inside its folder`,
    advice: 'Name files relative to the folder, with / and without "..".',
  };
}

async function lookFor(
  place: Place,
  { id, images: named, label }: ListedCase & { readonly id: string },
  isPresent: Presence,
): Promise<Looked> {
  const all = label === undefined ? named : [...named, label];
  const outside = all.filter(path => pathInside(path) === undefined);
  if (outside.length > 0) return { isWhole: false, problems: outside.map(path => outsideFolder(place, id, path)) };
  const images = await imagesOf(place, named.map(pathInside) as string[], isPresent);
  const listedLabel = label === undefined ? undefined : pathInside(label);
  const lacking = new Set<string>();
  for (const path of listedLabel === undefined ? images : [...images, listedLabel]) {
    if (!(await isPresent(path))) lacking.add(path);
  }
  const hasLabel = listedLabel !== undefined && !lacking.has(listedLabel);
  const present = images.filter(path => !lacking.has(path));
  return {
    found: { id, images: present, ...(hasLabel && { label: listedLabel }) },
    isWhole: lacking.size === 0,
    problems: [...lacking].map(path => missing(id, `${place.folder}/${path}`)),
  };
}

function withoutImage(caseId: string): DataProblem {
  return {
    code: 'E_CASE_MISSING',
    caseId,
    message: `case "${caseId}" is a label map without an image`,
    advice: 'Add its image, or set data.synthesize in the recipe, which paints images from label maps.',
  };
}

async function fromList(place: Place, listed: readonly ListedCase[]): Promise<CaseList> {
  const isPresent = createPresence(place);
  const cases: CaseFiles[] = [];
  const broken: CaseFiles[] = [];
  const problems: DataProblem[] = [];
  for (const entry of listed) {
    const id = entry.id ?? volumeStem(entry.images[0] ?? entry.label ?? '');
    if (id.startsWith('._')) continue;
    if (entry.images.length === 0 && !place.acceptsMaps) {
      problems.push(withoutImage(id));
      continue;
    }
    const looked = await lookFor(place, { ...entry, id }, isPresent);
    problems.push(...looked.problems);
    if (looked.found !== undefined) (looked.isWhole ? cases : broken).push(looked.found);
  }
  return { cases, broken, problems };
}

/** Names without hidden files that end as asked, the ending cut off. */
async function stems(files: Files, folder: string, ending: string): Promise<string[]> {
  const all = await files.list(folder);
  return all.filter(name => !name.startsWith('.') && name.endsWith(ending)).map(name => name.slice(0, -ending.length));
}

/** Every id that any image or label has. */
async function fromFolders(place: Place, ending: string): Promise<CaseList> {
  const { files, folder, description, acceptsMaps } = place;
  const labels = new Set(await stems(files, `${folder}/labelsTr`, ending));
  const channels = new Map<string, Set<number>>([...labels].map(id => [id, new Set()]));
  const problems: DataProblem[] = [];
  for (const stem of await stems(files, `${folder}/imagesTr`, ending)) {
    const file = `${folder}/imagesTr/${stem}${ending}`;
    const [, id, digits] = /^(.+)_(\d{4})$/.exec(stem) ?? [];
    if (id === undefined) {
      const message = `${file} has no channel number`;
      const advice = `Name it <case>_0000${ending}, further channels <case>_0001${ending} and so on.`;
      problems.push({ code: 'E_DATASET_FORMAT', file, message, advice });
    } else if (Number(digits) >= description.channels.length) {
      const message = `${file} is one channel more than dataset.json names (${description.channels.join(', ')})`;
      const advice = 'Name the channel in dataset.json and give it to every case, or remove the file.';
      problems.push({ code: 'E_CHANNELS', caseId: id, file, message, advice });
    } else {
      channels.set(id, (channels.get(id) ?? new Set()).add(Number(digits)));
    }
  }
  const cases: CaseFiles[] = [];
  const broken: CaseFiles[] = [];
  for (const [id, present] of channels) {
    const image = (channel: number): string => `imagesTr/${channelFile(id, channel, ending)}`;
    // a picture in colour is one file with all its channels, as in nnU-Net's data sets of natural images
    const isPicture = formatOfName(`case${ending}`) === 'png' && present.size === 1 && present.has(0);
    const isMap = acceptsMaps && present.size === 0;
    const lacking = description.channels.flatMap((_, channel) =>
      isMap || isPicture || present.has(channel) ? [] : [image(channel)],
    );
    problems.push(...lacking.map(path => missing(id, `${folder}/${path}`)));
    const images = [...present].sort((left, right) => left - right).map(image);
    const found = { id, images, ...(labels.has(id) && { label: `labelsTr/${id}${ending}` }) };
    (lacking.length === 0 ? cases : broken).push(found);
  }
  return { cases, broken, problems };
}

/**
 * Lists the cases of a data set and the problems of the list.
 * @param description with whether a case may be a label map alone; not if not given
 */
export async function listCases(
  files: Files,
  folder: string,
  { acceptsMaps = false, ...description }: DatasetDescription & { readonly acceptsMaps?: boolean },
): Promise<CaseList> {
  const place = { files, folder, description, acceptsMaps };
  const list =
    'listed' in description.files
      ? await fromList(place, description.files.listed)
      : await fromFolders(place, description.files.ending);
  const problems = [...list.problems];
  const byId = new Map<string, CaseFiles>();
  const located = ({ id, images, label }: CaseFiles): CaseFiles => ({
    id,
    images: images.map(path => `${folder}/${path}`),
    ...(label !== undefined && { label: `${folder}/${label}` }),
  });
  const misnamed = new Set<string>();
  for (const { id } of [...list.cases, ...list.broken]) {
    const problem = idProblem(id, folder);
    if (problem === undefined) continue;
    misnamed.add(id);
    problems.push(problem);
  }
  for (const one of list.cases.filter(({ id }) => !misnamed.has(id))) {
    if (byId.has(one.id)) {
      const message = `${folder}/dataset.json has more than one case "${one.id}"`;
      problems.push({ code: 'E_DATASET_CASES', caseId: one.id, message, advice: 'Give every case an id of its own.' });
    }
    byId.set(one.id, located(one));
  }
  if (byId.size === 0 && problems.length === 0) {
    const message = `${folder}/dataset.json has no cases`;
    problems.push({ code: 'E_DATASET_CASES', message, advice: `Put images in ${folder}/imagesTr.` });
  }
  const cases = [...byId.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
  return { cases, broken: list.broken.filter(({ id }) => !misnamed.has(id)).map(located), problems };
}
