/**
 * Divisions of cases that come from a file: our own splits.json, or nnU-Net's splits_final.json, a list with a division
 * into training and validation for each fold. nnU-Net scores a fold on its validation cases, so here they are the test
 * cases, and some of the training cases validate instead: what is tested must not choose the parameters.
 * Source: nnU-Net's documentation/manual_data_splits.md
 */

import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import { checkJson, type JsonForm, parseJson, parseJsonIf } from '../runtime/json-file.ts';
import { eachCaseItsOwnPatient, type PatientOf } from './patients.ts';
import { type FoldOptions, repeated, type Splits, splitBesideTest } from './splits.ts';

const ids = z.array(z.string());
const ownSplits = z.strictObject({ train: ids, val: ids, test: ids, unlabelled: ids.default([]) });
const nnunetFolds = z.array(z.strictObject({ train: ids, val: ids })).min(1);

function splitsFile<Content>(schema: z.ZodType<Content>): JsonForm<Content> {
  return {
    schema,
    code: 'E_SPLITS',
    advice:
      'It must hold { "train": [...], "val": [...], "test": [...] } with case ids, or nnU-Net\'s list of { "train": [...], "val": [...] }.',
  };
}

/** Context of the file. */
export interface SplitsContext {
  /** The cases of the data set. */
  readonly ids: readonly string[];
  /** Name of the file for messages. */
  readonly path: string;
  /**
   * For nnU-Net's list: the fold, and the fraction of its training cases that validates. A list is refused without a
   * fold.
   */
  readonly folds?: Omit<FoldOptions, 'fold'> & { readonly fold: number | null };
  readonly patientOf?: PatientOf;
}

function ownOf(content: unknown, context: SplitsContext): Splits {
  const splits = checkJson(content, context.path, splitsFile(ownSplits));
  if (typeof context.folds?.labelled !== 'number') return splits;
  throw new InputError(
    'E_SPLITS',
    `${context.path} lists the training cases itself. Remove data.splits.labelled, and list cases there as "unlabelled".`,
  );
}

function foldOf(content: unknown, context: SplitsContext): Splits {
  const { path, folds, patientOf } = context;
  const list = checkJson(content, path, splitsFile(nnunetFolds));
  if (folds === undefined || folds.fold === null) {
    throw new InputError(
      'E_SPLITS',
      `${path} is nnU-Net's list of folds. Give the splits.json of a run, or a recipe that names the fold.`,
    );
  }
  const fold = list[folds.fold];
  if (fold === undefined) {
    throw new InputError(
      'E_SPLITS',
      `${path} has ${list.length} fold(s), counted from 0; there is no fold ${folds.fold}. Change data.splits.fold.`,
    );
  }
  assertOnce([...fold.train, ...fold.val], context);
  return splitBesideTest(fold.train, fold.val, { ...folds, fold: folds.fold, ...(patientOf && { patientOf }) });
}

/** Number of folds in a file; null if it is not a list. */
export function countFolds(text: string): number | null {
  return parseJsonIf(text, z.array(z.unknown()))?.length ?? null;
}

function assertOnce(all: readonly string[], { path }: SplitsContext): void {
  const twice = repeated(all);
  if (twice.length === 0) return;
  throw new InputError(
    'E_SPLITS',
    `${path} has cases more than once: ${listSome(twice)}. Put each case into one split only, otherwise the test cases are not unseen.`,
  );
}

function assertPatientsStayTogether(splits: Splits, { path, patientOf = eachCaseItsOwnPatient }: SplitsContext): void {
  const patients = [splits.train, splits.val, splits.test].map(part => [...new Set(part.map(patientOf))]);
  const shared = repeated(patients.flat());
  if (shared.length === 0) return;
  throw new InputError(
    'E_SPLITS',
    `${path} has cases of one patient in several splits: ${listSome(shared)}. Put them into one.`,
  );
}

/**
 * Reads a splits.json `{ "train": [ids], "val": [ids], "test": [ids] }`, where `"unlabelled": [ids]` may follow, or a
 * fold of nnU-Net's list. Cases may be left out; none may be in twice.
 * @throws {InputError} E_SPLITS for other content, an unknown id, an id that is there twice, a patient in two splits
 */
export function parseSplits(text: string, context: SplitsContext): Splits {
  const content = parseJson(text, context.path, splitsFile(z.unknown()));
  const splits = Array.isArray(content) ? foldOf(content, context) : ownOf(content, context);
  const all = [...splits.train, ...splits.val, ...splits.test, ...splits.unlabelled];
  const known = new Set(context.ids);
  const unknown = all.filter(id => !known.has(id));
  if (unknown.length > 0) {
    throw new InputError(
      'E_SPLITS',
      `${context.path} names cases that the data set does not have: ${listSome(unknown)}.`,
    );
  }
  assertOnce(all, context);
  assertPatientsStayTogether(splits, context);
  const { train, val, test, unlabelled } = splits;
  return { train: train.toSorted(), val: val.toSorted(), test: test.toSorted(), unlabelled: unlabelled.toSorted() };
}
