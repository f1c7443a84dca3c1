/**
 * An executor starts the units of a run or sweep: this process, a pool of processes on this machine, or a batch system.
 * Every executor calls {@link performUnit}, so results do not depend on the executor.
 */
import { z } from 'zod';
import { DEVICES } from '../../runtime/device.ts';
import type { Files } from '../../runtime/files.ts';
import { type JsonForm, readSealedJson, writeSealedJson } from '../../runtime/json-file.ts';
import type { UnitEnd } from './end.ts';
import type { Units } from './units-file.ts';

/** Units to run. */
export interface StudyToDo {
  /** Folder of the run or sweep; `voxstill unit FOLDER INDEX` runs one of its units. */
  readonly study: string;
  readonly list: Units;
  /** Indices of the units to run; not necessarily all. */
  readonly places: readonly number[];
  /** Called whenever one of them has ended, if this process or its children run them. */
  readonly onEnd?: () => Promise<void>;
}

/** Result of an executor: the units have ended, or a batch system runs them. */
type Started =
  | { readonly status: 'ended'; readonly ends: ReadonlyMap<number, UnitEnd> }
  | {
      readonly status: 'submitted';
      /** Text on what was submitted and how to watch it. */
      readonly text: string;
    };

export interface Executor {
  /**
   * Starts units, a student after its teacher.
   * @throws the reason of an interruption
   */
  start(todo: StudyToDo): Promise<Started>;
}

/** State of an unfinished unit in the batch system. */
export interface OutsideState {
  readonly state: 'queued' | 'running';
  /** Job id of the batch system. */
  readonly job: string;
  readonly node: string | null;
  /** Reason of the batch system why it is queued. */
  readonly reason: string | null;
}

/** A batch system, as seen by commands that did not start the units. */
export interface Outside {
  /** States by index; a unit without one is neither queued nor running. Throws if the batch system cannot be asked. */
  look(record: ExecutorRecord): Promise<ReadonlyMap<number, OutsideState>>;
  /** Cancels jobs that are queued or running. */
  cancel(record: ExecutorRecord): Promise<void>;
}

const executorSchema = z.object({
  kind: z.enum(['local', 'slurm', 'none']),
  /** Number of units at once; null if the batch system decides. */
  concurrency: z.int().min(1).nullable(),
  /** Additional options for sbatch. */
  sbatch: z.string().nullable(),
  /** What computes the units; absent in records of earlier versions, then what the recipe of each says. */
  device: z.enum(DEVICES).optional(),
  jobs: z.array(
    z.object({
      id: z.string(),
      role: z.enum(['units', 'collect']),
      /** Task k of the job's array runs unit `firstUnit + k`. */
      firstUnit: z.int(),
    }),
  ),
});

/** `executor.json`: who started the units last, so that `status`, `cancel` and `retry` ask the right system. */
export type ExecutorRecord = z.output<typeof executorSchema>;

export type ExecutorKind = ExecutorRecord['kind'];

const executorFile: JsonForm<ExecutorRecord> = {
  schema: executorSchema,
  code: 'E_EXECUTOR',
  advice:
    'Put a whole copy of it back, or remove it: its units then count as started on this machine. Jobs of theirs that a batch system still has ' +
    'must be cancelled there, for example with scancel.',
};

/** The executor if none is recorded: this process, one unit after another. */
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
  return readSealedJson(files, path, executorFile);
}

/** Records who starts the units of a study's folder. */
export async function writeExecutor(files: Files, study: string, record: ExecutorRecord): Promise<void> {
  await writeSealedJson(files, executorPath(study), record);
}
