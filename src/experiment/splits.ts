/** The splits of a recipe: by fractions, by folds or from a file. */
import { InputError, invariant } from '../core/errors.ts';
import type { CaseFiles } from '../data/case-list.ts';
import { type Dataset, isLabelled } from '../data/dataset.ts';
import { eachCaseItsOwnPatient, type PatientOf, patientsByPattern, patientsByTable } from '../data/patients.ts';
import { type Splits, splitCases, splitFold } from '../data/splits.ts';
import { parseSplits } from '../data/splits-file.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';

async function readPatients(
  files: Files,
  rule: Recipe['data']['patients'],
  ids: readonly string[],
): Promise<PatientOf> {
  if (rule === null) return eachCaseItsOwnPatient;
  if ('pattern' in rule) return patientsByPattern(ids, rule.pattern);
  return patientsByTable(ids, await readText(files, rule.file), rule.file);
}

async function splitsAsked(
  files: Files,
  asked: Recipe['data']['splits'],
  data: { readonly cases: readonly CaseFiles[]; readonly labelled: readonly string[]; readonly patientOf: PatientOf },
): Promise<Splits> {
  const { cases, labelled, patientOf } = data;
  if ('folds' in asked) {
    invariant(asked.fold !== null, 'one fold is prepared at a time');
    return splitFold(labelled, { ...asked, fold: asked.fold }, patientOf);
  }
  if (!('file' in asked)) {
    // where no case has a label there is nothing to divide
    if (labelled.length === 0) return { train: [], val: [], test: [], unlabelled: [] };
    return splitCases(labelled, asked, patientOf);
  }
  const text = await readText(files, asked.file);
  return parseSplits(text, { ids: cases.map(({ id }) => id), path: asked.file, folds: asked, patientOf });
}

/**
 * The splits of a recipe of one fold. Unless a file lists the unlabelled cases, they are all cases without
 * labels.
 * @throws {InputError} E_SPLITS
 */
export async function readSplits(
  files: Files,
  recipe: Pick<Recipe, 'data'>,
  { folder, cases }: Dataset,
): Promise<Splits> {
  const { splits: asked } = recipe.data;
  const labelled = cases.filter(isLabelled).map(({ id }) => id);
  const others = cases.filter(item => !isLabelled(item)).map(({ id }) => id);
  const patientOf = await readPatients(files, recipe.data.patients, labelled);
  const splits = await splitsAsked(files, asked, { cases, labelled, patientOf });
  const wanting = [...splits.train, ...splits.val, ...splits.test].filter(id => others.includes(id));
  if (wanting.length > 0) {
    throw new InputError(
      'E_SPLITS',
      `these cases of ${folder} are in a split that needs labels, but have none: ${wanting.join(', ')}. List them as "unlabelled".`,
    );
  }
  const isListed = 'file' in asked && asked.labelled === null && splits.unlabelled.length > 0;
  return isListed ? splits : { ...splits, unlabelled: [...splits.unlabelled, ...others].sort() };
}
