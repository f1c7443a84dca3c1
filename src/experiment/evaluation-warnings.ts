/** What should be known before the scores of a model are believed. */
import { listSome } from '../core/format.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { Dataset } from '../data/dataset.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import type { Laboratory } from './laboratory.ts';
import type { ModelFile } from './model-file.ts';
import { type ScoredCases, seenWarnings, witnessesOf } from './seen-cases.ts';

type Known = Pick<ModelFile, 'path' | 'metadata'>;

/** Lists classes whose names differ, other than in capitals, and that are scored by their values all the same. */
function namesApart(
  { path, metadata }: Known,
  { folder, labels }: Pick<Dataset, 'folder' | 'labels'>,
): VolumeWarning[] {
  const apart = labels.flatMap(({ value, name }) => {
    const own = metadata.labels.find(one => one.value === value)?.name;
    const isSame = own === undefined || value === 0 || own.toLowerCase() === name.toLowerCase();
    return isSame ? [] : [`${value} is "${own}" for the model and "${name}" in the data`];
  });
  if (apart.length === 0) return [];
  const message = `the classes of ${path} and ${folder} have other names and are matched by value: ${listSome(apart)}. Check that they are the same structures.`;
  return [{ code: 'W_CLASSES_BY_VALUE', message }];
}

/**
 * Warnings of an evaluation: cases that a model has seen (W_CASES_SEEN), and classes that are matched by their values
 * under other names (W_CLASSES_BY_VALUE).
 * @param options.dataset whose classes are scored; not given where the models' own ones are
 */
export async function evaluationWarnings(
  { files, machine }: { readonly files: Laboratory['files']; readonly machine: Pick<Laboratory['machine'], 'sha256'> },
  models: readonly Known[],
  { dataset, cases, ...scored }: ScoredCases & { readonly cases: readonly CaseFiles[]; readonly dataset?: Dataset },
): Promise<readonly VolumeWarning[]> {
  const apart = dataset === undefined ? [] : models.slice(0, 1).flatMap(model => namesApart(model, dataset));
  const { sha256 } = machine;
  const witnesses = await witnessesOf({ files, sha256 }, models, { cases, images: scored.images });
  return [...apart, ...seenWarnings(witnesses, scored)];
}
