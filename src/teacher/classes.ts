/**
 * Maps the classes of a teacher to those of the data. A class of the teacher is the class of the data with its name
 * (or, if its name is a number, with that value), unless the recipe maps it. Several classes of the teacher may be one
 * class of the data: their probabilities are added up. One class may cover several classes of the data: the student's
 * are then added up, see training/taught-classes.ts.
 */
import { InputError } from '../core/errors.ts';
import type { ModelFile } from '../experiment/model-file.ts';
import type { ChannelGroups } from '../inference/channel-groups.ts';
import { type ModelLabel, outputClasses } from '../inference/model-info.ts';
import type { ClassKind } from '../inference/probabilities.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import type { StudentKind } from './logits.ts';

type ClassName = string | number;

/** Classes of the data, by name or value, by the class of the teacher that is or covers them, by name or value. */
type ClassNames = Readonly<Record<string, ClassName | readonly ClassName[]>>;

/** The classes of a teacher in terms of the data. */
export interface TaughtClasses {
  /** Classes, background first; several classes of the data that are one for the teacher form a region. */
  readonly labels: readonly ModelLabel[];
  /** The classes of the data that each of them is or covers. */
  readonly members: readonly (readonly ModelLabel[])[];
  /** Channels of the student's logits for each class of the teacher. */
  readonly channels: ChannelGroups;
  /** Whether they are exactly the classes of the data. */
  readonly areAll: boolean;
}

/** The other side of the match: data, recipe and student. */
export interface ClassMatch {
  readonly data: readonly ModelLabel[];
  /** The recipe's map of classes whose names differ, and the path of this map in the recipe. */
  readonly names: ClassNames;
  readonly key: string;
  /** What becomes of a class of the data that the teacher does not have: it is refused, or part of the background. */
  readonly unknown: 'refused' | 'background';
  readonly student: StudentKind;
}

/** A class of the data, or several that are one for the teacher, with the teacher's classes that form it. */
interface Group {
  readonly members: readonly ModelLabel[];
  readonly sources: readonly ModelLabel[];
}

function listed(labels: readonly ModelLabel[]): string {
  return labels.map(({ value, name }) => (name === String(value) ? name : `${value} (${name})`)).join(', ');
}

/**
 * The teacher's classes in the order of its channels; for independent classes preceded by the background, which has no
 * channel.
 */
function classesOf({ info }: ModelFile, data: readonly ModelLabel[]): readonly ModelLabel[] {
  const background = { value: 0, name: data[0]?.name ?? 'background' };
  return outputClasses(info).kind === 'softmax'
    ? info.labels
    : [background, ...info.labels.filter(({ value }) => value !== 0)];
}

/**
 * The classes of the data that a class of the teacher is or covers, in the order of the data; undefined if it names
 * another.
 */
function membersOf(label: ModelLabel, { data, names }: ClassMatch): readonly ModelLabel[] | undefined {
  const said = [names[label.name] ?? names[String(label.value)] ?? label.name].flat();
  const found = said.map(
    one => data.find(({ name }) => name === one) ?? data.find(({ value }) => String(value) === String(one)),
  );
  return found.includes(undefined) ? undefined : data.filter(one => found.includes(one));
}

/** Lists the classes of a model that are those of the data by their value alone (W_CLASSES_BY_VALUE). */
export function matchedByValue(file: ModelFile, match: ClassMatch): readonly VolumeWarning[] {
  const { data, names } = match;
  const pairs = classesOf(file, data).flatMap(({ value, name }) => {
    if (value === 0 || names[name] !== undefined || names[String(value)] !== undefined) return [];
    const [found, ...others] = membersOf({ value, name }, match) ?? [];
    return found === undefined || others.length > 0 || found.name === name
      ? []
      : [`${name} is taken for "${found.name}"`];
  });
  if (pairs.length === 0) return [];
  const message = `${file.path} names its classes by numbers, which are matched by value: ${pairs.join(', ')}. If that is right, say so in ${match.key}.`;
  return [{ code: 'W_CLASSES_BY_VALUE', message }];
}

/** The classes of both sides in groups, by the first class of the data in each. */
function groupsOf(labels: readonly ModelLabel[], match: ClassMatch): readonly Group[] {
  const groups = new Map<string, { members: readonly ModelLabel[]; sources: ModelLabel[] }>();
  for (const label of labels) {
    const members = membersOf(label, match);
    if (members === undefined) continue;
    const key = members.map(({ value }) => value).join();
    const group = groups.get(key) ?? { members, sources: [] };
    group.sources.push(label);
    groups.set(key, group);
  }
  const place = ({ members }: Group): number => match.data.indexOf(members[0] as ModelLabel);
  const found = [...groups.values()].sort((a, b) => place(a) - place(b));
  return match.unknown === 'background' ? withRestInBackground(found, match.data) : found;
}

/** The groups, in which the background also covers every class of the data that no group has. */
function withRestInBackground(groups: readonly Group[], data: readonly ModelLabel[]): readonly Group[] {
  const rest = data.filter(one => groups.every(({ members }) => !members.includes(one)));
  return groups.map(group =>
    group.members.includes(data[0] as ModelLabel)
      ? { ...group, members: data.filter(one => group.members.includes(one) || rest.includes(one)) }
      : group,
  );
}

function isForeground({ members }: Group): boolean {
  return members.every(({ value }) => value !== 0);
}

/** Reasons why a teacher cannot teach, in words. */
function problemsOf(
  own: readonly ModelLabel[],
  groups: readonly Group[],
  kind: ClassKind,
  match: ClassMatch,
): string[] {
  const { data, names, key, student } = match;
  const foreground = groups.filter(isForeground);
  const found: string[] = [];
  const check = (classes: readonly ModelLabel[], problem: (classes: string) => string): void => {
    if (classes.length > 0) found.push(problem(listed(classes)));
  };
  const unknown = Object.keys(names).filter(key => !own.some(({ value, name }) => [name, String(value)].includes(key)));
  if (unknown.length > 0) found.push(`${key} names ${unknown.join(', ')}, which the model does not have`);
  const times = (one: ModelLabel): number => groups.filter(({ members }) => members.includes(one)).length;
  check(
    own.filter(label => membersOf(label, match) === undefined),
    strangers =>
      `its ${strangers} is not a class of the data; map it in ${key} to a class of the data or to background`,
  );
  check(
    data.filter(one => times(one) > 1),
    twice => `${twice} cannot belong to several of its classes`,
  );
  if (student === 'softmax') {
    check(
      data.filter(one => times(one) === 0),
      lacking =>
        `it has no class for ${lacking}; state in ${key} which of its classes covers that, for example ` +
        `{ ${own[0]?.name}: [${[data[0], data.find(one => times(one) === 0)].map(one => one?.name).join(', ')}] }`,
    );
  } else {
    check(
      foreground.flatMap(({ members }) => (members.length > 1 ? members : [])),
      together => `${together} are one class of the model, but independent classes of the student do not add up`,
    );
  }
  if (kind !== 'softmax' && foreground.some(({ sources }) => sources.length > 1)) {
    found.push(
      'several of its independent classes map to one class of the data, but probabilities of overlapping classes do not add up',
    );
  }
  if (kind === 'softmax' && foreground.length > 1 && data.some(({ region }) => region !== undefined)) {
    found.push('its classes exclude each other, but those of the data are regions that may overlap');
  }
  if (found.length === 0 && foreground.length === 0) found.push('it has no class besides the background');
  return found;
}

/** A group as a class that can be scored. */
function labelOf({ members }: Group): ModelLabel {
  const [first, ...others] = members as readonly [ModelLabel, ...ModelLabel[]];
  if (others.length === 0 || first.value === 0) return first;
  const name = members.map(member => member.name).join('+');
  return { value: first.value, name, region: members.map(({ value }) => value) };
}

/**
 * Adapts the model so that its output has the classes of the data, in their order.
 * @throws {InputError} E_TEACHER_FIT naming both sides, if a class of either has no counterpart, or classes are to be
 * added up that are independent
 */
export function withClassesOf(
  file: ModelFile,
  match: ClassMatch,
): { readonly file: ModelFile; readonly taught: TaughtClasses } {
  const { data, student } = match;
  const { kind } = outputClasses(file.info);
  const own = classesOf(file, data);
  const groups = groupsOf(own, match);
  const problems = problemsOf(own, groups, kind, match);
  if (problems.length > 0) {
    throw new InputError(
      'E_TEACHER_FIT',
      `${file.path} cannot teach here: its classes are ${listed(own)}, those of the data ${listed(data)}: ${problems.join('; ')}.`,
    );
  }
  const shown = (by: ClassKind): readonly Group[] => (by === 'softmax' ? groups : groups.filter(isForeground));
  const hidden = (by: ClassKind): number => (by === 'softmax' ? 0 : 1);
  const labels = shown(kind).map(group => {
    const { value, name } = labelOf(group);
    return group.members.length > 1 ? { value, name } : (group.members[0] as ModelLabel);
  });
  const known = shown(student);
  return {
    file: {
      ...file,
      groups: shown(kind).map(({ sources }) => sources.map(source => own.indexOf(source) - hidden(kind))),
      info: { ...file.info, labels },
      metadata: { ...file.metadata, labels },
    },
    taught: {
      labels: groups.map(labelOf),
      members: groups.map(({ members }) => members),
      channels: known.map(({ members }) => members.map(member => data.indexOf(member) - hidden(student))),
      areAll: known.length === data.length - hidden(student) && known.every(({ members }) => members.length === 1),
    },
  };
}
