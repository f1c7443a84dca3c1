/**
 * Compares the files of a finished unit with their hashes in its outcome, so that changed files are not used. A
 * model can be made again from the best checkpoint, scores and segmentations from the model; other files cannot.
 */
import { InputError } from '../../core/errors.ts';
import { listSome } from '../../core/format.ts';
import { armFolder } from '../../experiment/arm-folder.ts';
import type { Files } from '../../runtime/files.ts';
import { readOwnFiles, type StudyKind } from '../record.ts';
import { changedAmong, hashFiles, type ResultHashes, type ResultsWorld, readNoted } from './noted-results.ts';
import { forgetOutcome, readOutcome } from './outcome.ts';
import { hasUnits, readUnits } from './units-file.ts';

/** Names of result files in a unit's folder; not every unit has all. */
const RESULTS = ['recipe.yaml', 'splits.json', 'model.onnx', 'history.csv', 'evaluation.json', 'validation.json'];
/** Name of the folder with further results. */
const PREDICTIONS = 'predictions';

/** Paths of the segmentations of a unit, within its folder. */
async function predictionsIn(files: Files, unit: string): Promise<readonly string[]> {
  return (await files.list(`${unit}/${PREDICTIONS}`)).map(name => `${PREDICTIONS}/${name}`);
}

/** The hash of every result of a unit, by path within its folder; of those that were noted, as they were then. */
export async function hashResults(world: ResultsWorld, unit: string): Promise<ResultHashes> {
  const now = await hashFiles(world, unit, [...RESULTS, ...(await predictionsIn(world.files, unit))]);
  return { ...now, ...(await readNoted(world.files, unit)) };
}

/** What a stage writes: the model of a training, or scores, with the segmentations that the test cases get. */
export const STAGES = { train: 'model.onnx', val: 'validation.json', test: 'evaluation.json' } as const;
export type Stage = keyof typeof STAGES;

/** The results of a stage among the known ones of a unit. */
function resultsOf(stage: Stage, known: ResultHashes): ResultHashes {
  const isOwn = (path: string): boolean =>
    path === STAGES[stage] || (stage === 'test' && path.startsWith(`${PREDICTIONS}/`));
  return Object.fromEntries(Object.entries(known).filter(([path]) => isOwn(path)));
}

/** The results of a stage that is done, to be noted. */
export async function writtenBy(stage: Stage, files: Files, unit: string): Promise<readonly string[]> {
  return [STAGES[stage], ...(stage === 'test' ? await predictionsIn(files, unit) : [])];
}

/**
 * Whether the results of a stage are those that it wrote, by the unit's outcome or by what was noted before it.
 * @returns `unknown` where neither has them
 */
export async function stateOfStage(
  world: ResultsWorld,
  unit: string,
  stage: Stage,
): Promise<'whole' | 'changed' | 'unknown'> {
  const known = (await readOutcome(world.files, unit))?.files ?? (await readNoted(world.files, unit));
  const own = resultsOf(stage, known);
  if (own[STAGES[stage]] === undefined) return 'unknown';
  return (await changedAmong(world, unit, own)).length === 0 ? 'whole' : 'changed';
}

/**
 * Finds the results of a unit that have changed since it finished.
 * @returns paths within its folder; none for an unfinished unit
 */
async function changedResults(world: ResultsWorld, unit: string): Promise<readonly string[]> {
  return changedAmong(world, unit, (await readOutcome(world.files, unit))?.files ?? {});
}

/** A result that has changed, or a file of the study itself. */
export interface Damage {
  /** Label of the unit; null for a file of the study itself. */
  readonly unit: string | null;
  /** Folder of the unit, or of the study. */
  readonly folder: string;
  /** Path within that folder. */
  readonly path: string;
}

/** What has changed among recipe, splits and groups of a study. */
async function changedOfStudy(world: ResultsWorld, study: string, kind: StudyKind): Promise<readonly Damage[]> {
  const known = await readOwnFiles(world.files, { path: `${study}/${kind}.json`, kind });
  return (await changedAmong(world, study, known)).map(path => ({ unit: null, folder: study, path }));
}

/**
 * Every changed result of the finished units of a study, and every changed file of the study itself; none for a folder
 * that is no study.
 */
export async function findDamage(world: ResultsWorld, study: string): Promise<readonly Damage[]> {
  if (!(await hasUnits(world.files, study))) return [];
  const { kind, units } = await readUnits(world.files, study);
  const found: Damage[] = [...(await changedOfStudy(world, study, kind))];
  for (const { folder: own, label } of units) {
    const folder = `${study}/${own}`;
    for (const path of await changedResults(world, folder)) found.push({ unit: label, folder, path });
  }
  return found;
}

/** Whether the file is made again if its unit runs again. */
function comesAgain({ unit, path }: Damage): boolean {
  if (unit === null) return false;
  return (
    path === 'model.onnx' || path === 'evaluation.json' || path === 'validation.json' || path.startsWith(PREDICTIONS)
  );
}

/** The problem and what to do, in a sentence or two. */
export function damageText(damage: readonly Damage[]): string {
  const paths = damage.map(({ folder, path }) => `${folder}/${path}`);
  const [ofStudy, lost] = [
    damage.filter(({ unit }) => unit === null),
    damage.filter(one => one.unit !== null && !comesAgain(one)),
  ];
  const placesOf = (some: readonly Damage[]): string => listSome(some.map(({ folder, path }) => `${folder}/${path}`));
  const advice = [
    ...(lost.length === 0
      ? []
      : [
          `Put ${placesOf(lost)} back from a copy, or remove ${listSome([...new Set(lost.map(({ folder }) => folder))])} and go on with ` +
            '--resume, which trains it again.',
        ]),
    ...(ofStudy.length === 0
      ? []
      : [
          `Put ${placesOf(ofStudy)} back from a copy, or remove it and start the run with --resume or the sweep again as before, ` +
            'which writes it anew.',
        ]),
  ];
  const all = advice.length === 0 ? ['Go on with --resume, which makes it again.'] : advice;
  return `${listSome(paths)} changed after it was finished. ${all.join(' ')}`;
}

/**
 * Refuses results that have changed since they were finished.
 * @throws {InputError} E_RESULT_CHANGED, naming the files and what to do
 */
export async function assertUnchanged(world: ResultsWorld, study: string): Promise<void> {
  const damage = await findDamage(world, study);
  if (damage.length > 0) throw new InputError('E_RESULT_CHANGED', damageText(damage));
}

/**
 * Removes changed results that can be made again, so that their units run again; scores are removed together with the
 * model or the segmentations that they belong to.
 * @returns the changed results
 * @throws {InputError} E_RESULT_CHANGED if a file has changed that cannot be made again; then nothing is removed
 */
export async function forgetDamage(world: ResultsWorld, study: string): Promise<readonly Damage[]> {
  const { files } = world;
  const damage = await findDamage(world, study);
  if (damage.some(one => !comesAgain(one))) throw new InputError('E_RESULT_CHANGED', damageText(damage));
  for (const folder of new Set(damage.map(one => one.folder))) {
    const paths = damage.filter(one => one.folder === folder).map(({ path }) => path);
    const { model, evaluation, validation } = armFolder(folder);
    await forgetOutcome(files, folder);
    for (const path of paths) await files.remove(`${folder}/${path}`);
    if (paths.some(path => path.startsWith(PREDICTIONS))) await files.remove(evaluation);
    if (paths.some(path => `${folder}/${path}` === model))
      for (const path of [evaluation, validation]) await files.remove(path);
  }
  return damage;
}
