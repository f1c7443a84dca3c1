/** Sampling weights of the training cases, from the recipe or a file. */

import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { type JsonForm, readJson } from '../runtime/json-file.ts';

const weightsFile: JsonForm<Readonly<Record<string, number>>> = {
  schema: z.record(z.string(), z.number().min(0)),
  code: 'E_CASE_WEIGHTS',
  advice: 'It must hold { "<case id>": weight }, each weight a number of at least 0.',
};

/**
 * The weights that the recipe gives, by id; a case without one has 1.
 * @param train ids of the training cases
 * @throws {InputError} E_CASE_WEIGHTS for a malformed file, an unknown case, or if no training case has a weight above
 * 0
 */
export async function readCaseWeights(
  files: Files,
  asked: Recipe['patch']['caseWeights'],
  { folder, cases }: Dataset,
  train: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (asked === null) return new Map();
  const isFile = (value: object): value is { readonly file: string } =>
    'file' in value && typeof value.file === 'string';
  const table = isFile(asked) ? await readJson(files, asked.file, weightsFile) : asked;
  const weights = new Map(Object.entries(table));
  const known = new Set(cases.map(({ id }) => id));
  const unknown = [...weights.keys()].filter(id => !known.has(id));
  if (unknown.length > 0) {
    throw new InputError(
      'E_CASE_WEIGHTS',
      `patch.caseWeights names cases that ${folder} does not have: ${listSome(unknown)}.`,
    );
  }
  if (train.every(id => weights.get(id) === 0)) {
    throw new InputError(
      'E_CASE_WEIGHTS',
      'patch.caseWeights gives every training case the weight 0. Give at least one of them a weight above 0.',
    );
  }
  return weights;
}
