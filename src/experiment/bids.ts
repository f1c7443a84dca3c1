/**
 * Names and files of a BIDS derivative with segmentations. A result is called after the entities of its image, with the
 * suffix dseg in place of T1w and the like, in the folders of its subject and session; a table beside it names its
 * labels, and dataset_description.json says what made it.
 * Source: BIDS 1.11.1, derivatives/imaging (discrete and probabilistic segmentations) and its schema, rules
 * files/deriv/imaging, tabular_data/derivatives and json/dataset.
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { volumeStem } from '../data/volume-name.ts';
import type { ModelLabel } from '../inference/model-info.ts';
import type { Files } from '../runtime/files.ts';
import { readJson, writeJson } from '../runtime/json-file.ts';

const BIDS_VERSION = '1.11.1';

/** Entities of an anatomical image or segmentation in the order of a name, and whether their values are numbers. */
const ENTITIES = [
  ['sub', 'label'],
  ['ses', 'label'],
  ['task', 'label'],
  ['acq', 'label'],
  ['ce', 'label'],
  ['rec', 'label'],
  ['run', 'index'],
  ['echo', 'index'],
  ['part', 'label'],
  ['space', 'label'],
  ['chunk', 'index'],
  ['res', 'label'],
  ['desc', 'label'],
] as const;

const VALUES = { label: /^[0-9a-zA-Z+]+$/, index: /^[0-9]+$/ } as const;

/** Suffixes of anatomical images with one value per voxel. */
const SUFFIXES = [
  ...['T1w', 'T2w', 'PDw', 'T2starw', 'FLAIR', 'inplaneT1', 'inplaneT2', 'PDT2', 'angio', 'T2star', 'FLASH', 'PD'],
  ...['T1map', 'T2map', 'T2starmap', 'R1map', 'R2map', 'R2starmap', 'PDmap', 'MTRmap', 'MTsat', 'UNIT1', 'T1rho'],
  ...['MWFmap', 'MTVmap', 'Chimap', 'S0map', 'M0map'],
];

function refusal(path: string, what: string): InputError {
  return new InputError(
    'E_BIDS_NAME',
    `${path} has no name of BIDS for an anatomical image: ${what}. Rename it, for example to sub-01_ses-1_T1w.nii.gz, or leave out --bids.`,
  );
}

/** The entities of an image's name, in the order of BIDS. */
function entitiesOf(path: string): ReadonlyMap<string, string> {
  const parts = volumeStem(path).split('_');
  const suffix = parts.pop() ?? '';
  if (!SUFFIXES.includes(suffix)) {
    throw refusal(path, `it ends with "${suffix}", which is none of the suffixes ${SUFFIXES.join(', ')}`);
  }
  const found = new Map<string, string>();
  let last = -1;
  for (const part of parts) {
    const [, key = '', value = ''] = /^([a-z]+)-(.*)$/.exec(part) ?? [];
    const place = ENTITIES.findIndex(([name]) => name === key);
    const [, kind] = ENTITIES[place] ?? [];
    if (kind === undefined)
      throw refusal(path, `"${part}" is none of ${ENTITIES.map(([name]) => `${name}-`).join(', ')}`);
    if (!VALUES[kind].test(value)) {
      throw refusal(path, `"${value}" of ${key} must be ${kind === 'index' ? 'digits' : 'letters, digits and + only'}`);
    }
    if (place <= last)
      throw refusal(path, `"${part}" is not in its place; the order is ${ENTITIES.map(([name]) => name).join(', ')}`);
    last = place;
    found.set(key, value);
  }
  if (!found.has('sub')) throw refusal(path, 'it has no sub-');
  return found;
}

/**
 * The path of a segmentation: `<folder>/sub-<label>/[ses-<label>/]anat/<entities>_dseg.nii.gz`. The entity desc is left
 * out, since it describes the image.
 * @param inputs the files of the image's channels, which must be of one subject and session
 * @throws {InputError} E_BIDS_NAME
 */
export function bidsPath(inputs: readonly string[], folder: string): string {
  const [first, ...others] = inputs.map(path => ({ path, entities: entitiesOf(path) }));
  const { entities } = first!;
  const other = others.find(one => ['sub', 'ses'].some(key => one.entities.get(key) !== entities.get(key)));
  if (other !== undefined) throw refusal(other.path, `it is of another subject or session than ${first!.path}`);
  const [sub, ses] = [`sub-${entities.get('sub')}`, entities.get('ses')];
  const name = [...entities].filter(([key]) => key !== 'desc').map(([key, value]) => `${key}-${value}`);
  const folders = [folder, sub, ...(ses === undefined ? [] : [`ses-${ses}`]), 'anat'];
  return `${folders.join('/')}/${name.join('_')}_dseg.nii.gz`;
}

const SEGMENTATION = /_dseg\.nii\.gz$/;

/** The path of the probabilities of a segmentation. */
export function bidsProbabilitiesPath(output: string): string {
  return output.replace(SEGMENTATION, '_probseg.nii.gz');
}

/** A field of a table: tabs and line ends would break it. */
function field(text: string): string {
  return text.replace(/[\t\r\n]+/g, ' ') || 'n/a';
}

/** The table of labels, columns index and name. */
function labelTable(labels: readonly ModelLabel[]): string {
  const rows = labels.map(({ value, name }) => `${value}\t${field(name)}\n`);
  return `index\tname\n${rows.join('')}`;
}

/**
 * Writes what belongs beside a segmentation: its table of labels, its facts, and those of its probabilities.
 * @param probabilities names of the channels; null if they are not written
 */
export async function writeBidsSidecars(
  files: Files,
  output: string,
  {
    labels,
    probabilities,
  }: { readonly labels: readonly ModelLabel[]; readonly probabilities: readonly string[] | null },
): Promise<void> {
  // the segmentation lies on the grid of its own image
  const facts = { Manual: false, SpatialReference: 'orig' };
  await files.write(output.replace(SEGMENTATION, '_dseg.tsv'), new TextEncoder().encode(labelTable(labels)));
  await writeJson(files, output.replace(SEGMENTATION, '_dseg.json'), facts);
  if (probabilities === null) return;
  const path = bidsProbabilitiesPath(output).replace(/\.nii\.gz$/, '.json');
  await writeJson(files, path, { ...facts, LabelMap: probabilities });
}

const describedDataset = {
  schema: z.object({ DatasetType: z.string().default('raw') }),
  code: 'E_BIDS_DATASET',
  advice: 'It must be the dataset_description.json of a BIDS data set.',
} as const;

/**
 * Checks that results may go to a folder: it has no data set, or a derivative.
 * @throws {InputError} E_BIDS_DATASET
 */
export async function assertBidsFolder(files: Files, folder: string): Promise<void> {
  const path = `${folder}/dataset_description.json`;
  if (!(await files.exists(path))) return;
  const { DatasetType: kind } = await readJson(files, path, describedDataset);
  if (kind === 'derivative') return;
  throw new InputError(
    'E_BIDS_DATASET',
    `${folder} is a BIDS data set of type ${kind}, which holds no results. Give a folder for derivatives, for example --output ${folder}/derivatives/voxstill.`,
  );
}

/**
 * Writes dataset_description.json, unless the folder has one.
 * @param models what segmented, for people
 */
export async function describeBidsDataset(
  files: Files,
  folder: string,
  { version, models }: { readonly version: string; readonly models: readonly string[] },
): Promise<void> {
  const path = `${folder}/dataset_description.json`;
  if (await files.exists(path)) return;
  await writeJson(files, path, {
    Name: 'voxstill segmentations',
    BIDSVersion: BIDS_VERSION,
    DatasetType: 'derivative',
    GeneratedBy: [{ Name: 'voxstill', Version: version, Description: `Segmented by ${models.join(' and ')}.` }],
  });
}
