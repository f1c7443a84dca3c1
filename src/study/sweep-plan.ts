/**
 * Plans a sweep: the units of all its combinations, each once. The folder of a unit is named after everything that it
 * depends on, so combinations that differ elsewhere share it, and later sweeps in the same folder do too.
 */
import { InputError } from '../core/errors.ts';
import type { Splits } from '../data/splits.ts';
import { armContent } from '../experiment/arm-content.ts';
import { armFolder } from '../experiment/arm-folder.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import { ARMS, type Arm, TRAINED_ARMS, type TrainedArm } from '../experiment/record.ts';
import { type Combination, commonName, type GridAxis } from '../recipe/grid.ts';
import type { Files } from '../runtime/files.ts';
import { type Fold, foldsOf, splitsOfArm } from './folds.ts';
import { type Unit, unitsOf } from './units/unit.ts';

/** An arm, or a coarse stage, of one combination or of several that share it. */
interface SweepArm<Kind extends TrainedArm = Arm> {
  /** Name that distinguishes it from other arms of its kind: `teacher`, or `student features=2-4-8`. */
  readonly name: string;
  readonly kind: Kind;
  /** Units of the arm, one per fold and seed. */
  readonly units: readonly Unit[];
}

/** A combination with the names of its arms. */
interface PlannedCombination extends Combination {
  readonly arms: Readonly<Record<'teacher' | 'student', string> & Partial<Record<'baseline', string>>>;
}

export interface SweepPlan {
  readonly combinations: readonly PlannedCombination[];
  readonly arms: readonly SweepArm[];
  /**
   * Units, each once, also those of coarse stages; each after those whose models it needs, and fold by fold, so that
   * data are read as rarely as possible.
   */
  readonly units: readonly Unit[];
  readonly splitsOf: (unit: Unit) => Splits;
}

/** Units of a combination, and the cases of each by its folder. */
interface PlacedUnits {
  readonly units: readonly Unit[];
  readonly splits: ReadonlyMap<string, Splits>;
}

const KEY_LENGTH = 12;

async function unitsOfCombination(
  { files, machine }: Pick<Laboratory, 'machine'> & { readonly files: Files },
  { recipe }: Combination,
  out: string,
): Promise<PlacedUnits> {
  const folds = await foldsOf(files, recipe);
  const unwatched = folds.find(({ splits }) => splits.val.length === 0);
  if (unwatched !== undefined) {
    throw new InputError(
      'E_SWEEP',
      'a sweep chooses by validation cases, and there are none. Set data.splits.val above 0; test cases never choose.',
    );
  }
  const repeats = { folds: folds.map(({ fold }) => fold), seeds: recipe.seeds };
  const units = unitsOf(recipe, repeats, ({ arm, recipe: own }) => {
    const content = new TextEncoder().encode(JSON.stringify(armContent(own, arm)));
    const key = machine.sha256(content).slice(0, KEY_LENGTH);
    return { folder: armFolder(`${out}/units/${arm}-${key}`), label: arm };
  });
  const splits = units.map(({ arm, fold, folder }) => {
    const own = folds.find(other => other.fold === fold) as Fold;
    return [folder.folder, splitsOfArm(own, arm)] as const;
  });
  return { units, splits: new Map(splits) };
}

/** The arms of all combinations, each once, and the arms of each combination. */
function groupArms(
  axes: readonly GridAxis[],
  all: readonly { readonly combination: Combination; readonly units: readonly Unit[] }[],
): {
  readonly arms: readonly SweepArm<TrainedArm>[];
  readonly nameOf: (combination: Combination, kind: Arm) => string | undefined;
} {
  const groups = new Map<string, { kind: TrainedArm; units: readonly Unit[]; members: Combination[] }>();
  for (const { combination, units } of all) {
    for (const kind of TRAINED_ARMS) {
      const own = units.filter(({ arm }) => arm === kind);
      if (own.length === 0) continue;
      const key = own.map(({ folder }) => folder.folder).join();
      const group = groups.get(key) ?? { kind, units: own, members: [] };
      group.members.push(combination);
      groups.set(key, group);
    }
  }
  const named = [...groups.values()].map(group => {
    const common = commonName(axes, group.members);
    return { ...group, name: common === '' ? group.kind : `${group.kind} ${common}` };
  });
  return {
    arms: named.map(({ name, kind, units }) => ({ name, kind, units: units.map(unit => labelled(unit, name, units)) })),
    nameOf: (combination, kind) =>
      named.find(group => group.kind === kind && group.members.includes(combination))?.name,
  };
}

/** A unit with a label that distinguishes it from the others of its arm. */
function labelled(unit: Unit, name: string, units: readonly Unit[]): Unit {
  const several = (part: 'fold' | 'seed'): boolean => new Set(units.map(other => other[part])).size > 1;
  const parts = (['fold', 'seed'] as const).filter(several).map(part => `${part} ${unit[part]}`);
  return { ...unit, label: parts.length === 0 ? name : `${name} (${parts.join(', ')})` };
}

function assertDistinct(combinations: readonly PlannedCombination[], arms: readonly SweepArm<TrainedArm>[]): void {
  for (const [index, { name, arms }] of combinations.entries()) {
    const same = combinations.slice(0, index).find(other => other.arms.student === arms.student);
    if (same === undefined) continue;
    throw new InputError(
      'E_GRID',
      `"${same.name}" and "${name}" train the same student. A grid needs keys and values that change it.`,
    );
  }
  const twice = arms.find(({ name }, index) => arms.findIndex(other => other.name === name) !== index);
  if (twice !== undefined) throw new InputError('E_GRID', `two arms of the grid would be called "${twice.name}".`);
}

/**
 * Plans the units of a sweep; reads only the case ids.
 * @throws {InputError} E_GRID if two combinations are the same; E_SWEEP without validation cases; the errors of
 * foldsOf, with the
 *   name of the combination
 */
export async function planUnits(
  laboratory: Pick<Laboratory, 'machine'> & { readonly files: Files },
  axes: readonly GridAxis[],
  options: { readonly combinations: readonly Combination[]; readonly out: string },
): Promise<SweepPlan> {
  const all: (PlacedUnits & { readonly combination: Combination })[] = [];
  for (const combination of options.combinations) {
    const placed = await naming(combination, () => unitsOfCombination(laboratory, combination, options.out));
    all.push({ combination, ...placed });
  }
  const { arms: trained, nameOf } = groupArms(axes, all);
  const combinations = options.combinations.map((combination): PlannedCombination => {
    const [teacher, student, baseline] = ARMS.map(kind => nameOf(combination, kind));
    return {
      ...combination,
      arms: { teacher: teacher as string, student: student as string, ...(baseline !== undefined && { baseline }) },
    };
  });
  assertDistinct(combinations, trained);
  const units = trained.flatMap(arm => arm.units);
  const folds = [...new Set(units.map(({ fold }) => fold))];
  const ordered = folds.flatMap(fold =>
    TRAINED_ARMS.flatMap(kind => units.filter(unit => unit.fold === fold && unit.arm === kind)),
  );
  const splits = new Map(all.flatMap(placed => [...placed.splits]));
  const arms = trained.flatMap(({ kind, ...arm }) => (kind === 'coarse' ? [] : [{ kind, ...arm }]));
  return { combinations, arms, units: ordered, splitsOf: unit => splits.get(unit.folder.folder) as Splits };
}

/** Does some work for one combination; its errors name the combination. */
export async function naming<T>({ name }: Pick<Combination, 'name'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InputError) || name === '') throw error;
    throw new InputError(error.code, `in the combination ${name}: ${error.message}`, { cause: error });
  }
}
