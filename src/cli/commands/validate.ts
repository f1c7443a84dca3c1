/** `voxstill validate DATASET`: lists every problem in a data set; exit code 1 if there is one. */

import type { Finding } from '../../data/finding.ts';
import { type ValidationReport, validateDataset } from '../../data/validation.ts';
import { createNodeSources } from '../../platform/node/laboratory.ts';
import { sha256 } from '../../platform/node/provenance.ts';
import type { CommandSession, Outcome } from '../session.ts';

function findingText({ code, message, advice }: Finding): string {
  return `${code}: ${message}.\n  ${advice}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function reportText({ folder, cases, labelledCases, channels, labels, problems, warnings }: ValidationReport): string {
  return [
    ...problems.map(findingText),
    ...warnings.map(findingText),
    `${folder}: ${counted(cases, 'case')}, ${labelledCases} with a label; channels ${channels.join(', ')}; labels ${labels.join(', ')}`,
    `${counted(problems.length, 'problem')}, ${counted(warnings.length, 'warning')}`,
  ].join('\n');
}

/** Checks the data set. */
export async function validate(folder: string, { progress, signal }: CommandSession): Promise<Outcome> {
  const report = await validateDataset(createNodeSources(), folder, { sha256, progress, signal });
  return { json: report, text: reportText(report), exitCode: report.problems.length === 0 ? 0 : 1 };
}
