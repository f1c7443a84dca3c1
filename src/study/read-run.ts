/** Reads finished or partial runs: the arms of a run's folder with all folds and seeds, or a single evaluation. */

import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import type { ArmFolder } from '../experiment/arm-folder.ts';
import { readEvaluation } from '../experiment/evaluation-file.ts';
import { parseHistory } from '../experiment/history.ts';
import { ARMS, TRAINED_ARMS } from '../experiment/record.ts';
import type { Files } from '../runtime/files.ts';
import { type JsonForm, readJson, readSealedJson, readText } from '../runtime/json-file.ts';
import type { StepRecord } from '../training/trainer.ts';
import { everyPair } from './comparison/compare.ts';
import { type IncompleteArms, incompleteArms } from './comparison/incomplete.ts';
import type { ArmPair } from './comparison/not-worse.ts';
import type { ArmEvaluations } from './comparison/score-tables.ts';
import { type Repeat, type Repeats, repeatsOf, runFolder, SMALL_PRECISIONS, smallArm } from './folder.ts';
import { DAMAGED_RECORD } from './record.ts';
import { isSweep, readSweep } from './sweep-record.ts';
import { trainedStepsSchema } from './trained-steps.ts';
import { hasUnits, readUnits } from './units/units-file.ts';

/** `splits.json` */
const splits = z.object({
  train: z.array(z.string()),
  val: z.array(z.string()),
  test: z.array(z.string()),
  unlabelled: z.array(z.string()).default([]),
});

const splitsFile: JsonForm<z.output<typeof splits>> = {
  schema: splits,
  code: 'E_SPLITS',
  advice: 'Put a whole copy of it back; splits.json of the run and of its arms hold the same lists.',
};

/** The fields of run.json that readers use; an older or newer file may have more. */
const record = z.looseObject({
  status: z.string(),
  startedAt: z.string(),
  dataset: z.string(),
  seeds: z.array(z.int()).min(1),
  folds: z.array(z.int()).min(1).optional(),
  splits: splits.optional(),
  recipeSha256: z.string().optional(),
  margin: z.number().nullable().default(null),
  dataHashes: z.record(z.string(), z.string()).default({}),
  settingHashes: z.record(z.string(), z.string()).default({}),
  files: z.record(z.string(), z.string()).default({}),
  versions: z.record(z.string(), z.string()),
  host: z.looseObject({ system: z.string(), cpu: z.string(), cores: z.number(), memoryBytes: z.number() }),
  timingsSeconds: z.record(z.string(), z.number()).default({}),
  waitingShares: z.record(z.string(), z.number()).default({}),
  trainedSteps: z.record(z.string(), trainedStepsSchema).default({}),
  warnings: z.array(z.looseObject({ code: z.string(), message: z.string() })).default([]),
});

/** The fields of run.json that are always present. */
type ReadRecord = z.output<typeof record>;

const runFile: JsonForm<ReadRecord> = { schema: record, ...DAMAGED_RECORD.run };

/** A run, finished or partial. */
export interface ReadRun {
  readonly folder: string;
  /** Resolved recipe, YAML. */
  readonly recipe: string;
  readonly record: ReadRecord | undefined;
  readonly repeats: Repeats;
  /** Arms that have been evaluated. */
  readonly arms: readonly ArmEvaluations[];
  /** The coarse stage that the run trained, on whole volumes; it is no arm, since it is compared with nothing. */
  readonly coarse?: ArmEvaluations;
  /** Arms with missing units. */
  readonly incomplete: IncompleteArms;
  /** Histories by arm, that of a coarse stage among them, of the first fold and seed. */
  readonly histories: Readonly<Record<string, readonly StepRecord[]>>;
}

/**
 * Reads run.json.
 * @returns undefined if there is none
 * @throws {InputError} E_RUN if it cannot be read
 */
export async function readRecord(files: Files, path: string): Promise<ReadRecord | undefined> {
  if (!(await files.exists(path))) return undefined;
  return readSealedJson(files, path, runFile);
}

/**
 * Cases with labels that the teacher of the first fold and seed learnt from.
 * @returns null if it was not trained in this run
 * @throws {InputError} E_SPLITS if its list cannot be read
 */
export async function casesOfTeacher(files: Files, { folder, repeats }: ReadRun): Promise<readonly string[] | null> {
  const [first] = repeatsOf(repeats) as readonly [Repeat];
  const own = runFolder(folder, repeats).arm('teacher', first);
  const path = `${own.folder}/splits.json`;
  if (!(await files.exists(own.history)) || !(await files.exists(path))) return null;
  return (await readJson(files, path, splitsFile)).train;
}

/** Whether a folder holds a run or a part of one. */
export async function isRun(files: Files, folder: string): Promise<boolean> {
  const names = await files.list(folder);
  return names.includes('run.json') || (names.includes('recipe.yaml') && TRAINED_ARMS.some(arm => names.includes(arm)));
}

/** The arms in the list of units, and how many of their units are evaluated; empty if there is no list. */
async function expectedArms(
  files: Files,
  folder: string,
  found: readonly ArmEvaluations[],
): Promise<Parameters<typeof incompleteArms>[0]> {
  if (!(await hasUnits(files, folder))) return [];
  const { units } = await readUnits(files, folder);
  return ARMS.map(name => {
    const evaluated = found.find(arm => arm.name === name)?.repeats.length ?? 0;
    return { name, evaluated, units: units.filter(({ arm }) => arm === name).length };
  });
}

/**
 * Reads a run's folder.
 * @throws {InputError} E_RUN if it is not a run, or if its record cannot be read; E_EVALUATION, E_HISTORY for its files
 */
export async function readRun(files: Files, folder: string): Promise<ReadRun> {
  if (!(await isRun(files, folder))) {
    throw new InputError('E_RUN', `${folder} is not the folder of a run: there is neither run.json nor an arm in it.`);
  }
  const read = await readRecord(files, `${folder}/run.json`);
  const repeats: Repeats = { folds: read?.folds ?? [null], seeds: read?.seeds ?? [1] };
  const paths = runFolder(folder, repeats);
  const all = repeatsOf(repeats);
  const evaluationsOf = async (name: string, folderOf: (repeat: Repeat) => ArmFolder): Promise<ArmEvaluations> => {
    const found: ArmEvaluations['repeats'][number][] = [];
    for (const repeat of all) {
      const path = folderOf(repeat).evaluation;
      if (await files.exists(path)) found.push({ ...repeat, evaluation: await readEvaluation(files, path) });
    }
    return { name, repeats: found };
  };
  const arms: ArmEvaluations[] = [];
  const histories: Record<string, readonly StepRecord[]> = {};
  const coarse = await evaluationsOf('coarse', repeat => paths.arm('coarse', repeat));
  for (const arm of ARMS) {
    const evaluations = await evaluationsOf(arm, repeat => paths.arm(arm, repeat));
    if (evaluations.repeats.length > 0) arms.push(evaluations);
  }
  for (const arm of TRAINED_ARMS) {
    const { history } = paths.arm(arm, all[0] as Repeat);
    if (await files.exists(history)) histories[arm] = parseHistory(await readText(files, history), history);
  }
  for (const precision of SMALL_PRECISIONS) {
    const small = await evaluationsOf(`student-${precision}`, repeat => smallArm(paths, precision, repeat));
    if (small.repeats.length > 0) arms.push(small);
  }
  const recipe = (await files.exists(paths.recipe)) ? await readText(files, paths.recipe) : '';
  const incomplete = incompleteArms(await expectedArms(files, folder, arms));
  const stage = coarse.repeats.length > 0 ? { coarse } : {};
  return { folder, recipe, record: read, repeats, arms, ...stage, incomplete, histories };
}

/** Last two names of a path without the ending; they distinguish arms of different runs. */
function shortName(path: string): string {
  const parts = path
    .replace(/(\/evaluation)?\.json$/, '')
    .split('/')
    .filter(part => part !== '' && part !== '.');
  return parts.slice(-2).join('/');
}

/** Arms of several sources to compare. */
export interface ReadArms {
  readonly arms: readonly ArmEvaluations[];
  /** The runs among the sources. */
  readonly runs: readonly ReadRun[];
  /** Pairs to test: all pairs of arms; within one sweep only students with their baselines and teachers. */
  readonly pairs: readonly (readonly [ArmEvaluations, ArmEvaluations])[];
  /** Students with their teachers, and the margin that was set for them before they were trained. */
  readonly taught: readonly TaughtPair[];
}

/** A student, its teacher, and the margin of their recipe; null where it has none. */
interface TaughtPair {
  readonly pair: ArmPair;
  readonly margin: number | null;
}

/** Arms of one source to compare. */
interface Source {
  readonly arms: readonly ArmEvaluations[];
  readonly pairs: ReadArms['pairs'];
  readonly taught: ReadArms['taught'];
  readonly run?: ReadRun;
}

async function readSource(files: Files, source: string): Promise<Source> {
  if (source.endsWith('.json')) {
    const evaluation = await readEvaluation(files, source);
    return { arms: [{ name: '', repeats: [{ fold: null, seed: 1, evaluation }] }], pairs: [], taught: [] };
  }
  if (await isSweep(files, source)) return readSweep(files, source);
  const run = await readRun(files, source);
  const [student, teacher] = ['student', 'teacher'].map(name => run.arms.find(arm => arm.name === name));
  const margin = run.record?.margin ?? null;
  const taught = student === undefined || teacher === undefined ? [] : [{ pair: [student, teacher] as const, margin }];
  return { arms: run.arms, pairs: everyPair(run.arms), taught, run };
}

/** A source with its arms named after their folder. */
function renamed({ arms, pairs, taught, ...rest }: Source, prefix: string): Source {
  const named = new Map(arms.map(arm => [arm, { ...arm, name: `${prefix} ${arm.name}`.trim() }]));
  const of = (arm: ArmEvaluations): ArmEvaluations => named.get(arm) as ArmEvaluations;
  const ofPair = ([a, b]: ArmPair): ArmPair => [of(a), of(b)];
  return {
    arms: [...named.values()],
    pairs: pairs.map(ofPair),
    taught: taught.map(({ pair, margin }) => ({ pair: ofPair(pair), margin })),
    ...rest,
  };
}

/**
 * Reads runs, sweeps and evaluation files side by side. Arms of a single run or sweep keep their names; with several
 * sources they are named after their folder, such as `runs/a student`.
 * @param sources folders of runs and sweeps, or evaluation files
 * @throws {InputError} E_COMPARE if there is nothing evaluated, or two sources have one name
 */
export async function readArms(files: Files, sources: readonly string[]): Promise<ReadArms> {
  const read: Source[] = [];
  for (const source of sources.map(path => path.replace(/(?<=.)\/+$/, ''))) {
    const one = await readSource(files, source);
    const keepsNames = sources.length === 1 && !source.endsWith('.json');
    read.push(keepsNames ? one : renamed(one, shortName(source)));
  }
  const arms = read.flatMap(source => source.arms);
  if (arms.length === 0) {
    throw new InputError(
      'E_COMPARE',
      `nothing is evaluated yet in ${sources.join(', ')}. Run voxstill evaluate first.`,
    );
  }
  const twice = arms.find((arm, index) => arms.findIndex(({ name }) => name === arm.name) !== index);
  if (twice !== undefined)
    throw new InputError('E_COMPARE', `two of the sources are called "${twice.name}". Rename one.`);
  const across = read.flatMap((source, index) =>
    read.slice(index + 1).flatMap(other => source.arms.flatMap(a => other.arms.map(b => [a, b] as const))),
  );
  return {
    arms,
    runs: read.flatMap(({ run }) => run ?? []),
    pairs: [...read.flatMap(({ pairs }) => pairs), ...across],
    taught: read.flatMap(({ taught }) => taught),
  };
}
