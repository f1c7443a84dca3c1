/** The cases of a data set that an experiment uses, and what for. */
import { InputError } from '../core/errors.ts';
import type { CaseFiles } from '../data/case-list.ts';
import { type Dataset, isLabelled } from '../data/dataset.ts';
import type { Splits } from '../data/splits.ts';
import { isMapAlone, paintedSplits } from '../data/synthesis/painted-cases.ts';
import { isFinished } from '../recipe/schema/teacher.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Laboratory } from './laboratory.ts';
import { readSplits } from './splits.ts';

/** The cases that an experiment uses, by purpose. */
export interface UsedCases {
  readonly splits: Splits;
  /** Unlabelled cases. */
  readonly transfer: readonly string[];
  /** Files by case id; unlabelled cases are without their labels. */
  readonly byId: ReadonlyMap<string, CaseFiles>;
}

/** Whether an arm learns from labels: all do, but a student that has a finished teacher and no labelled patches. */
export function needsLabels({ student, teacher }: Recipe): boolean {
  return student.train.batch > 0 || !isFinished(teacher);
}

/**
 * Divides the cases of a data set as the recipe asks.
 * @param recipe of one fold
 * @throws {InputError} E_NO_CASES without a labelled training case or an unlabelled one where the recipe needs some; as
 * readSplits
 */
export async function chooseCases({ files }: Laboratory, recipe: Recipe, dataset: Dataset): Promise<UsedCases> {
  const asked = await readSplits(files, recipe, dataset);
  if (asked.train.length === 0 && needsLabels(recipe)) {
    const advice = dataset.cases.some(isLabelled)
      ? 'Increase data.splits.train.'
      : 'None of its cases has a label: a student can learn from a finished teacher alone with student.train.batch: 0, distill.unlabelled.batch: 2 and baseline: false.';
    throw new InputError('E_NO_CASES', `the splits leave no training case in ${dataset.folder}. ${advice}`);
  }
  const byId = new Map(dataset.cases.map(item => [item.id, item]));
  const { splits, painted } = paintedSplits(asked, dataset);
  for (const one of painted) byId.set(one.id, one);
  const usesUnlabelled = recipe.distill.unlabelled.batch > 0;
  const transfer = usesUnlabelled ? splits.unlabelled : [];
  if (usesUnlabelled && transfer.length === 0) {
    throw new InputError(
      'E_NO_CASES',
      `distill.unlabelled asks for unlabelled cases, but ${dataset.folder} has none. Set data.splits.labelled to set labels aside, or ` +
        'distill.unlabelled.batch to 0.',
    );
  }
  for (const id of transfer) {
    const item = byId.get(id) as CaseFiles;
    // of a label map without its values nothing is left that could be painted
    byId.set(id, isMapAlone(item) ? item : { id, images: item.images });
  }
  return { splits, transfer, byId };
}
