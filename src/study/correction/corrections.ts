/**
 * Where a distillation that people correct stands: which cases have labels, which one should be looked at next, and
 * what came of every round. All of it follows from the files in its folder.
 */
import { z } from 'zod';
import type { CaseFiles } from '../../data/case-list.ts';
import { type Dataset, isLabelled, openDataset } from '../../data/dataset.ts';
import type { Splits } from '../../data/splits.ts';
import { byUncertainty, type UncertainCase } from '../../metrics/foreground-uncertainty.ts';
import type { Recipe } from '../../recipe/schema.ts';
import type { Files } from '../../runtime/files.ts';
import { parseJsonIf, readJson, readText } from '../../runtime/json-file.ts';
import { type ConfirmedCase, labelledIds, readConfirmed, withConfirmed } from './confirmed-cases.ts';
import { FIRST_RUN, roundPaths, UNCERTAINTY } from './correction-folder.ts';
import type { RoundResult } from './round-result.ts';
import { heldOutOf } from './round-splits.ts';

const splitsForm = {
  schema: z.object({
    train: z.array(z.string()),
    val: z.array(z.string()),
    test: z.array(z.string()),
    unlabelled: z.array(z.string()).default([]),
  }),
  code: 'E_SPLITS',
  advice: 'Put a whole copy of it back.',
} as const;

const resultForm = {
  schema: z.object({
    model: z.string(),
    isTaken: z.boolean(),
    trained: z.int(),
    cases: z.array(z.object({ id: z.string(), before: z.number(), after: z.number() })),
  }),
  code: 'E_RUN',
  advice: 'Delete it, and continue: the round is checked again.',
} as const;

const uncertaintySchema = z.object({
  student: z.string(),
  cases: z.array(z.object({ id: z.string(), uncertainty: z.number() })),
});

/**
 * labelled: by the data set. accepted, corrected: confirmed by a person. check: kept for the held-out check, without a
 * label yet.
 */
export type CaseState = 'labelled' | 'accepted' | 'corrected' | 'check' | 'unlabelled';

/** A case as a person sees it, with its latest label if it has one. */
export interface CorrectableCase extends CaseFiles {
  readonly state: CaseState;
  /** Whether no training has seen or will see it, so that it can check one. */
  readonly isHeldOut: boolean;
  /** How unsure the student is of it; undefined where that is not measured yet, or it has a label. */
  readonly uncertainty: number | undefined;
}

/** A round that has begun. */
export interface Round {
  readonly number: number;
  /** Undefined while it is not finished. */
  readonly result: RoundResult | undefined;
}

/** Where a correction stands. */
export interface Corrections {
  readonly dataset: Dataset;
  readonly confirmed: ReadonlyMap<string, ConfirmedCase>;
  /** How the first training divided the cases. */
  readonly first: Splits;
  readonly cases: readonly CorrectableCase[];
  /** The case that should be looked at next: the most uncertain one without a label; undefined where none is known. */
  readonly next: string | undefined;
  readonly rounds: readonly Round[];
  /** Path of the student that is best so far. */
  readonly student: string;
}

/** The rounds of a correction, the first one first. @throws {InputError} E_RUN for a damaged result */
export async function readRounds(files: Files): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let number = 1; await files.exists(roundPaths(number).recipe); number++) {
    const { result } = roundPaths(number);
    rounds.push({
      number,
      result: (await files.exists(result)) ? await readJson(files, result, resultForm) : undefined,
    });
  }
  return rounds;
}

/** What was measured for a student; nothing that was measured for another one. */
export async function readUncertainty(files: Files, student: string): Promise<readonly UncertainCase[]> {
  if (!(await files.exists(UNCERTAINTY))) return [];
  const found = parseJsonIf(await readText(files, UNCERTAINTY), uncertaintySchema);
  return found?.student === student ? found.cases : [];
}

/**
 * Where a correction stands, from its folder alone.
 * @param recipe of the first training
 * @throws {InputError} E_SPLITS, E_CONFIRMED, E_RUN for damaged files; as openDataset
 */
export async function readCorrections(files: Files, recipe: Recipe): Promise<Corrections> {
  const dataset = await openDataset(files, recipe.data.dataset, recipe.data);
  const first = await readJson(files, `${FIRST_RUN}/splits.json`, splitsForm);
  const confirmed = await readConfirmed(files, dataset);
  const rounds = await readRounds(files);
  const student = rounds.findLast(({ result }) => result?.isTaken)?.result?.model ?? `${FIRST_RUN}/student/model.onnx`;
  const measured = new Map((await readUncertainty(files, student)).map(({ id, uncertainty }) => [id, uncertainty]));
  const ids = dataset.cases.map(({ id }) => id);
  const heldOut = new Set(heldOutOf({ first, ids }));
  const labelled = new Set(labelledIds(dataset, confirmed, first));
  const cases = withConfirmed(dataset, confirmed).map((item): CorrectableCase => {
    const { id } = item;
    const own = confirmed.get(id);
    const isHeldOut = heldOut.has(id);
    const told = own === undefined ? undefined : own.isCorrected ? 'corrected' : 'accepted';
    const state = told ?? (labelled.has(id) && isLabelled(item) ? 'labelled' : isHeldOut ? 'check' : 'unlabelled');
    return { ...item, state, isHeldOut, uncertainty: labelled.has(id) ? undefined : measured.get(id) };
  });
  const known = cases.flatMap(({ id, state, uncertainty }) =>
    state === 'unlabelled' && uncertainty !== undefined ? [{ id, uncertainty }] : [],
  );
  return { dataset, confirmed, first, cases, next: byUncertainty(known)[0]?.id, rounds, student };
}
