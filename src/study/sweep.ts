/**
 * A sweep: trains every combination of a grid and compares them. Everything is planned and checked before anything is
 * trained. The units share nothing but the folders of their teachers. Starting the same sweep again continues it, and a
 * sweep with more values reuses the finished units.
 */
import { InputError } from '../core/errors.ts';
import { armFolder } from '../experiment/arm-folder.ts';
import { readEvaluation } from '../experiment/evaluation-file.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import type { Combination, GridAxis } from '../recipe/grid.ts';
import { stringifyRecipe } from '../recipe/parse.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { writeSealedJson } from '../runtime/json-file.ts';
import { incompleteArms } from './comparison/incomplete.ts';
import { type OpenStudy, type PlannedStudy, performStudy, resultsOf } from './open-study.ts';
import { mergedWarnings } from './record.ts';
import { naming, planUnits, type SweepPlan } from './sweep-plan.ts';
import {
  isSweep,
  type ReadSweepRecord,
  readSweepRecord,
  type SweepRecord,
  type SweepResults,
  sweepRecordPath,
} from './sweep-record.ts';
import { type EvaluatedArm, sweepResults } from './sweep-results.ts';
import { openContext, type StudyContext } from './units/context.ts';
import { inProcess } from './units/in-process.ts';
import { checkUnit } from './units/stages.ts';
import { planList, prepareUnits, writeUnits } from './units/units-file.ts';

/** A recipe and every combination of a grid on it. */
export interface Sweep {
  /** The recipe before the grid. */
  readonly recipe: Recipe;
  readonly axes: readonly GridAxis[];
  readonly combinations: readonly Combination[];
}

export interface SweepOptions {
  readonly out: string;
  /** Largest loss of Dice against the teacher for the choice of the smallest student. */
  readonly within?: number;
  readonly signal?: AbortSignal;
}

/** Refuses a folder that is neither empty nor a sweep, since it belongs to something else. */
async function assertSweepFolder({ files }: Laboratory, out: string): Promise<void> {
  if ((await files.list(out)).length === 0 || (await isSweep(files, out))) return;
  throw new InputError('E_OUT_NOT_EMPTY', `${out} is not empty and is not a sweep. Choose another folder with --out.`);
}

/** A margin is set before results are known: those of a sweep that has any are judged by the one that it began with. */
function assertSameMargin(out: string, earlier: ReadSweepRecord | undefined, margin: number | null): void {
  if (earlier === undefined || earlier.results === undefined || earlier.margin === margin) return;
  const say = (value: number | null): string => (value === null ? 'none' : String(value));
  throw new InputError(
    'E_SWEEP',
    `${out} was begun with compare.margin ${say(earlier.margin)}, now it is ${say(margin)}; a margin cannot be chosen by the results. ` +
      'Give the first one, or look at another with voxstill compare --margin, which says so.',
  );
}

/** @throws {InputError} E_QUANTISE if a student is to have a smaller form, which would be no arm of a sweep */
function assertNoExport(combinations: readonly Combination[]): void {
  const asked = combinations.find(({ recipe }) => recipe.student.export.precision !== 'float32');
  if (asked === undefined) return;
  throw new InputError(
    'E_QUANTISE',
    `student.export.precision is ${asked.recipe.student.export.precision}, but a sweep compares students as they are trained. Leave it ` +
      'out, and make the smaller form of the student that is chosen: voxstill quantise MODEL --data DATASET.',
  );
}

/** Checks that every student of the first fold can learn from its teacher and that its data can be read. */
async function checkSweep(context: StudyContext, { combinations, arms }: SweepPlan): Promise<void> {
  for (const combination of combinations) {
    const [first] = arms.find(({ name }) => name === combination.arms.student)?.units ?? [];
    if (first !== undefined) await naming(combination, () => checkUnit(context, first, { isTeacherPlanned: true }));
  }
}

/** Evaluations of an arm's units on validation and test cases, as far as they exist. */
async function evaluatedArm(
  files: Files,
  out: string,
  [name, { kind, units }]: readonly [string, SweepRecord['arms'][string]],
): Promise<EvaluatedArm | undefined> {
  const found: { readonly validation: EvaluatedArm['test'][number]; readonly test: EvaluatedArm['test'][number] }[] =
    [];
  for (const { fold, seed, folder } of units) {
    const { validation, evaluation } = armFolder(`${out}/${folder}`);
    if (!(await files.exists(validation)) || !(await files.exists(evaluation))) continue;
    found.push({
      validation: { fold, seed, evaluation: await readEvaluation(files, validation) },
      test: { fold, seed, evaluation: await readEvaluation(files, evaluation) },
    });
  }
  if (found.length === 0) return undefined;
  const { model } = armFolder(units[0]?.folder ?? '');
  const [validation, test] = [found.map(one => one.validation), found.map(one => one.test)];
  return { name, kind, model, validation, test };
}

/**
 * Collects the results of the evaluated units of a sweep.
 * @returns the results, as in sweep.json
 */
export async function collectSweep(files: Files, out: string): Promise<SweepResults> {
  const record = await readSweepRecord(files, out);
  const evaluated: EvaluatedArm[] = [];
  for (const arm of Object.entries(record.arms)) {
    const own = await evaluatedArm(files, out, arm);
    if (own !== undefined) evaluated.push(own);
  }
  const expected = Object.entries(record.arms).map(([name, { units }]) => {
    return { name, evaluated: evaluated.find(arm => arm.name === name)?.test.length ?? 0, units: units.length };
  });
  const { within, margin, combinations } = record;
  const results = sweepResults(combinations, evaluated, {
    within,
    margin: margin ?? within,
    incomplete: incompleteArms(expected),
  });
  await writeSealedJson(files, sweepRecordPath(out), { ...record, results });
  return results;
}

/** The part of the record that is known at the start. */
function plannedRecord(
  axes: readonly GridAxis[],
  { combinations, arms }: SweepPlan,
  out: string,
): Pick<SweepRecord, 'grid' | 'combinations' | 'arms'> {
  const recorded = arms.map(({ name, kind, units }) => {
    const places = units.map(({ fold, seed, folder }) => ({ fold, seed, folder: folder.folder.slice(out.length + 1) }));
    return [name, { kind, units: places }] as const;
  });
  return {
    grid: Object.fromEntries(axes.map(({ key, values }) => [key, values])),
    combinations: combinations.map(({ name, values, arms: names }) => ({ name, values, arms: names })),
    arms: Object.fromEntries(recorded),
  };
}

/**
 * Plans and checks a sweep. The result's `prepare` prepares the folder: the record, the list of units, and the recipe
 * of each unit.
 * @throws {InputError} E_OUT_NOT_EMPTY if the folder has other content; the errors of {@link planUnits} and of the
 * checks of a run, with the
 *   name of the combination
 */
export async function planSweep(
  laboratory: Laboratory,
  { recipe, axes, combinations }: Sweep,
  { out, within, signal }: SweepOptions,
): Promise<PlannedStudy<SweepResults>> {
  const { files, machine } = laboratory;
  assertNoExport(combinations);
  await assertSweepFolder(laboratory, out);
  const plan = await planUnits(laboratory, axes, { combinations, out });
  const earlier = (await isSweep(files, out)) ? await readSweepRecord(files, out) : undefined;
  const context = openContext(laboratory, { study: out, kind: 'sweep', known: earlier, signal });
  await checkSweep(context, plan);
  const { units } = plan;
  const { margin } = recipe.compare;
  assertSameMargin(out, earlier, margin);
  const { splitsOf } = plan;
  const { list, places } = await planList(laboratory, out, { kind: 'sweep', units, splitsOf });
  const study = { study: out, list, places, context };
  const text = stringifyRecipe(recipe);
  const prepare = async (): Promise<OpenStudy<SweepResults>> => {
    const record: SweepRecord = {
      ...machine.provenance,
      status: 'running',
      startedAt: earlier?.startedAt ?? machine.now(),
      ...context.hashes,
      timingsSeconds: earlier?.timingsSeconds ?? {},
      waitingShares: earlier?.waitingShares ?? {},
      warnings: mergedWarnings(earlier?.warnings ?? [], context.warnings),
      ...plannedRecord(axes, plan, out),
      within: within ?? null,
      margin,
      files: { 'recipe.yaml': machine.sha256(new TextEncoder().encode(text)) },
    };
    await writeSealedJson(files, sweepRecordPath(out), record);
    await files.write(`${out}/recipe.yaml`, text);
    const prepared = await prepareUnits(laboratory, { list, places }, { units, splitsOf });
    await writeUnits(files, out, prepared);
    return { ...study, list: prepared, record: sweepRecordPath(out), collect: () => collectSweep(files, out) };
  };
  return { ...study, units, prepare };
}

/**
 * Runs a sweep in this process.
 * @returns the results, as in sweep.json
 * @throws as planSweep and performStudy
 */
export async function runSweep(laboratory: Laboratory, sweep: Sweep, options: SweepOptions): Promise<SweepResults> {
  const open = await (await planSweep(laboratory, sweep, options)).prepare();
  return resultsOf(await performStudy(open, inProcess(open.context)));
}
