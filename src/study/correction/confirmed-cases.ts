/**
 * The labels that people confirmed, beside the data set that they belong to: a file for each, never overwritten, and a
 * list of them. Images and labels of the data set stay as they are. A label is written before the list names it, so
 * whatever interrupts it leaves whole cases only.
 */
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import type { CaseFiles } from '../../data/case-list.ts';
import { type Dataset, isLabelled } from '../../data/dataset.ts';
import { formatDatasetJson } from '../../data/dataset-text.ts';
import { loadCase } from '../../data/loaded-case.ts';
import type { VolumeSources } from '../../data/volume-file.ts';
import type { SharedFiles } from '../../runtime/files.ts';
import { readJson, writeJson } from '../../runtime/json-file.ts';
import { encodeNiftiLabels } from '../../volume/nifti.ts';
import { assertSameGrid } from '../../volume/same-grid.ts';
import type { LabelVolume } from '../../volume/volume.ts';
import { CONFIRMED } from './correction-folder.ts';

const confirmedCase = z.strictObject({
  id: z.string().min(1),
  /** File of the label in the folder of confirmed labels. */
  label: z.string().regex(/^[^/\\]+$/),
  /** Whether a person changed the segmentation, rather than accept it. */
  isCorrected: z.boolean(),
  /** ISO 8601. */
  at: z.string(),
});

const list = {
  schema: z.strictObject({ cases: z.array(confirmedCase) }),
  code: 'E_CONFIRMED',
  advice: 'Put a whole copy of it back, or delete it: the labels are then no longer part of the data set.',
} as const;

/** A case whose label a person confirmed. */
export type ConfirmedCase = Readonly<z.output<typeof confirmedCase>>;

/** The folder that holds the data set's, in which everything is written. */
function parentOf({ folder }: Pick<Dataset, 'folder'>): string {
  const place = folder.lastIndexOf('/');
  return place < 0 ? '.' : folder.slice(0, place);
}

const listPath = (dataset: Pick<Dataset, 'folder'>): string => `${parentOf(dataset)}/${CONFIRMED}/list.json`;

/**
 * The confirmed cases of a data set, each with its latest label, by id.
 * @throws {InputError} E_CONFIRMED
 */
export async function readConfirmed(
  files: Pick<SharedFiles, 'read' | 'exists'>,
  dataset: Pick<Dataset, 'folder'>,
): Promise<ReadonlyMap<string, ConfirmedCase>> {
  const path = listPath(dataset);
  if (!(await files.exists(path))) return new Map();
  return new Map((await readJson(files, path, list)).cases.map(one => [one.id, one]));
}

/** A label to keep. */
export interface Confirmation extends Pick<ConfirmedCase, 'id' | 'isCorrected' | 'at'> {
  /** On the grid of the case's image. */
  readonly labels: LabelVolume;
}

/** Refuses labels that the classes of the data set do not know, before they are part of it. */
function assertKnown({ id, labels }: Confirmation, dataset: Dataset): void {
  const allowed = new Set([0, ...dataset.labels.flatMap(({ value, region }) => [...(region ?? []), value])]);
  if (dataset.ignore !== undefined) allowed.add(dataset.ignore);
  const unknown = labels.data.find(value => !allowed.has(value));
  if (unknown === undefined) return;
  throw new InputError(
    'E_LABEL_UNKNOWN',
    `the labels of "${id}" have the value ${unknown}, which is no class of ${dataset.folder}. Segment it with a model of the same classes.`,
  );
}

/**
 * Keeps the label of a case.
 * @param dataset as it was opened, with all its cases
 * @throws {InputError} E_CASE_MISSING for a case that it does not have; E_SHAPE_MISMATCH, E_GEOMETRY_MISMATCH for
 * labels on another grid; E_LABEL_UNKNOWN; as loadCase
 */
export async function keepConfirmed(
  sources: VolumeSources & { readonly files: SharedFiles },
  dataset: Dataset,
  confirmation: Confirmation,
): Promise<void> {
  const { files } = sources;
  const { id, labels, isCorrected, at } = confirmation;
  const item = dataset.cases.find(one => one.id === id);
  if (item === undefined) throw new InputError('E_CASE_MISSING', `${dataset.folder} has no case "${id}".`);
  const { image, header } = await loadCase(sources, dataset, { id, images: item.images });
  assertSameGrid({ ...image, path: item.images[0] ?? id }, { ...labels, path: `the labels of "${id}"` });
  assertKnown(confirmation, dataset);
  const folder = `${parentOf(dataset)}/${CONFIRMED}`;
  const names = new Set(await files.list(folder));
  let version = 1;
  while (names.has(`${id}-${version}.nii.gz`)) version++;
  const label = `${id}-${version}.nii.gz`;
  await files.write(`${folder}/${label}`, encodeNiftiLabels(labels, header));
  const known = await readConfirmed(files, dataset);
  const cases = [...new Map([...known, [id, { id, label, isCorrected, at }]]).values()];
  await writeJson(files, listPath(dataset), { cases });
}

/** The files of the cases with the confirmed labels in place of their own; these are labelled, whatever they were. */
export function withConfirmed(dataset: Dataset, confirmed: ReadonlyMap<string, ConfirmedCase>): readonly CaseFiles[] {
  return dataset.cases.map(item => {
    const own = confirmed.get(item.id);
    return own === undefined ? item : { ...item, label: `${parentOf(dataset)}/${CONFIRMED}/${own.label}` };
  });
}

/**
 * Writes the data set with the confirmed labels as it is now: a dataset.json in the folder that holds its folder and
 * that of the labels.
 * @returns that folder
 */
export async function writeConfirmedDataset(
  files: SharedFiles,
  dataset: Dataset,
  confirmed: ReadonlyMap<string, ConfirmedCase>,
): Promise<string> {
  const parent = parentOf(dataset);
  const within = (path: string): string => (parent === '.' ? path : path.slice(parent.length + 1));
  const cases = withConfirmed(dataset, confirmed).map(({ id, images, label }) => ({
    id,
    images: images.map(within),
    ...(label !== undefined && { label: within(label) }),
  }));
  const { channels, labels, ignore } = dataset;
  await files.write(`${parent}/dataset.json`, formatDatasetJson({ channels, labels, ignore, cases }));
  return parent;
}

/**
 * Ids of the cases that have a label which counts: a confirmed one, or one of the data set that the first training did
 * not set aside.
 */
export function labelledIds(
  dataset: Dataset,
  confirmed: ReadonlyMap<string, ConfirmedCase>,
  { unlabelled }: { readonly unlabelled: readonly string[] },
): readonly string[] {
  return dataset.cases
    .filter(item => confirmed.has(item.id) || (isLabelled(item) && !unlabelled.includes(item.id)))
    .map(({ id }) => id);
}
