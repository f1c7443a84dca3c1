/**
 * Leaves out the models of a teacher that have seen test cases of the student, as the folds of a cross-validation have
 * seen each other's. A model's file says by hashes which images it was trained on, chosen by, or taught with.
 */
import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import type { ModelFile } from '../experiment/model-file.ts';
import type { PreparedData } from '../experiment/prepare.ts';
import { allSeen, witnessOf } from '../experiment/seen-cases.ts';
import type { TeacherEntry } from '../recipe/schema/teacher.ts';

/** The test cases of the student, with the hashes of all images by case. */
export type TestedCases = Partial<Pick<PreparedData, 'images' | 'test'>>;

/** The test cases that a model has seen; undefined where its file does not say. */
function seenBy(file: ModelFile, { images, test = [] }: TestedCases): readonly string[] | undefined {
  const witness = witnessOf(file);
  if (witness.images === undefined || images === undefined) return undefined;
  const hashes = new Set(allSeen([witness]));
  return test.flatMap(({ id }) => (hashes.has(images.get(id) ?? '') ? [id] : []));
}

/** A model of a teacher. */
interface Member {
  readonly file: ModelFile;
}

/**
 * The members of a teacher that have seen no test case, where `seenTestCases` is leave-out; all of them otherwise. One
 * whose file does not say what it has seen stays, with a note.
 * @throws {InputError} E_TEACHER_SEEN if no member is left
 */
export function unseenMembers<T extends Member>(
  members: readonly T[],
  { seenTestCases, key }: Pick<TeacherEntry, 'seenTestCases' | 'key'>,
  tested: TestedCases,
): { readonly members: readonly T[]; readonly notes: readonly string[] } {
  if (seenTestCases === 'warn') return { members, notes: [] };
  const looked = members.map(member => ({ member, seen: seenBy(member.file, tested) }));
  const left = looked.filter(({ seen = [] }) => seen.length === 0);
  const told = ({ member, seen = [] }: (typeof looked)[number]): string =>
    `${member.file.path} has seen ${seen.length} of the ${tested.test?.length ?? 0} test cases (${listSome(seen)})`;
  if (left.length === 0) {
    throw new InputError(
      'E_TEACHER_SEEN',
      `${key}.seenTestCases is leave-out, but then no model is left: ${listSome(looked.map(told), '; ')}. Set it to warn, or test cases that some model has not seen.`,
    );
  }
  const out = looked.filter(one => !left.includes(one));
  const silent = left.filter(({ seen }) => seen === undefined);
  return {
    members: left.map(({ member }) => member),
    notes: [
      ...out.map(one => `${told(one)} and does not teach`),
      ...silent.map(({ member }) => `${member.file.path} does not say which cases it has seen, so it teaches`),
    ],
  };
}
