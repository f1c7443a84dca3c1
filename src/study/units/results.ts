/**
 * The files that a finished unit left, held against their hashes in its outcome, so that nothing that has changed since is believed. A
 * model comes again from the best checkpoint, scores and segmentations from the model; the rest cannot be made again.
 */
import { InputError } from '../../core/errors.ts';
import { armFolder } from '../../experiment/arm-folder.ts';
import type { Machine } from '../../experiment/machine.ts';
import type { Files } from '../../runtime/files.ts';
import { forgetOutcome, readOutcome } from './outcome.ts';
import { hasUnits, readUnits } from './units-file.ts';

/** What looking at results needs of the world. */
export interface ResultsWorld {
  readonly files: Files;
  readonly machine: Pick<Machine, 'sha256'>;
}

/** More files than this are not named in a message. */
const MOST_NAMED = 5;

/** Files directly in a unit's folder, as far as it has them. */
const RESULTS = ['recipe.yaml', 'splits.json', 'model.onnx', 'history.csv', 'evaluation.json', 'validation.json'];
/** A folder of them. */
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
 * The results of a unit that are not what they were when it was finished.
 * @returns paths within its folder; none for a unit that is not done
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

/** A result that is not what it was. */
export interface Damage {
  /** The unit's name. */
  readonly unit: string;
  /** The unit's folder. */
  readonly folder: string;
  /** Within that folder. */
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

/** Whether the file comes again when its unit is done once more. */
function comesAgain({ path }: Damage): boolean {
  return (
    path === 'model.onnx' || path === 'evaluation.json' || path === 'validation.json' || path.startsWith(PREDICTIONS)
  );
}

function firstOf(paths: readonly string[]): string {
  const more = paths.length - MOST_NAMED;
  return [...paths.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** What is wrong and what to do, in a sentence or two. */
export function damageText(damage: readonly Damage[]): string {
  const paths = damage.map(({ folder, path }) => `${folder}/${path}`);
  const lost = damage.filter(one => !comesAgain(one));
  const advice =
    lost.length === 0
      ? 'Go on with --resume, which makes it again.'
      : `Put ${firstOf(lost.map(({ folder, path }) => `${folder}/${path}`))} back from a copy, or remove ` +
        `${firstOf([...new Set(lost.map(({ folder }) => folder))])} and go on with --resume, which trains it again.`;
  return `${firstOf(paths)} changed after it was finished. ${advice}`;
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
 * Removes changed results that come again, so that their units are done once more; scores go with the model or the segmentations that they
 * belong to.
 * @returns what was changed
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
