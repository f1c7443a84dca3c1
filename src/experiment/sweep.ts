/**
 * A sweep: every combination of a grid, compared. All is planned and checked before anything is trained; the work is a list of units that share
 * nothing but their teachers' folders. Starting the same sweep again goes on where it stopped, and one with more values reuses what is
 * there.
 */
import { InputError } from '../core/errors.ts';
import type { Combination, GridAxis } from '../recipe/grid.ts';
import { stringifyRecipe } from '../recipe/parse.ts';
import type { Laboratory } from './laboratory.ts';
import { writeJson } from './run-folder.ts';
import { type Bench, checkUnit, evaluateUnit, openBench, trainUnit } from './run-unit.ts';
import { naming, planSweep, type SweepPlan } from './sweep-plan.ts';
import { isSweep, readSweepRecord, type SweepRecord, type SweepResults, sweepRecordPath } from './sweep-record.ts';
import { type EvaluatedArm, sweepResults } from './sweep-results.ts';
import type { Unit } from './unit.ts';
import { outcomeOf } from './work-record.ts';

export interface SweepOptions {
  readonly out: string;
  /** Chooses the smallest student within so much Dice of its teacher. */
  readonly within?: number;
  readonly signal?: AbortSignal;
}

/** A folder that is neither empty nor a sweep is somebody else's. */
async function assertSweepFolder({ files }: Laboratory, out: string): Promise<void> {
  if ((await files.list(out)).length === 0 || (await isSweep(files, out))) return;
  throw new InputError('E_OUT_NOT_EMPTY', `${out} is not empty and no sweep. Choose another folder with --out.`);
}

/** Every student of the first fold can learn from its teacher, and its data can be read. */
async function checkSweep(bench: Bench, { combinations, arms }: SweepPlan): Promise<void> {
  for (const combination of combinations) {
    const [first] = arms.find(({ name }) => name === combination.arms.student)?.units ?? [];
    if (first !== undefined) await naming(combination, () => checkUnit(bench, first, { isTeacherPlanned: true }));
  }
}

/**
 * One unit from beginning to end: its recipe and splits in its folder, its model, its scores. Done again, it does nothing.
 */
async function completeUnit(bench: Bench, unit: Unit): Promise<void> {
  const { files } = bench.laboratory;
  const recipe = `${unit.folder.folder}/recipe.yaml`;
  if (!(await files.exists(recipe))) {
    const { splits } = await bench.dataOf(unit.recipe);
    await writeJson(files, `${unit.folder.folder}/splits.json`, splits);
    await files.write(recipe, stringifyRecipe(unit.recipe));
  }
  await trainUnit(bench, unit);
  await evaluateUnit(bench, unit, 'val');
  await evaluateUnit(bench, unit, 'test');
}

async function evaluatedArms(bench: Bench, { arms }: SweepPlan, out: string): Promise<readonly EvaluatedArm[]> {
  const within = (path: string): string => path.slice(out.length + 1);
  const evaluated: EvaluatedArm[] = [];
  for (const { name, kind, units } of arms) {
    const read = async (split: 'val' | 'test'): Promise<EvaluatedArm['test']> => {
      const repeats: EvaluatedArm['test'][number][] = [];
      for (const unit of units) {
        const { fold, seed } = unit;
        repeats.push({ fold, seed, evaluation: await evaluateUnit(bench, unit, split) });
      }
      return repeats;
    };
    const model = within((units[0] as Unit).folder.model);
    evaluated.push({ name, kind, model, validation: await read('val'), test: await read('test') });
  }
  return evaluated;
}

/** The part of the record that is known before the work. */
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
 * Runs a sweep.
 * @returns the results, as in sweep.json
 * @throws {InputError} before anything is written: E_OUT_NOT_EMPTY if something else is in the folder, and what {@link planSweep} and the checks
 *   of a run throw, with the combination's name
 */
export async function runSweep(
  laboratory: Laboratory,
  { axes, combinations }: { readonly axes: readonly GridAxis[]; readonly combinations: readonly Combination[] },
  { out, within, signal }: SweepOptions,
): Promise<SweepResults> {
  const { files } = laboratory;
  await assertSweepFolder(laboratory, out);
  const plan = await planSweep(laboratory, axes, { combinations, out });
  const earlier = (await isSweep(files, out)) ? await readSweepRecord(files, out) : undefined;
  const bench = openBench(laboratory, { out, earlier, signal });
  await checkSweep(bench, plan);
  const planned = plannedRecord(axes, plan, out);
  let results: SweepResults | undefined;
  const record = (status: SweepRecord['status'], error?: string): Promise<void> => {
    const content: SweepRecord = {
      ...bench.workRecord(status, error),
      ...planned,
      ...(results && { results }),
    };
    return writeJson(files, sweepRecordPath(out), content);
  };
  return outcomeOf(record, signal, async () => {
    for (const unit of plan.units) await completeUnit(bench, unit);
    results = sweepResults(plan, await evaluatedArms(bench, plan, out), within);
    return results;
  });
}
