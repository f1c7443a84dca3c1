/** A run or sweep that is there, from its folder alone: for those who did not begin it. */
import type { Laboratory } from './laboratory.ts';
import { readRecord } from './read-run.ts';
import type { Comparison } from './record.ts';
import { collectRun } from './run.ts';
import { collectSweep } from './sweep.ts';
import { readSweepRecord, type SweepResults, sweepRecordPath } from './sweep-record.ts';
import type { OpenWork } from './work/open-work.ts';
import { openBench } from './work/run-unit.ts';
import { readUnits } from './work/units-file.ts';

/** What a run or a sweep found. */
export type WorkResults =
  | { readonly kind: 'run'; readonly comparison: Comparison }
  | { readonly kind: 'sweep'; readonly results: SweepResults };

/**
 * Opens a folder that `run` or `sweep` made ready; all of its units are its places.
 * @throws {InputError} E_WORK_MISSING, E_WORK; E_RUN or E_SWEEP if its record is damaged
 */
export async function reopenWork(
  laboratory: Laboratory,
  work: string,
  signal?: AbortSignal,
): Promise<OpenWork<WorkResults>> {
  const { files } = laboratory;
  const list = await readUnits(files, work);
  const { kind } = list;
  const record = kind === 'run' ? `${work}/run.json` : sweepRecordPath(work);
  const read = kind === 'run' ? await readRecord(files, record) : await readSweepRecord(files, work);
  return {
    work,
    list,
    places: list.units.map((_, place) => place),
    record,
    bench: openBench(laboratory, { work, kind, known: read?.dataHashes, signal }),
    collect: async () =>
      kind === 'run'
        ? { kind, comparison: await collectRun(files, work) }
        : { kind, results: await collectSweep(files, work) },
  };
}
