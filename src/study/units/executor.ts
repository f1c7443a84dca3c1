/**
 * Who starts the units of a run or sweep: this process, a pool of processes on this machine, or a batch system. Whoever it is starts the same work,
 * {@link performUnit}, so results do not depend on it.
 */
import { z } from 'zod';
import type { Files } from '../../runtime/files.ts';
import { type JsonForm, readJson, writeJson } from '../../runtime/json-file.ts';
import type { UnitEnd } from './end.ts';
import type { Units } from './units-file.ts';

/** Units to be done. */
export interface StudyToDo {
  /** Folder of the run or sweep; `voxstill unit FOLDER PLACE` does one of its units. */
  readonly study: string;
  readonly list: Units;
  /** Which of the list; not necessarily all. */
  readonly places: readonly number[];
  /** Called whenever one of them has ended, where they are done by this process or those that it started. */
  readonly onEnd?: () => Promise<void>;
}

/** The units have come to an end, or somebody else sees to them from now on. */
type Started =
  | { readonly status: 'ended'; readonly ends: ReadonlyMap<number, UnitEnd> }
  | {
      readonly status: 'submitted';
      /** What was submitted and how to watch it, for people. */
      readonly text: string;
    };

export interface Executor {
  /**
   * Starts units, a student after its teacher.
   * @throws the reason of an interruption
   */
  start(todo: StudyToDo): Promise<Started>;
}

/** What a batch system says of a unit that has not ended. */
export interface OutsideState {
  readonly state: 'queued' | 'running';
  /** The batch system's name of it. */
  readonly job: string;
  readonly node: string | null;
  /** Why it is queued, as the batch system says it. */
  readonly reason: string | null;
}

/** A batch system, for those who did not start the units. */
export interface Outside {
  /** By place; a unit that is not there is neither queued nor running. Throws where the batch system cannot be asked. */
  look(record: ExecutorRecord): Promise<ReadonlyMap<number, OutsideState>>;
  /** Takes back what is queued or running. */
  cancel(record: ExecutorRecord): Promise<void>;
}

const executorSchema = z.object({
  kind: z.enum(['local', 'slurm', 'none']),
  /** Units at once; null where the batch system decides. */
  concurrency: z.int().min(1).nullable(),
  /** Further words for sbatch. */
  sbatch: z.string().nullable(),
  jobs: z.array(
    z.object({
      id: z.string(),
      role: z.enum(['units', 'collect']),
      /** Task number k of the job's array does unit `firstUnit + k`. */
      firstUnit: z.int(),
    }),
  ),
});

/** `executor.json`: who started the units last, so that `status`, `cancel` and `retry` know whom to ask. */
export type ExecutorRecord = z.output<typeof executorSchema>;

export type ExecutorKind = ExecutorRecord['kind'];

const executorFile: JsonForm<ExecutorRecord> = {
  schema: executorSchema,
  code: 'E_EXECUTOR',
  advice:
    'Put a whole copy of it back, or remove it: its units then count as started on this machine. Jobs of theirs that a batch system still has ' +
    'must be cancelled there, for example with scancel.',
};

/** Where nothing is recorded: this process, one unit after another. */
const DEFAULT_EXECUTOR: ExecutorRecord = { kind: 'local', concurrency: 1, sbatch: null, jobs: [] };

function executorPath(study: string): string {
  return `${study}/executor.json`;
}

/**
 * Reads who started the units of a study's folder last.
 * @throws {InputError} E_EXECUTOR if the file is damaged
 */
export async function readExecutor(files: Files, study: string): Promise<ExecutorRecord> {
  const path = executorPath(study);
  if (!(await files.exists(path))) return DEFAULT_EXECUTOR;
  return readJson(files, path, executorFile);
}

/** Records who starts the units of a study's folder. */
export async function writeExecutor(files: Files, study: string, record: ExecutorRecord): Promise<void> {
  await writeJson(files, executorPath(study), record);
}
