/**
 * `units.json`: the list of the units of a run or sweep. The index of a unit is its name for every system that starts
 * units (a task of a Slurm array, a pod of an indexed Kubernetes job), so indices never change: units that are planned
 * later are appended. A teacher comes before its students.
 */
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import { pathInside } from '../../core/names.ts';
import type { Splits } from '../../data/splits.ts';
import { isTrained } from '../../experiment/arm-content.ts';
import { armFolder } from '../../experiment/arm-folder.ts';
import { ARMS, type Arm } from '../../experiment/record.ts';
import { parseRecipe, stringifyRecipe } from '../../recipe/parse.ts';
import type { Files } from '../../runtime/files.ts';
import { formatJson, type JsonForm, readJson, readText, writeJson } from '../../runtime/json-file.ts';
import { STUDY_KINDS, type StudyKind } from '../record.ts';
import { readOutcome } from './outcome.ts';
import type { Unit } from './unit.ts';

const unitsSchema = z.object({
  kind: z.enum(STUDY_KINDS),
  units: z.array(
    z.object({
      /** Path within the study's folder. */
      folder: z.string().refine(folder => pathInside(folder) === folder, 'leads out of the folder of the study'),
      arm: z.enum(ARMS as [Arm, ...Arm[]]),
      fold: z.int().nullable(),
      seed: z.int(),
      label: z.string(),
      /** Index of the unit whose model must exist first. */
      teacher: z.int().optional(),
    }),
  ),
});

/** `units.json` */
export type Units = z.output<typeof unitsSchema>;

const unitsFile: JsonForm<Units> = {
  schema: unitsSchema,
  code: 'E_WORK',
  advice:
    'Put a whole copy of it back, or remove it and start the run (with --resume) or the sweep again as before, which writes it anew.',
};

/** A unit as an entry of the list. */
export type ListedUnit = Units['units'][number];

function unitsPath(study: string): string {
  return `${study}/units.json`;
}

/** Whether a folder has a list of units. */
export function hasUnits(files: Files, study: string): Promise<boolean> {
  return files.exists(unitsPath(study));
}

/**
 * Reads the list of a study's folder.
 * @throws {InputError} E_WORK_MISSING if there is none; E_WORK if it is damaged
 */
export async function readUnits(files: Files, study: string): Promise<Units> {
  const path = unitsPath(study);
  if (!(await hasUnits(files, study))) {
    throw new InputError(
      'E_WORK_MISSING',
      `there is no ${path}: ${study} is not the folder of a run or sweep, or its file system is not mounted here.`,
    );
  }
  return readJson(files, path, unitsFile);
}

/** The entry of a unit without its teacher. */
function listed(study: string, { folder, arm, fold, seed, label }: Unit): ListedUnit {
  return { folder: folder.folder.slice(study.length + 1), arm, fold, seed, label };
}

/**
 * Appends units to a list; existing units keep their indices.
 * @param units each teacher before its students
 * @returns the list, and the index of every folder in it
 */
function extended(
  before: readonly ListedUnit[],
  units: readonly Unit[],
  study: string,
): { readonly list: ListedUnit[]; readonly places: ReadonlyMap<string, number> } {
  const list = [...before];
  const places = new Map(list.map(({ folder }, place) => [folder, place]));
  for (const unit of units) {
    const own = listed(study, unit);
    const teacher = waitsForTeacher(unit) ? places.get(listed(study, unit.teacher as Unit).folder) : undefined;
    const place = places.get(own.folder) ?? list.length;
    list[place] = teacher === undefined ? own : { ...own, teacher };
    places.set(own.folder, place);
  }
  return { list, places };
}

/** Whether a student must wait for its teacher; a finished model from elsewhere exists already. */
function waitsForTeacher({ arm, recipe }: Unit): boolean {
  return arm === 'student' && isTrained(recipe, 'teacher');
}

/**
 * The list of a study's folder, extended by units; writes nothing.
 * @param units each teacher before its students
 * @returns the list, and the indices of these units
 */
export async function planList(
  files: Files,
  study: string,
  { kind, units }: { readonly kind: StudyKind; readonly units: readonly Unit[] },
): Promise<{ readonly list: Units; readonly places: readonly number[] }> {
  const before = (await hasUnits(files, study)) ? (await readUnits(files, study)).units : [];
  const { list, places } = extended(before, units, study);
  return { list: { kind, units: list }, places: units.map(unit => places.get(listed(study, unit).folder) as number) };
}

/** Writes the list of a study's folder. */
export async function writeUnits(files: Files, study: string, list: Units): Promise<void> {
  await writeJson(files, unitsPath(study), list);
}

/** Number of folders that are written at once, since syncing mostly waits for the disk. */
const FOLDERS_AT_ONCE = 8;

/** Writes a file unless it has this content already. */
async function writeIfOther(files: Files, path: string, content: string): Promise<void> {
  if ((await files.exists(path)) && (await readText(files, path)) === content) return;
  await files.write(path, content);
}

/**
 * Writes recipe and splits into the folders of units, also in place of ones that are damaged. Those of finished units
 * stay: they are results, which are held against their hashes.
 */
export async function prepareUnits(
  files: Files,
  units: readonly Unit[],
  splitsOf: (unit: Unit) => Splits,
): Promise<void> {
  const prepare = async (unit: Unit): Promise<void> => {
    const { folder } = unit.folder;
    if ((await readOutcome(files, folder))?.status === 'done') return;
    await writeIfOther(files, `${folder}/splits.json`, formatJson(splitsOf(unit)));
    await writeIfOther(files, `${folder}/recipe.yaml`, stringifyRecipe(unit.recipe));
  };
  for (let first = 0; first < units.length; first += FOLDERS_AT_ONCE) {
    await Promise.all(units.slice(first, first + FOLDERS_AT_ONCE).map(prepare));
  }
}

/**
 * Reads a unit by its index, from the folder alone.
 * @throws {InputError} E_UNIT if there is no such index; as parseRecipe
 */
export async function readUnit(
  files: Files,
  study: string,
  { list, place }: { readonly list: Units; readonly place: number },
): Promise<Unit> {
  const one = list.units[place];
  if (one === undefined) {
    throw new InputError('E_UNIT', `${study} has no unit ${place}: its units are 0 to ${list.units.length - 1}.`);
  }
  const { arm, fold, seed, label, teacher } = one;
  const path = `${study}/${one.folder}/recipe.yaml`;
  const recipe = parseRecipe(await readText(files, path), { path });
  const taughtBy = teacher === undefined ? undefined : await readUnit(files, study, { list, place: teacher });
  const unit = { arm, fold, seed, label, recipe, folder: armFolder(`${study}/${one.folder}`) };
  return taughtBy === undefined ? unit : { ...unit, teacher: taughtBy };
}
