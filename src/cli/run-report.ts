/** From what runs left behind to report.html, and the outcome that a command gives for a finished run. */
import { compareArms } from '../experiment/compare.ts';
import { type ReadArms, type ReadRun, readArms } from '../experiment/read-run.ts';
import { runFolder } from '../experiment/run-folder.ts';
import { formatBytes } from '../report/format.ts';
import { type ReportInput, renderReport } from '../report/report.ts';
import type { Files } from '../runtime/files.ts';
import { comparisonText } from './comparison-text.ts';
import type { Outcome } from './session.ts';

function provenanceOf({ record, folder }: ReadRun): Record<string, string> {
  if (record === undefined) return { run: folder };
  const { host, versions, seeds, startedAt, status } = record;
  return {
    run: folder,
    started: startedAt,
    status,
    seeds: seeds.join(', '),
    ...versions,
    host: `${host.cpu}, ${host.cores} cores, ${formatBytes(host.memoryBytes)}, ${host.system}`,
  };
}

/** What a report on these arms shows. Recipe, provenance and learning curves are there where they are of one run. */
function reportInput(title: string, { arms, runs }: ReadArms): ReportInput {
  const [run] = runs.length === 1 ? runs : [];
  const first = arms.flatMap(({ name, seeds }) =>
    seeds.slice(0, 1).map(({ evaluation }) => [name, evaluation] as const),
  );
  return {
    title,
    recipe: run?.recipe ?? '',
    provenance: run === undefined ? {} : provenanceOf(run),
    comparison: compareArms(arms),
    evaluations: Object.fromEntries(first),
    histories: run?.histories ?? {},
    montage: [],
    notes: [],
  };
}

/**
 * Writes a report on runs and evaluations.
 * @param sources folders of runs, or evaluation files
 * @param path of the report
 */
export async function writeReport(files: Files, sources: readonly string[], path: string): Promise<Outcome> {
  const input = reportInput(sources.join(', '), await readArms(files, sources));
  await files.write(path, renderReport(input));
  const json = { report: path, comparison: input.comparison };
  return { json, text: `${comparisonText(input.comparison)}\nreport: ${path}` };
}

/** The report and outcome of a run that has just finished. */
export async function reportRun(files: Files, folder: string): Promise<Outcome> {
  const { json, text } = await writeReport(files, [folder], runFolder(folder, []).report);
  return { json: { run: folder, ...json }, text };
}
