/** The groups of cases of a run, as it began, with their scores. */
import { parseCaseGroups } from '../data/case-groups.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';
import type { Comparison } from './comparison/comparison.ts';
import { scoreGroups } from './comparison/group-scores.ts';
import type { ArmEvaluations } from './comparison/score-tables.ts';
import type { RunFolder } from './folder.ts';

/**
 * Scores the groups of a run.
 * @returns nothing to add to the comparison where the run has no groups
 * @throws {InputError} E_GROUPS if its file was changed into something else
 */
export async function readGroups(
  files: Files,
  { groups: path }: Pick<RunFolder, 'groups'>,
  arms: readonly ArmEvaluations[],
): Promise<Pick<Comparison, 'groups'>> {
  if (!(await files.exists(path))) return {};
  // its cases were held against those of the data set when the run began
  return { groups: scoreGroups(arms, parseCaseGroups(await readText(files, path), { path })) };
}
