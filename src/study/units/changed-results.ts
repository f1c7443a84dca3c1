/**
 * Compares the files of a finished unit with their hashes in its outcome, so that changed files are not used. A
 * model can be made again from the best checkpoint, scores and segmentations from the model; other files cannot.
 */
import { InputError } from '../../core/errors.ts';
import { listSome } from '../../core/format.ts';
import { armFolder } from '../../experiment/arm-folder.ts';
import type { Machine } from '../../experiment/machine.ts';
import type { Files } from '../../runtime/files.ts';
import { forgetOutcome, readOutcome } from './outcome.ts';
import { hasUnits, readUnits } from './units-file.ts';

/** What the check of results needs: files and hashes. */
export interface ResultsWorld {
  readonly files: Files;
  readonly machine: Pick<Machine, 'sha256'>;
}

/** Names of result files in a unit's folder; not every unit has all. */
const RESULTS = ['recipe.yaml', 'splits.json', 'model.onnx', 'history.csv', 'evaluation.json', 'validation.json'];
/** Name of the folder with further results. */
const PREDICTIONS = 'predictions';

/** The hash of every result of a unit, by path within its folder. */
export async function hashResults({ files, machine }: ResultsWorld, unit: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  const predictions = (await files.list(`${unit}/${PREDICTIONS}`)).map(name => `${PREDICTIONS}/${name}`);
  for (const path of [...RESULTS, ...predictions]) {
    if (await files.exists(`${unit}/${path}`)) hashes[path] = machine.sha256(await files.read(`${unit}/${path}`));
  }
  return hashes;
}

/**
 * Finds the results of a unit that have changed since it finished.
 * @returns paths within its folder; none for an unfinished unit
 */
async function changedResults({ files, machine }: ResultsWorld, unit: string): Promise<readonly string[]> {
  const known = (await readOutcome(files, unit))?.files ?? {};
  const changed: string[] = [];
  for (const [path, sha256] of Object.entries(known)) {
    const place = `${unit}/${path}`;
    if (!(await files.exists(place)) || machine.sha256(await files.read(place)) !== sha256) changed.push(path);
  }
  return changed;
}

/** A result that has changed. */
export interface Damage {
  /** Label of the unit. */
  readonly unit: string;
  /** Folder of the unit. */
  readonly folder: string;
  /** Path within that folder. */
  readonly path: string;
}

/** Every changed result of the finished units of a study; none for a folder that is no study. */
export async function findDamage(world: ResultsWorld, study: string): Promise<readonly Damage[]> {
  if (!(await hasUnits(world.files, study))) return [];
  const { units } = await readUnits(world.files, study);
  const found: Damage[] = [];
  for (const { folder: own, label } of units) {
    const folder = `${study}/${own}`;
    for (const path of await changedResults(world, folder)) found.push({ unit: label, folder, path });
  }
  return found;
}

/** Whether the file is made again if its unit runs again. */
function comesAgain({ path }: Damage): boolean {
  return (
    path === 'model.onnx' || path === 'evaluation.json' || path === 'validation.json' || path.startsWith(PREDICTIONS)
  );
}

/** The problem and what to do, in a sentence or two. */
export function damageText(damage: readonly Damage[]): string {
  const paths = damage.map(({ folder, path }) => `${folder}/${path}`);
  const lost = damage.filter(one => !comesAgain(one));
  const advice =
    lost.length === 0
      ? 'Go on with --resume, which makes it again.'
      : `Put ${listSome(lost.map(({ folder, path }) => `${folder}/${path}`))} back from a copy, or remove ` +
        `${listSome([...new Set(lost.map(({ folder }) => folder))])} and go on with --resume, which trains it again.`;
  return `${listSome(paths)} changed after it was finished. ${advice}`;
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
