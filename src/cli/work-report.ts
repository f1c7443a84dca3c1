/** The report of a run or a sweep, and the outcome that a command gives for it. */
import type { VolumeSources } from '../data/volume-file.ts';
import type { WorkResults } from '../study/read-study.ts';
import { reportRun } from './run-report.ts';
import type { Outcome } from './session.ts';
import { reportSweep } from './sweep-report.ts';

/** Writes the report of what is finished. */
export function reportWork(sources: VolumeSources, work: string, found: WorkResults): Promise<Outcome> {
  switch (found.kind) {
    case 'run':
      return reportRun(sources, work);
    case 'sweep':
      return reportSweep(sources.files, work, found.results);
    default:
      return found satisfies never;
  }
}
