/**
 * Several finished teachers that know different classes. Each teaches what it knows; together they must know every
 * class of the data, and together they segment a volume, so that they can be scored like one teacher.
 */
import { InputError } from '../core/errors.ts';
import type { ModelFile } from '../experiment/model-file.ts';
import type { JointClasses } from '../inference/ensemble.ts';
import { type ModelLabel, outputClasses } from '../inference/model-info.ts';
import type { TeacherEntry } from '../recipe/schema/teacher.ts';
import type { TaughtClasses } from './classes.ts';
import type { StudentKind } from './logits.ts';

/** One finished teacher: a model or an ensemble, with its classes. */
export interface ReadTeacher {
  readonly entry: TeacherEntry;
  readonly files: readonly ModelFile[];
  readonly taught: TaughtClasses;
}

/** The groups of a teacher's classes that are not its background. */
function foregroundOf({ taught }: ReadTeacher): readonly (readonly ModelLabel[])[] {
  return taught.members.filter(members => members.every(({ value }) => value !== 0));
}

/** The values of labels that are foreground for a teacher. */
export function foregroundValues(teacher: ReadTeacher): ReadonlySet<number> {
  return new Set(foregroundOf(teacher).flatMap(group => group.flatMap(({ value, region }) => region ?? [value])));
}

/** The names of the classes of the data that the recipe itself places in a class of a teacher. */
function statedClasses({ entry }: ReadTeacher): readonly string[] {
  return Object.values(entry.classes).flat().map(String);
}

/**
 * Checks that every class of the data has a teacher, unless the recipe says that it is background for one.
 * @throws {InputError} E_TEACHER_FIT
 */
export function assertEveryClassTaught(teachers: readonly ReadTeacher[], data: readonly ModelLabel[]): void {
  const known = new Set(teachers.flatMap(foregroundOf).flat());
  const stated = new Set(teachers.flatMap(statedClasses));
  const untaught = data.filter(
    one => one.value !== 0 && !known.has(one) && !stated.has(one.name) && !stated.has(String(one.value)),
  );
  const [first] = untaught;
  if (first === undefined) return;
  const names = teachers.map(
    each =>
      `${each.entry.key} knows ${foregroundOf(each)
        .flat()
        .map(({ name }) => name)
        .join(', ')}`,
  );
  throw new InputError(
    'E_TEACHER_FIT',
    `no teacher knows ${untaught.map(({ name }) => name).join(', ')}: ${names.join('; ')}. Add a teacher that does, or state in the classes of one that it is ` +
      `background there, { ${data[0]?.name}: [${data[0]?.name}, ${first.name}] }, and only the labels teach it.`,
  );
}

/** The classes that the teachers segment together: those that one of them knows alone, and others as they know them. */
function jointGroups(
  teachers: readonly ReadTeacher[],
  data: readonly ModelLabel[],
): readonly (readonly ModelLabel[])[] {
  const groups = teachers.flatMap(foregroundOf);
  const alone = groups.filter(({ length }) => length === 1);
  const taken = new Set(alone.flat());
  const together = groups.filter(members => {
    if (members.length === 1 || members.some(one => taken.has(one))) return false;
    for (const one of members) taken.add(one);
    return true;
  });
  const place = ([first]: readonly ModelLabel[]): number => data.indexOf(first as ModelLabel);
  const distinct = new Map([...alone, ...together].map(members => [place(members), members]));
  return [...distinct.values()].sort((a, b) => place(a) - place(b));
}

/**
 * How the teachers segment together: the probability of a class is the weighted mean over the teachers that know it.
 * Undefined for a single teacher.
 * @param data classes of the data, background first
 */
export function jointClasses(
  teachers: readonly ReadTeacher[],
  { data, student }: { readonly data: readonly ModelLabel[]; readonly student: StudentKind },
): JointClasses | undefined {
  if (teachers.length === 1) return undefined;
  const groups = jointGroups(teachers, data);
  const hidden = student === 'softmax' ? 1 : 0;
  const firstValue = (members: readonly ModelLabel[]): number => (members[0] as ModelLabel).value;
  const areRegions = data.some(({ region }) => region !== undefined);
  const members = teachers.flatMap(({ entry, files, taught }) =>
    files.map(({ info }) => ({
      weight: entry.weight / files.length,
      channels: outputClasses(info).values.map(value => {
        const own = taught.members.find(one => firstValue(one) === value);
        const index = groups.findIndex(group => own !== undefined && sameMembers(group, own));
        return index < 0 ? undefined : index + hidden;
      }),
    })),
  );
  const values = groups.map(firstValue);
  const labelOf = (group: readonly ModelLabel[]): ModelLabel =>
    teachers.flatMap(({ taught }) =>
      taught.labels.filter((_, index) => sameMembers(taught.members[index] ?? [], group)),
    )[0] as ModelLabel;
  return {
    kind: student === 'softmax' ? 'softmax' : areRegions ? 'regions' : 'sigmoid',
    values: student === 'softmax' ? [0, ...values] : values,
    labels: groups.map(labelOf),
    members,
  };
}

function sameMembers(left: readonly ModelLabel[], right: readonly ModelLabel[]): boolean {
  return left.length === right.length && left.every((one, index) => one === right[index]);
}
