/**
 * The classes of a teacher as the data have them. A class of the teacher is the class of the data that has its name (or, where its name is
 * a number, that value), unless the recipe says what it is; several may be one, and their probabilities add up.
 */
import { InputError } from '../../core/errors.ts';
import { type ModelLabel, outputClasses } from '../../inference/model-info.ts';
import type { ModelFile } from '../model-file.ts';

/** Classes of the data, by name or value, by the classes of the teacher, by name or value. */
export type ClassNames = Readonly<Record<string, string | number>>;

function listed(labels: readonly ModelLabel[]): string {
  return labels.map(({ value, name }) => (name === String(value) ? name : `${value} (${name})`)).join(', ');
}

function classOf(label: ModelLabel, data: readonly ModelLabel[], names: ClassNames): ModelLabel | undefined {
  const said = names[label.name] ?? names[String(label.value)] ?? label.name;
  return data.find(({ name }) => name === said) ?? data.find(({ value }) => String(value) === String(said));
}

/**
 * The model as one that gives the classes of the data, in their order.
 * @param names what the recipe says of classes whose names differ
 * @throws {InputError} E_TEACHER_FIT naming both sides, if a class of either has no counterpart, or independent classes are to be added up
 */
export function withClassesOf(file: ModelFile, data: readonly ModelLabel[], names: ClassNames): ModelFile {
  const { kind, values } = outputClasses(file.info);
  const labels = kind === 'softmax' ? file.info.labels : file.info.labels.filter(({ value }) => value !== 0);
  const wanted = kind === 'softmax' ? data : data.filter(({ value }) => value !== 0);
  const problems: string[] = [];
  const refused = Object.keys(names).filter(
    key => !labels.some(({ value, name }) => [name, String(value)].includes(key)),
  );
  if (refused.length > 0) problems.push(`teacher.classes names ${refused.join(', ')}, which it does not have`);
  const targets = labels.map(label => classOf(label, data, names));
  const strangers = labels.filter((_, index) => targets[index] === undefined);
  if (strangers.length > 0) {
    problems.push(`its ${listed(strangers)} is no class of the data; say in teacher.classes which one, or background`);
  }
  const groups = wanted.map(one => values.flatMap((_, index) => (targets[index] === one ? [index] : [])));
  const lacking = wanted.filter((_, index) => groups[index]!.length === 0);
  if (lacking.length > 0) problems.push(`it has nothing for ${listed(lacking)}`);
  if (kind !== 'softmax' && groups.some(group => group.length > 1)) {
    problems.push(
      'several of its independent classes are one of the data, and probabilities that may overlap do not add up',
    );
  }
  if (kind === 'softmax' && data.some(({ region }) => region !== undefined)) {
    problems.push('its classes exclude each other, those of the data are regions that may overlap');
  }
  if (problems.length > 0) {
    throw new InputError(
      'E_TEACHER_FIT',
      `${file.path} cannot teach here: its classes are ${listed(file.info.labels)}, those of the data ${listed(data)}: ${problems.join('; ')}.`,
    );
  }
  const known = kind === 'softmax' ? data : wanted;
  return {
    ...file,
    groups,
    info: { ...file.info, labels: known },
    metadata: { ...file.metadata, labels: known },
  };
}
