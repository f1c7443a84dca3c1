/** What records of runs and sweeps have in common: how the study ended, and that all of it saw the same data. */
import { z } from 'zod';
import { InputError, VoxstillError } from '../core/errors.ts';
import { listIds } from '../data/splits.ts';
import type { Provenance } from '../experiment/machine.ts';
import type { Files } from '../runtime/files.ts';
import { type JsonForm, readJson, writeJson } from '../runtime/json-file.ts';
import type { StudyKind } from './units/units-file.ts';

/** How far the study came. */
type Status = 'running' | 'done' | 'failed' | 'stopped';

/** What `run.json` and `sweep.json` both say. */
export interface StudyRecord extends Provenance {
  readonly status: Status;
  readonly startedAt: string;
  readonly finishedAt?: string;
  /** SHA-256 of every data file that was read, by path within the data set. */
  readonly dataHashes: Readonly<Record<string, string>>;
  /** By unit and stage, for example `teacher/train` or `fold-1/seed-2/student/evaluate`. */
  readonly timingsSeconds: Readonly<Record<string, number>>;
  /** By unit and stage: the share of a training's time in which the engine waited for a batch. */
  readonly waitingShares: Readonly<Record<string, number>>;
  /** Why it failed. */
  readonly error?: string;
}

/** The reason of an ending, as a record has it. */
export function reasonOf(error: unknown): string {
  return error instanceof VoxstillError ? `${error.code}: ${error.message}` : String(error);
}

/** What a record is to say; undefined takes it out. */
type Changes = { readonly [Key in keyof StudyRecord]?: StudyRecord[Key] | undefined };

/** What is said of a damaged record. */
export const DAMAGED_RECORD = {
  run: {
    code: 'E_RUN',
    advice: 'Put a whole copy of it back, or remove it and start the run again with --resume, which writes it anew.',
  },
  sweep: {
    code: 'E_SWEEP',
    advice: 'Put a whole copy of it back; without one, start the sweep again in another folder with --out.',
  },
} as const satisfies Record<StudyKind, Omit<JsonForm<unknown>, 'schema'>>;

const anyRecord = z.looseObject({});

/**
 * Changes what a record says, and leaves the rest of it.
 * @throws {InputError} E_RUN, E_SWEEP if it is damaged
 */
export async function updateRecord(
  files: Files,
  { path, kind }: { readonly path: string; readonly kind: StudyKind },
  changes: Changes,
): Promise<void> {
  const before = await readJson(files, path, { schema: anyRecord, ...DAMAGED_RECORD[kind] });
  await writeJson(files, path, { ...before, ...changes });
}

/**
 * Checks that data files are those of an earlier start in the same folder, since results would mix.
 * @param before SHA-256 by path
 * @throws {InputError} E_RESUME_DATA with the files
 */
export function assertSameData(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
  folder: string,
): void {
  const changed = Object.keys(now).filter(path => before[path] !== undefined && before[path] !== now[path]);
  if (changed.length === 0) return;
  throw new InputError(
    'E_RESUME_DATA',
    `data have changed since ${folder} was started: ${listIds(changed)}. Restore them, or choose another folder with --out.`,
  );
}
