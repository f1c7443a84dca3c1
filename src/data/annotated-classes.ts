/**
 * Partial labels: cases in which only some classes were looked for. Any other class may be in the background of such a
 * case, so its background says nothing of that class.
 */
import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import type { LabelVolume } from '../volume/volume.ts';
import type { CaseFiles } from './case-list.ts';
import type { Dataset } from './dataset.ts';

/** Names of the classes that were looked for, by id of a case, in which * stands for any text. */
export type AnnotatedNames = Readonly<Record<string, readonly string[]>>;

function refuse(message: string): never {
  throw new InputError('E_ANNOTATED', `data.annotated ${message}.`);
}

/** Whether an id is what a key means. */
function matches(key: string, id: string): boolean {
  const [first = '', ...rest] = key.split('*');
  const last = rest.pop();
  if (last === undefined) return key === id;
  if (!id.startsWith(first)) return false;
  let place = first.length;
  for (const part of rest) {
    const found = id.indexOf(part, place);
    if (found < 0) return false;
    place = found + part.length;
  }
  return id.endsWith(last) && id.length - last.length >= place;
}

/** Values of classes by their names, without the background. */
function valuesOf(names: readonly string[], key: string, { folder, labels }: Dataset): readonly number[] {
  const unknown = names.filter(name => !labels.some(label => label.name === name));
  if (unknown.length > 0) {
    refuse(
      `names ${listSome(unknown)} for "${key}", but the classes of ${folder} are ${labels.map(({ name }) => name).join(', ')}`,
    );
  }
  const values = labels.filter(({ name, value }) => value !== 0 && names.includes(name)).map(({ value }) => value);
  if (values.length === 0) refuse(`names no class besides the background for "${key}"`);
  return values;
}

/**
 * The data set with what was looked for in each case; a case that no key names has all classes.
 * @throws {InputError} E_ANNOTATED for a class that the data set does not have, a key that no case has, or a case with
 * two keys that differ
 */
export function withAnnotations(dataset: Dataset, asked: AnnotatedNames): Dataset {
  const rules = Object.entries(asked).map(([key, names]) => ({ key, values: valuesOf(names, key, dataset) }));
  const idle = rules.filter(({ key }) => !dataset.cases.some(({ id }) => matches(key, id)));
  if (idle.length > 0)
    refuse(`names cases that ${dataset.folder} does not have: ${listSome(idle.map(({ key }) => key))}`);
  const foreground = dataset.labels.filter(({ value }) => value !== 0).length;
  const cases = dataset.cases.map((one): CaseFiles => {
    const [first, ...others] = rules.filter(({ key }) => matches(key, one.id));
    if (first === undefined) return one;
    const other = others.find(({ values }) => values.join() !== first.values.join());
    if (other !== undefined) refuse(`says two things of case "${one.id}": "${first.key}" and "${other.key}" differ`);
    return first.values.length === foreground ? one : { ...one, annotated: first.values };
  });
  return { ...dataset, cases };
}

/** Ids of the cases that are annotated in part, with what was looked for; empty if every case has all classes. */
export function partlyAnnotated({ cases }: Dataset): readonly (readonly [string, readonly number[]])[] {
  return cases.flatMap(({ id, annotated }) => (annotated === undefined ? [] : [[id, annotated] as const]));
}

/**
 * The label of a case in which every voxel of a class that was not looked for is background, whatever is in its file.
 * Regions stay as they are: their values are shared.
 */
export function annotatedOnly(label: LabelVolume, { annotated }: CaseFiles, { labels, ignore }: Dataset): LabelVolume {
  if (annotated === undefined || labels.some(({ region }) => region !== undefined)) return label;
  const kept = new Set([...annotated, ...(ignore === undefined ? [] : [ignore])]);
  return { ...label, data: label.data.map(value => (kept.has(value) ? value : 0)) };
}
