/**
 * `units.json`: what a run or sweep has to do, as a list. A unit's place in it is its name for whoever starts units (a task of a Slurm array, a pod of an
 * indexed Kubernetes job), so places never change: what is planned later is put behind. A teacher is before its students.
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
import { type JsonForm, readJson, readText, writeJson } from '../../runtime/json-file.ts';
import type { Unit } from './unit.ts';

const unitsSchema = z.object({
  kind: z.enum(['run', 'sweep']),
  units: z.array(
    z.object({
      /** Within the study's folder. */
      folder: z.string().refine(folder => pathInside(folder) === folder, 'leads out of the folder of the study'),
      arm: z.enum(ARMS as [Arm, ...Arm[]]),
      fold: z.int().nullable(),
      seed: z.int(),
      label: z.string(),
      /** Place of the unit whose model must be there first. */
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

/** A unit as the list has it. */
export type ListedUnit = Units['units'][number];

/** What a study's folder is. */
export type StudyKind = Units['kind'];

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

/** A unit without its teacher, as the list has it. */
function listed(study: string, { folder, arm, fold, seed, label }: Unit): ListedUnit {
  return { folder: folder.folder.slice(study.length + 1), arm, fold, seed, label };
}

/**
 * The list with units put behind those that are in it; those that are keep their places.
 * @param units each teacher before its students
 * @returns the list, and the place of every folder in it
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

/** A finished model from elsewhere is there already. */
function waitsForTeacher({ arm, recipe }: Unit): boolean {
  return arm === 'student' && isTrained(recipe, 'teacher');
}

/**
 * The list of a study's folder with units put into it; writes nothing.
 * @param units each teacher before its students
 * @returns the list, and the places of these units in it
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

/** So many folders are written at once: syncing waits much longer for a disk than it works. */
const FOLDERS_AT_ONCE = 8;

/** Writes what units need into their folders, unless it is there: the recipe, and the cases that it trains on and is scored by. */
export async function prepareUnits(
  files: Files,
  units: readonly Unit[],
  splitsOf: (unit: Unit) => Splits,
): Promise<void> {
  const prepare = async (unit: Unit): Promise<void> => {
    const { folder } = unit.folder;
    const path = `${folder}/recipe.yaml`;
    if (await files.exists(path)) return;
    await writeJson(files, `${folder}/splits.json`, splitsOf(unit));
    await files.write(path, stringifyRecipe(unit.recipe));
  };
  for (let first = 0; first < units.length; first += FOLDERS_AT_ONCE) {
    await Promise.all(units.slice(first, first + FOLDERS_AT_ONCE).map(prepare));
  }
}

/**
 * Reads a unit by its place, from the folder alone.
 * @throws {InputError} E_UNIT if there is no such place; what parseRecipe throws
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
