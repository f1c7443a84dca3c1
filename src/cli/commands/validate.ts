/** `voxstill validate DATASET`: lists every problem in a data set; exit code 1 if there is one. */

import type { Finding } from '../../data/finding.ts';
import { type ValidationReport, validateDataset } from '../../data/validation.ts';
import { rulesToCheck } from '../../experiment/found-maps.ts';
import { createNodeSources } from '../../platform/node/laboratory.ts';
import { sha256 } from '../../platform/node/provenance.ts';
import { foldsOf } from '../../study/folds.ts';
import { isRecipePath, loadRecipe } from '../recipe.ts';
import type { CommandSession, Outcome } from '../session.ts';

function findingText({ code, message, advice }: Finding): string {
  return `${code}: ${message}.\n  ${advice}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function reportText(report: ValidationReport): string {
  const { folder, cases, labelledCases, labelMaps, channels, labels, problems, warnings } = report;
  const maps = labelMaps === 0 ? '' : `, ${labelMaps} of them a label map alone`;
  return [
    ...problems.map(findingText),
    ...warnings.map(findingText),
    `${folder}: ${counted(cases, 'case')}, ${labelledCases} with a label${maps}; channels ${channels.join(', ')}; labels ${labels.join(', ')}`,
    `${counted(problems.length, 'problem')}, ${counted(warnings.length, 'warning')}`,
  ].join('\n');
}

/** Checks the data set of a folder, or that of a recipe by the rules of the recipe, with its splits. */
export async function validate(source: string, { progress, signal }: CommandSession): Promise<Outcome> {
  const sources = createNodeSources();
  const recipe = isRecipePath(source) ? await loadRecipe(source, []) : undefined;
  const folder = recipe?.data.dataset ?? source;
  const synthesize = recipe ? recipe.data.synthesize : await rulesToCheck(sources.files, folder);
  const report = await validateDataset(sources, folder, { sha256, synthesize, progress, signal });
  if (recipe && report.problems.length === 0) await foldsOf(sources.files, recipe);
  return { json: report, text: reportText(report), exitCode: report.problems.length === 0 ? 0 : 1 };
}
