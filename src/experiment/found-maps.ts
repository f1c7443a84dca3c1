/**
 * How to paint label maps that come without a recipe: the classes are those of their dataset.json, or every value that
 * the maps have is one.
 */
import { InputError } from '../core/errors.ts';
import { listCases } from '../data/case-list.ts';
import { type Dataset, isLabelled, openDataset } from '../data/dataset.ts';
import { parseDatasetJson } from '../data/dataset-json.ts';
import type { SynthesisSettings } from '../data/synthesis/settings.ts';
import { readVolume, type VolumeSources } from '../data/volume-file.ts';
import { synthesizeSchema } from '../recipe/schema/synthesize.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';
import type { Progress } from '../runtime/progress.ts';
import { labelsOfVolume } from '../volume/label-volume.ts';

type Classes = SynthesisSettings['classes'];

/** Settings with these classes; classes of single sides are not mirrored, since nothing says which belong together. */
function settingsOf(classes: Classes, folder: string): SynthesisSettings {
  const [mirrored, asTheyAre] = [true, false].map(flip => synthesizeSchema.safeParse({ classes, flip }));
  const settings = mirrored?.data ?? asTheyAre?.data;
  if (settings) return settings;
  const reason = asTheyAre?.error?.issues[0]?.message ?? 'there are none';
  throw new InputError(
    'E_DATASET_LABELS',
    `the labels of ${folder} cannot be painted: ${reason}. Name classes in a recipe, under data.synthesize.`,
  );
}

/** Rules for any value, for maps whose classes nobody has named. */
function anyValue(): SynthesisSettings {
  return settingsOf({ label: '1-65535' }, '');
}

/** Classes of a dataset.json whose cases are all label maps alone; undefined for any other. */
async function classesOfDescription(files: Files, root: string): Promise<Classes | undefined> {
  const path = `${root}/dataset.json`;
  const description = parseDatasetJson(await readText(files, path), path);
  const { cases, broken } = await listCases(files, root, { ...description, acceptsMaps: true });
  const all = [...cases, ...broken];
  if (all.length === 0 || all.some(({ images }) => images.length > 0)) return undefined;
  const classes = description.labels.filter(({ value }) => value !== 0);
  return Object.fromEntries(classes.map(({ name, value, region }) => [name, region ?? value]));
}

/** Whether a folder has a dataset.json. */
function isDescribed(files: Files, folder: string): Promise<boolean> {
  return files.exists(`${folder}/dataset.json`);
}

/**
 * How the cases of a data set may be checked without a recipe: by the classes of its dataset.json; in a plain folder of
 * label maps every value is allowed.
 * @returns null for a data set of images
 */
export async function rulesToCheck(files: Files, folder: string): Promise<SynthesisSettings | null> {
  const root = folder.replace(/(?<=.)\/+$/, '');
  if (!(await isDescribed(files, root))) return anyValue();
  const classes = await classesOfDescription(files, root);
  return classes === undefined ? null : settingsOf(classes, root);
}

/** The values of the maps of a data set, ascending, without 0. */
async function valuesIn(
  sources: VolumeSources,
  { cases }: Dataset,
  { progress, signal }: { readonly progress: Progress; readonly signal?: AbortSignal },
): Promise<readonly number[]> {
  const found = new Set<number>();
  const task = progress.task('reading labels', cases.length, 'case');
  for (const [index, { label }] of cases.filter(isLabelled).entries()) {
    signal?.throwIfAborted();
    const { data } = labelsOfVolume((await readVolume(sources, label)).volume, label);
    for (let i = 0; i < data.length; i++) if (data[i] !== data[i - 1]) found.add(data[i]!);
    task.update(index + 1);
  }
  task.finish();
  return [...found].filter(value => value !== 0).sort((left, right) => left - right);
}

/**
 * How the label maps of a data set are painted without a recipe: the classes are those of its dataset.json; in a plain
 * folder every value is a class of its own.
 * @returns null for a data set of images
 * @throws {InputError} E_DATASET_MISSING, E_DATASET_LABELS, and as readVolume and labelsOfVolume
 */
export async function synthesisOfMaps(
  sources: VolumeSources,
  folder: string,
  options: { readonly progress: Progress; readonly signal?: AbortSignal },
): Promise<SynthesisSettings | null> {
  const rules = await rulesToCheck(sources.files, folder);
  const root = folder.replace(/(?<=.)\/+$/, '');
  if (rules === null || (await isDescribed(sources.files, root))) return rules;
  const values = await valuesIn(sources, await openDataset(sources.files, root, { synthesize: rules }), options);
  return settingsOf(Object.fromEntries(values.map(value => [`label ${value}`, value])), root);
}
