/** Writes report.html from the files of runs, and builds the outcome of a command for a finished run. */

import type { VolumeSources } from '../data/volume-file.ts';
import type { Machine } from '../experiment/machine.ts';
import type { ReportInput } from '../report/report.ts';
import { reportInput } from '../report/report-input.ts';
import { lastName } from '../report/run-facts.ts';
import type { Comparison } from '../study/comparison/comparison.ts';
import { failedNotes } from '../study/comparison/failed-cases.ts';
import { incompleteNotes } from '../study/comparison/incomplete.ts';
import { type ReadArms, readArms } from '../study/read-run.ts';
import { comparisonText } from './comparison-text.ts';
import { writeRunDocuments } from './run-documents.ts';
import type { Outcome } from './session.ts';
import { unitStates } from './unit-states.ts';

/** What a report of a run needs: volumes, and hashes for its bill of materials. */
export interface ReportSources extends VolumeSources {
  readonly machine: Pick<Machine, 'sha256'>;
}

/** A report that has been written, and what it is made of. */
interface WrittenReport {
  readonly read: ReadArms;
  readonly input: ReportInput;
  readonly json: { readonly report: string; readonly comparison: Comparison };
  readonly lines: readonly string[];
}

async function renderInto(
  sources: VolumeSources,
  paths: readonly string[],
  { out, margin }: { readonly out: string; readonly margin?: number | undefined },
): Promise<WrittenReport> {
  // the chart library takes longer to load than most commands run
  const { renderReport } = await import('../report/report.ts');
  const { files } = sources;
  const read = await readArms(files, paths);
  const input = await reportInput(sources, paths.map(lastName).join(', '), read, { margin, unitStates });
  await files.write(out, renderReport(input));
  const incomplete = read.runs.flatMap(run => incompleteNotes(run.incomplete));
  const failed = failedNotes(input.comparison.failed ?? {});
  const lines = [comparisonText(input.comparison), ...incomplete, ...failed, `report: ${out}`];
  return { read, input, json: { report: out, comparison: input.comparison }, lines };
}

/**
 * Writes a report on runs and evaluations.
 * @param paths folders of runs, or evaluation files
 * @param out path of the report
 * @param margin by which students are judged against their teachers, in place of that of their recipes
 */
export async function writeReport(
  sources: VolumeSources,
  paths: readonly string[],
  out: string,
  margin?: number,
): Promise<Outcome> {
  const { json, lines } = await renderInto(sources, paths, { out, margin });
  return { json, text: lines.join('\n') };
}

/** The report of a run that has just finished, its further documents, and the outcome. */
export async function reportRun(sources: ReportSources, folder: string): Promise<Outcome> {
  const { read, input, json, lines } = await renderInto(sources, [folder], { out: `${folder}/report.html` });
  const documents = await writeRunDocuments(sources, read.runs[0]!, input);
  return { json: { run: folder, ...json, documents }, text: [...lines, `also: ${documents.join(', ')}`].join('\n') };
}
