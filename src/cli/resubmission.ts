/** Resubmits units that a batch system lost, in a few rounds at most; a retry by the user restarts the count. */
import { slurmExecutor } from '../platform/node/slurm/slurm-executor.ts';
import type { Files } from '../runtime/files.ts';
import { type ExecutorRecord, readExecutor, type StudyToDo, writeExecutor } from '../study/units/executor.ts';
import { MOST_ATTEMPTS } from '../study/units/schedule.ts';
import { slurmOptions } from './choose-executor.ts';

/**
 * Resubmits lost units to the batch system, a few times at most; each round has a job that collects.
 * @returns text on what was submitted; undefined if nothing was
 */
export async function submitAgain(files: Files, todo: StudyToDo): Promise<string | undefined> {
  const record = await readExecutor(files, todo.study);
  const rounds = record.jobs.filter(({ role }) => role === 'collect').length;
  if (record.kind !== 'slurm' || todo.places.length === 0 || rounds >= MOST_ATTEMPTS) return undefined;
  const started = await slurmExecutor(slurmOptions(files, record)).start(todo);
  return started.status === 'submitted' ? started.text : undefined;
}

/** Restarts the count of rounds, because the user requests one. */
export async function forgetRounds(files: Files, study: string): Promise<ExecutorRecord> {
  const record = await readExecutor(files, study);
  const fresh = { ...record, jobs: record.jobs.filter(({ role }) => role === 'units') };
  if (fresh.jobs.length < record.jobs.length) await writeExecutor(files, study, fresh);
  return fresh;
}
