/** Writes the report of a run or a sweep, and builds the outcome of a command for it. */
import type { StudyResults } from '../study/read-study.ts';
import { type ReportSources, reportRun } from './run-text.ts';
import type { Outcome } from './session.ts';
import { reportSweep } from './sweep-text.ts';

/** Writes the report of the finished units. */
export function reportStudy(sources: ReportSources, study: string, found: StudyResults): Promise<Outcome> {
  switch (found.kind) {
    case 'run':
      return reportRun(sources, study);
    case 'sweep':
      return reportSweep(sources.files, study, found.results);
    default:
      return found satisfies never;
  }
}
