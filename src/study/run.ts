/**
 * A run: teacher, distilled student, baseline, evaluation and comparison, once for each fold and seed. Everything is
 * loaded and checked before the first byte is written; a resume never repeats finished units.
 */
import { InputError } from '../core/errors.ts';
import { parseCaseGroups } from '../data/case-groups.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Splits } from '../data/splits.ts';
import { isTrained } from '../experiment/arm-content.ts';
import { armFolder } from '../experiment/arm-folder.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import type { TrainedArm } from '../experiment/record.ts';
import { trainedCoarse } from '../recipe/coarse-recipe.ts';
import { stringifyRecipe } from '../recipe/parse.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { formatJson, readText, writeJson, writeSealedJson } from '../runtime/json-file.ts';
import { compareArms } from './comparison/compare.ts';
import type { Comparison } from './comparison/comparison.ts';
import { openRunFolder, type Repeats, type RunFolder, type RunRecord, runFolder } from './folder.ts';
import { type Fold, foldsOf, splitsOfArm } from './folds.ts';
import { readGroups } from './groups.ts';
import { type OpenStudy, type PlannedStudy, performStudy, resultsOf } from './open-study.ts';
import { readRecord, readRun } from './read-run.ts';
import { assertSameData, mergedWarnings } from './record.ts';
import { openContext, type StudyContext } from './units/context.ts';
import { inProcess } from './units/in-process.ts';
import { checkUnit } from './units/stages.ts';
import { type Unit, unitsOf } from './units/unit.ts';
import { planList, prepareUnits, writeUnits } from './units/units-file.ts';

export interface RunOptions {
  readonly out: string;
  /** Whether to continue the run that is in the folder. */
  readonly resume: boolean;
  readonly signal?: AbortSignal;
}

/** The units of a run; their labels are their paths within the folder. */
function unitsIn(run: RunFolder, recipe: Recipe, repeats: Repeats): readonly Unit[] {
  return unitsOf(recipe, repeats, ({ arm, ...repeat }) => {
    const folder = run.arm(arm, repeat);
    return { folder, label: folder.folder.slice(run.folder.length + 1) };
  });
}

function foldNumbers(folds: readonly Fold[]): Pick<RunRecord, 'folds'> {
  const numbers = folds.flatMap(({ fold }) => fold ?? []);
  return numbers.length === 0 ? {} : { folds: numbers };
}

/** Writes run.json at the start. */
async function writeRecord(
  { laboratory, hashes, warnings }: StudyContext,
  run: RunFolder,
  more: Pick<RunRecord, 'seeds' | 'folds' | 'dataset' | 'splits' | 'recipeSha256' | 'margin' | 'files'>,
): Promise<void> {
  const { files, machine } = laboratory;
  const earlier = await readRecord(files, run.record);
  if (earlier?.recipeSha256 !== undefined && earlier.recipeSha256 !== more.recipeSha256) {
    throw new InputError(
      'E_RESUME_RECIPE',
      `${run.recipe} is not the recipe that the run began with, as run.json has its hash. Put it back, or choose another folder with --out.`,
    );
  }
  const content: RunRecord = {
    ...machine.provenance,
    status: 'running',
    startedAt: earlier?.startedAt ?? machine.now(),
    ...hashes,
    timingsSeconds: earlier?.timingsSeconds ?? {},
    waitingShares: earlier?.waitingShares ?? {},
    warnings: mergedWarnings(earlier?.warnings ?? [], warnings),
    ...more,
  };
  await writeSealedJson(files, run.record, content);
}

/** Refuses a run of all arms without a test case before anything is trained: there would be nothing to compare. */
function assertTested(folds: readonly Fold[], { folder }: Dataset): void {
  if (folds.every(({ splits }) => splits.test.length > 0)) return;
  throw new InputError(
    'E_NO_CASES',
    `the splits leave no test case in ${folder}, so nothing could be compared. Increase data.splits.test, or train one arm without a test: voxstill train RECIPE --arm student`,
  );
}

/** The recipe's file of groups, which must be about cases of the data set; undefined where it has none. */
async function checkedGroups(files: Files, { groups }: Recipe, dataset: Dataset): Promise<string | undefined> {
  if (groups === null) return undefined;
  if (!(await files.exists(groups.file))) {
    throw new InputError(
      'E_GROUPS',
      `${groups.file} does not exist. groups.file must be a CSV file with a column "case".`,
    );
  }
  const text = await readText(files, groups.file);
  parseCaseGroups(text, { ids: dataset.cases.map(({ id }) => id), path: groups.file });
  return text;
}

/**
 * Loads and checks everything that a run needs. The result's `prepare` prepares the folder: recipe, splits, the list of
 * units, and the recipe of each unit.
 * @param options.arm the only arm to train; all if not given
 * @throws {InputError} if recipe and data do not fit; E_OUT_NOT_EMPTY without `resume`
 */
export async function planRun(
  laboratory: Laboratory,
  recipe: Recipe,
  options: RunOptions & { readonly arm?: TrainedArm },
): Promise<PlannedStudy<Comparison>> {
  const { out, resume, signal, arm } = options;
  const { files } = laboratory;
  const folds = await foldsOf(files, recipe);
  const repeats: Repeats = { folds: folds.map(({ fold }) => fold), seeds: recipe.seeds };
  const run = runFolder(out, repeats);
  const everything = unitsIn(run, recipe, repeats);
  const units = everything.filter(unit => arm === undefined || unit.arm === arm);
  const opening = { recipe: stringifyRecipe(recipe), resume };
  const part = arm === undefined ? {} : { part: (units[0] as Unit).folder.folder };
  // refuse an occupied folder before the data are read
  if (!resume && (await files.list(part.part ?? out)).length > 0) {
    await openRunFolder(files, run, { ...opening, ...part });
  }
  const known = await readRecord(files, run.record);
  const context = openContext(laboratory, { study: out, kind: 'run', known, signal });
  const first = await context.dataOf(units[0] as Unit);
  for (const unit of units.filter(({ fold }) => fold === (folds[0] as Fold).fold)) {
    await checkUnit(context, unit, { isTeacherPlanned: arm === undefined });
  }
  if (arm === undefined) assertTested(folds, first.dataset);
  const groups = await checkedGroups(files, recipe, first.dataset);
  const splitsOf = (unit: Unit): Splits => splitsOfArm(folds.find(({ fold }) => fold === unit.fold) as Fold, unit.arm);
  const { list, places: all } = await planList(laboratory, out, { kind: 'run', units: everything, splitsOf });
  const places = all.filter((_, index) => units.includes(everything[index] as Unit));
  const common = { study: out, list, places, context };
  const own = {
    ...Object.fromEntries(folds.map(({ fold, splits }) => [run.splitsOf(fold), formatJson(splits)])),
    // the run keeps its groups, as it keeps its recipe
    ...(groups !== undefined && { [run.groups]: groups }),
  };
  const hashesOf = (texts: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(texts).map(([path, text]) => [
        path.slice(out.length + 1),
        laboratory.machine.sha256(new TextEncoder().encode(text)),
      ]),
    );
  assertSameData(known?.files ?? {}, hashesOf(own), out);
  const prepare = async (): Promise<OpenStudy<Comparison>> => {
    const kept = await openRunFolder(files, run, { ...opening, ...part });
    for (const [path, text] of Object.entries(own)) await files.write(path, text);
    const { splits } = folds[0] as Fold;
    const { seeds } = recipe;
    const recipeSha256 = laboratory.machine.sha256(new TextEncoder().encode(kept));
    const { margin } = recipe.compare;
    await writeRecord(context, run, {
      seeds,
      ...foldNumbers(folds),
      dataset: first.dataset.folder,
      recipeSha256,
      margin,
      splits,
      files: hashesOf({ ...own, [run.recipe]: kept }),
    });
    const prepared = await prepareUnits(laboratory, { list, places }, { units, splitsOf });
    await writeUnits(files, out, prepared);
    return { ...common, list: prepared, record: run.record, collect: () => collectRun(files, out) };
  };
  return { ...common, units, prepare };
}

/**
 * Compares the evaluated arms of a run.
 * @returns the comparison, as written to comparison.json
 */
export async function collectRun(files: Files, out: string): Promise<Comparison> {
  const { arms, repeats, incomplete, record } = await readRun(files, out);
  const isWhole = Object.keys(incomplete).length === 0;
  const groups = await readGroups(files, runFolder(out, repeats), arms);
  const comparison: Comparison = {
    ...compareArms(arms, record?.margin ?? null),
    ...groups,
    ...(!isWhole && { incomplete }),
  };
  await writeJson(files, runFolder(out, repeats).comparison, comparison);
  return comparison;
}

/**
 * Runs a whole recipe in this process.
 * @returns the comparison, as written to comparison.json
 * @throws as planRun and performStudy
 */
export async function runExperiment(laboratory: Laboratory, recipe: Recipe, options: RunOptions): Promise<Comparison> {
  const open = await (await planRun(laboratory, recipe, options)).prepare();
  return resultsOf(await performStudy(open, inProcess(open.context)));
}

/** What the arms are called in messages. */
const NOUNS: Readonly<Record<TrainedArm, string>> = {
  coarse: 'coarse stage',
  teacher: 'teacher',
  student: 'student',
  baseline: 'baseline',
};

/** Why a recipe does not train an arm; undefined where it does. */
function whyNotTrained(recipe: Recipe, arm: TrainedArm): string | undefined {
  if (!isTrained(recipe, arm)) return 'its teacher is a finished model';
  if (arm === 'baseline' && !recipe.baseline) return 'baseline is false';
  if (arm !== 'coarse' || trainedCoarse(recipe) !== undefined) return undefined;
  return recipe.cascade === null ? 'it has no cascade' : 'cascade.coarse is a finished model';
}

/** Result of training one arm. */
export interface ArmOutcome {
  readonly folder: string;
  readonly models: readonly string[];
}

/**
 * Trains one arm of a recipe, for every fold and seed. The student needs the teacher in the same run, and all arms the
 * coarse stage, where the recipe trains one.
 * @throws {InputError} E_ARM if the recipe has no such arm to train; E_COARSE_MISSING, E_TEACHER_MISSING
 */
export async function trainOneArm(
  laboratory: Laboratory,
  recipe: Recipe,
  options: RunOptions & { readonly arm: TrainedArm },
): Promise<ArmOutcome> {
  const { arm } = options;
  const obstacle = whyNotTrained(recipe, arm);
  if (obstacle !== undefined) throw new InputError('E_ARM', `the recipe has no ${NOUNS[arm]} to train: ${obstacle}`);
  const open = await (await planRun(laboratory, recipe, options)).prepare();
  const paths = open.places.map(place => `${open.study}/${open.list.units[place]?.folder}`);
  const models = paths.map(folder => armFolder(folder).model);
  const trained = { ...open, collect: async () => ({ folder: paths[0] as string, models }) };
  return resultsOf(await performStudy(trained, inProcess(open.context, { trainOnly: true })));
}
