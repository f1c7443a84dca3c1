/** Units that a batch system lost are submitted again, a few rounds at most; a person may have the rounds counted anew. */
import { slurmExecutor } from '../platform/node/slurm/slurm-executor.ts';
import type { Files } from '../runtime/files.ts';
import { type ExecutorRecord, readExecutor, type StudyToDo, writeExecutor } from '../study/units/executor.ts';
import { MOST_ATTEMPTS } from '../study/units/schedule.ts';
import { slurmOptions } from './choose-executor.ts';

/**
 * Asks the batch system again to do units that it lost, a few times at most: each round has a job that collects.
 * @returns what was submitted, for people; undefined where nothing was
 */
export async function submitAgain(files: Files, todo: StudyToDo): Promise<string | undefined> {
  const record = await readExecutor(files, todo.study);
  const rounds = record.jobs.filter(({ role }) => role === 'collect').length;
  if (record.kind !== 'slurm' || todo.places.length === 0 || rounds >= MOST_ATTEMPTS) return undefined;
  const started = await slurmExecutor(slurmOptions(files, record)).start(todo);
  return started.status === 'submitted' ? started.text : undefined;
}

/** Counts rounds of submission anew, because a person asks for one. */
export async function forgetRounds(files: Files, study: string): Promise<ExecutorRecord> {
  const record = await readExecutor(files, study);
  const fresh = { ...record, jobs: record.jobs.filter(({ role }) => role === 'units') };
  if (fresh.jobs.length < record.jobs.length) await writeExecutor(files, study, fresh);
  return fresh;
}
