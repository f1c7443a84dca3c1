/** Opens an existing run or sweep from its folder alone, for commands that did not start it. */

import type { Files } from '../runtime/files.ts';
import type { Comparison } from './comparison/comparison.ts';
import { runRecordPath } from './folder.ts';
import type { FoundStudy } from './open-study.ts';
import { readRecord } from './read-run.ts';
import { collectRun } from './run.ts';
import { collectSweep } from './sweep.ts';
import { readSweepRecord, type SweepResults, sweepRecordPath } from './sweep-record.ts';
import { readUnits } from './units/units-file.ts';

/** Results of a run or a sweep. */
export type StudyResults =
  | { readonly kind: 'run'; readonly comparison: Comparison }
  | { readonly kind: 'sweep'; readonly results: SweepResults };

/**
 * Reads all units of a folder that `run` or `sweep` prepared.
 * @throws {InputError} E_WORK_MISSING, E_WORK; E_RUN or E_SWEEP if its record is damaged
 */
export async function readStudy(files: Files, study: string): Promise<FoundStudy<StudyResults>> {
  const list = await readUnits(files, study);
  const places = list.units.map((_, place) => place);
  switch (list.kind) {
    case 'run': {
      const record = runRecordPath(study);
      const known = await readRecord(files, record);
      const collect = async (): Promise<StudyResults> => ({ kind: 'run', comparison: await collectRun(files, study) });
      return { study, list, places, record, known, collect };
    }
    case 'sweep': {
      const record = sweepRecordPath(study);
      const known = await readSweepRecord(files, study);
      const collect = async (): Promise<StudyResults> => ({ kind: 'sweep', results: await collectSweep(files, study) });
      return { study, list, places, record, known, collect };
    }
    default:
      return list.kind satisfies never;
  }
}
