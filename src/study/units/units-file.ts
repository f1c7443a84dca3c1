/**
 * `units.json`: the list of the units of a run or sweep. The index of a unit is its name for every system that starts
 * units (a task of a Slurm array, a pod of an indexed Kubernetes job), so indices never change: units that are planned
 * later are appended. A unit comes after those whose models it needs. The list is sealed, and has the hashes of the
 * recipe and the splits of each unit, so that whoever starts a unit from the folder alone starts what was planned.
 */
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import { pathInside } from '../../core/names.ts';
import type { Splits } from '../../data/splits.ts';
import { armFolder } from '../../experiment/arm-folder.ts';
import type { Machine } from '../../experiment/machine.ts';
import { TRAINED_ARMS, type TrainedArm } from '../../experiment/record.ts';
import { parseRecipe, stringifyRecipe } from '../../recipe/parse.ts';
import type { Files } from '../../runtime/files.ts';
import { formatJson, type JsonForm, readSealedJson, readText, writeSealedJson } from '../../runtime/json-file.ts';
import { STUDY_KINDS, type StudyKind } from '../record.ts';
import { readOutcome } from './outcome.ts';
import { type Unit, unitsBefore } from './unit.ts';

const unitsSchema = z.object({
  kind: z.enum(STUDY_KINDS),
  units: z
    .array(
      z.object({
        /** Path within the study's folder. */
        folder: z.string().refine(folder => pathInside(folder) === folder, 'leads out of the folder of the study'),
        arm: z.enum(TRAINED_ARMS as [TrainedArm, ...TrainedArm[]]),
        fold: z.int().nullable(),
        seed: z.int(),
        label: z.string(),
        /** Index of the unit whose model finds the region of this one, and must exist first. */
        coarse: z.int().optional(),
        /** Index of the unit whose model teaches this one, and must exist first. */
        teacher: z.int().optional(),
        /** SHA-256 of the unit's recipe.yaml; absent in lists of earlier versions, and until it is prepared. */
        recipeSha256: z.string().optional(),
        /** SHA-256 of the unit's splits.json; absent as the recipe's. */
        splitsSha256: z.string().optional(),
      }),
    )
    .superRefine((units, context) => {
      // a teacher that is a student of its own would be looked for without end
      units.forEach((unit, place) => {
        for (const key of ['coarse', 'teacher'] as const) {
          const before = unit[key];
          if (before === undefined || (before >= 0 && before < place)) continue;
          context.addIssue({ code: 'custom', path: [place, key], message: 'is not the index of an earlier unit' });
        }
      });
    }),
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
  return readSealedJson(files, path, unitsFile);
}

/** The entry of a unit without the units before it and its hashes. */
function listed(study: string, { folder, arm, fold, seed, label }: Unit): ListedUnit {
  return { folder: folder.folder.slice(study.length + 1), arm, fold, seed, label };
}

/**
 * Appends units to a list; existing units keep their indices.
 * @param units each after those whose models it needs
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
    const { coarse, teacher } = unitsBefore(unit);
    const placeOf = (one: Unit): number => places.get(listed(study, one).folder) as number;
    const before = { ...(coarse && { coarse: placeOf(coarse) }), ...(teacher && { teacher: placeOf(teacher) }) };
    const place = places.get(own.folder) ?? list.length;
    const { recipeSha256, splitsSha256 } = list[place] ?? {};
    const hashes = { ...(recipeSha256 && { recipeSha256 }), ...(splitsSha256 && { splitsSha256 }) };
    list[place] = { ...own, ...before, ...hashes };
    places.set(own.folder, place);
  }
  return { list, places };
}

/** What the files of units are written and held against their hashes with. */
export interface UnitsWorld {
  readonly files: Files;
  readonly machine: Pick<Machine, 'sha256'>;
}

function hashOf({ machine }: UnitsWorld, text: string): string {
  return machine.sha256(new TextEncoder().encode(text));
}

/**
 * Refuses units whose cases are divided otherwise than when they were listed, since their results would mix with those
 * of the others.
 * @throws {InputError} E_RESUME_DATA
 */
function assertSameSplits(
  world: UnitsWorld,
  { study, list }: { readonly study: string; readonly list: Units },
  planned: readonly { readonly place: number; readonly splits: string }[],
): void {
  const other = planned.find(({ place, splits }) => {
    const before = list.units[place]?.splitsSha256;
    return before !== undefined && before !== hashOf(world, splits);
  });
  if (other === undefined) return;
  const path = `${study}/${list.units[other.place]?.folder}/splits.json`;
  throw new InputError(
    'E_RESUME_DATA',
    `the cases are divided otherwise than when ${study} was started, see ${path}: the data set has other cases, or the file of its splits or ` +
      'patients has changed. Restore them, or choose another folder with --out.',
  );
}

/** The units of a study as they are planned now, and the cases of each. */
export interface PlannedUnits {
  readonly kind: StudyKind;
  /** Each teacher before its students. */
  readonly units: readonly Unit[];
  readonly splitsOf: (unit: Unit) => Splits;
}

/**
 * The list of a study's folder, extended by units; writes nothing.
 * @returns the list, and the indices of these units
 * @throws {InputError} E_RESUME_DATA if their cases are divided otherwise than the list has it
 */
export async function planList(
  world: UnitsWorld,
  study: string,
  { kind, units, splitsOf }: PlannedUnits,
): Promise<{ readonly list: Units; readonly places: readonly number[] }> {
  const before = (await hasUnits(world.files, study)) ? (await readUnits(world.files, study)).units : [];
  const { list: all, places: byFolder } = extended(before, units, study);
  const list = { kind, units: all };
  const places = units.map(unit => byFolder.get(listed(study, unit).folder) as number);
  const planned = units.map((unit, index) => ({ place: places[index] as number, splits: formatJson(splitsOf(unit)) }));
  assertSameSplits(world, { study, list }, planned);
  return { list, places };
}

/** Writes the list of a study's folder. */
export async function writeUnits(files: Files, study: string, list: Units): Promise<void> {
  await writeSealedJson(files, unitsPath(study), list);
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
 * @param planned.places indices of the units in the list
 * @returns the list with the hashes of what was written
 */
export async function prepareUnits(
  world: UnitsWorld,
  { list, places }: { readonly list: Units; readonly places: readonly number[] },
  { units, splitsOf }: Pick<PlannedUnits, 'units' | 'splitsOf'>,
): Promise<Units> {
  const { files } = world;
  const texts = units.map((unit, index) => ({
    place: places[index] as number,
    folder: unit.folder.folder,
    splits: formatJson(splitsOf(unit)),
    recipe: stringifyRecipe(unit.recipe),
  }));
  const prepared = [...list.units];
  const prepare = async ({ place, folder, splits, recipe }: (typeof texts)[number]): Promise<void> => {
    const listed = prepared[place] as ListedUnit;
    const outcome = await readOutcome(files, folder);
    if (outcome?.status === 'done') {
      // as it was when the unit was done, maybe by an earlier version, which writes recipes in another way
      const known = outcome.files?.['recipe.yaml'];
      prepared[place] = { ...listed, splitsSha256: hashOf(world, splits), ...(known && { recipeSha256: known }) };
      return;
    }
    await writeIfOther(files, `${folder}/splits.json`, splits);
    await writeIfOther(files, `${folder}/recipe.yaml`, recipe);
    prepared[place] = { ...listed, recipeSha256: hashOf(world, recipe), splitsSha256: hashOf(world, splits) };
  };
  for (let first = 0; first < texts.length; first += FOLDERS_AT_ONCE) {
    await Promise.all(texts.slice(first, first + FOLDERS_AT_ONCE).map(prepare));
  }
  return { ...list, units: prepared };
}

/**
 * Reads a text of a unit that its study wrote.
 * @param sha256 as its list has it; undefined for one of an earlier version
 * @throws {InputError} E_WORK if it has changed since
 */
async function readPlanned(world: UnitsWorld, path: string, sha256: string | undefined): Promise<string> {
  const bytes = await world.files.read(path);
  if (sha256 === undefined || world.machine.sha256(bytes) === sha256) return new TextDecoder().decode(bytes);
  throw new InputError(
    'E_WORK',
    `${path} changed after the study was planned. Start the run (with --resume) or the sweep again as before, which writes it anew.`,
  );
}

/**
 * Reads a unit by its index, from the folder alone.
 * @throws {InputError} E_UNIT if there is no such index; E_WORK if its recipe or its splits have changed since it was
 * planned; as parseRecipe
 */
export async function readUnit(
  world: UnitsWorld,
  study: string,
  { list, place }: { readonly list: Units; readonly place: number },
): Promise<Unit> {
  const one = list.units[place];
  if (one === undefined) {
    throw new InputError('E_UNIT', `${study} has no unit ${place}: its units are 0 to ${list.units.length - 1}.`);
  }
  const { arm, fold, seed, label, coarse, teacher, recipeSha256, splitsSha256 } = one;
  const path = `${study}/${one.folder}/recipe.yaml`;
  const recipe = parseRecipe(await readPlanned(world, path, recipeSha256), { path });
  if (splitsSha256 !== undefined) await readPlanned(world, `${study}/${one.folder}/splits.json`, splitsSha256);
  const unitAt = async (before: number): Promise<Unit> => readUnit(world, study, { list, place: before });
  const before = {
    ...(coarse !== undefined && { coarse: await unitAt(coarse) }),
    ...(teacher !== undefined && { teacher: await unitAt(teacher) }),
  };
  return { arm, fold, seed, label, recipe, folder: armFolder(`${study}/${one.folder}`), splitsSha256, ...before };
}
