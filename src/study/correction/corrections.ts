/**
 * A distillation that people correct, as a folder: the data set and its run as a first training left them, confirmed
 * labels beside the data set, and a round for every time that the student went on. All paths are relative to that
 * folder, as those of its recipes are:
 *
 *     data/NAME/ data/confirmed-labels/ data/dataset.json      data set, confirmed labels, and both as one data set
 *     run/                                                     the first training
 *     round-1.yaml round-1/splits.json round-1/run/ round-1/result.json
 *     uncertainty.json                                         how unsure the student is of the unlabelled cases
 */
import { z } from 'zod';
import { type Dataset, isLabelled, openDataset } from '../../data/dataset.ts';
import type { Splits } from '../../data/splits.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import { readModelFile } from '../../experiment/model-file.ts';
import { byUncertainty, type UncertainCase } from '../../metrics/foreground-uncertainty.ts';
import { parseRecipe, stringifyRecipe } from '../../recipe/parse.ts';
import type { Recipe } from '../../recipe/schema.ts';
import type { Files } from '../../runtime/files.ts';
import { parseJsonIf, readJson, readText, writeJson } from '../../runtime/json-file.ts';
import { type ConfirmedCase, labelledIds, readConfirmed, writeConfirmedDataset } from './confirmed-cases.ts';
import { performRound, type RoundResult } from './round.ts';
import { divideForRound, heldOutOf, roundRecipe } from './round-plan.ts';
import { measureUncertainty } from './uncertain-cases.ts';

/** Folder of the first training. */
const FIRST_RUN = 'run';
const UNCERTAINTY = 'uncertainty.json';

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

/** A case as a person sees it. */
export interface CorrectableCase {
  readonly id: string;
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

/** Paths of a round. */
function roundPaths(number: number) {
  const folder = `round-${number}`;
  return {
    recipe: `${folder}.yaml`,
    splits: `${folder}/splits.json`,
    run: `${folder}/run`,
    result: `${folder}/result.json`,
  } as const;
}

async function readRounds(files: Files): Promise<readonly Round[]> {
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
async function readUncertainty(files: Files, student: string): Promise<readonly UncertainCase[]> {
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
  const cases = dataset.cases.map((item): CorrectableCase => {
    const { id } = item;
    const own = confirmed.get(id);
    const isHeldOut = heldOut.has(id);
    const told = own === undefined ? undefined : own.isCorrected ? 'corrected' : 'accepted';
    const state = told ?? (labelled.has(id) && isLabelled(item) ? 'labelled' : isHeldOut ? 'check' : 'unlabelled');
    return { id, state, isHeldOut, uncertainty: labelled.has(id) ? undefined : measured.get(id) };
  });
  const known = cases.flatMap(({ id, state, uncertainty }) =>
    state === 'unlabelled' && uncertainty !== undefined ? [{ id, uncertainty }] : [],
  );
  return { dataset, confirmed, first, cases, next: byUncertainty(known)[0]?.id, rounds, student };
}

/**
 * Measures how unsure the student is of every case without a label, as far as that is not known, and keeps it.
 * @param onCase called after every case
 * @throws as readCorrections and measureUncertainty
 */
export async function measureUnlabelled(
  laboratory: Laboratory,
  recipe: Recipe,
  { onCase, signal }: { readonly onCase?: (one: UncertainCase) => void; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { files } = laboratory;
  const { dataset, cases, student } = await readCorrections(files, recipe);
  const known = [...(await readUncertainty(files, student))];
  const ids = cases
    .filter(({ state }) => state === 'unlabelled')
    .map(({ id }) => id)
    .filter(id => known.every(one => one.id !== id));
  if (ids.length === 0) return;
  await measureUncertainty(laboratory, {
    model: await readModelFile(files, student),
    dataset,
    ids,
    window: recipe.evaluate,
    onCase: async one => {
      known.push(one);
      await writeJson(files, UNCERTAINTY, { student, cases: known });
      onCase?.(one);
    },
    signal,
  });
}

/** Writes everything that a round begins with; its recipe last, so that a round that has one is whole. */
async function beginRound(
  { files }: Pick<Laboratory, 'files'>,
  recipe: Recipe,
  { number, steps }: { readonly number: number; readonly steps: number },
): Promise<void> {
  const { dataset, confirmed, first, student } = await readCorrections(files, recipe);
  const paths = roundPaths(number);
  const ids = dataset.cases.map(({ id }) => id);
  const splits = divideForRound({ first, ids, labelled: labelledIds(dataset, confirmed, first) });
  const folder = await writeConfirmedDataset(files, dataset, confirmed);
  await writeJson(files, paths.splits, splits);
  const changes = { dataset: folder, splitsFile: paths.splits, splits, from: student, steps };
  const comment = `# Made by voxstill. To repeat it: npx voxstill train ${paths.recipe} --arm student\n`;
  await files.write(paths.recipe, comment + stringifyRecipe(roundRecipe(recipe, changes)));
}

/**
 * Trains the student on all labels so far and checks it: goes on with a round that is not finished, or begins another.
 * @param recipe of the first training
 * @param options.steps of a round that begins
 * @returns how the round ended, as its result.json has it
 * @throws as divideForRound, roundRecipe and performRound
 */
export async function continueTraining(
  laboratory: Laboratory,
  recipe: Recipe,
  { steps, signal }: { readonly steps: number; readonly signal?: AbortSignal },
): Promise<RoundResult> {
  const { files } = laboratory;
  const rounds = await readRounds(files);
  const open = rounds.find(({ result }) => result === undefined);
  const number = open?.number ?? rounds.length + 1;
  const paths = roundPaths(number);
  if (open === undefined) await beginRound(laboratory, recipe, { number, steps });
  const own = parseRecipe(await readText(files, paths.recipe), { path: paths.recipe });
  const resume = await files.exists(`${paths.run}/recipe.yaml`);
  const result = await performRound(laboratory, own, { out: paths.run, resume, ...(signal && { signal }) });
  await writeJson(files, paths.result, result);
  return result;
}
