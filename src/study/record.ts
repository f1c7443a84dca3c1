/** Common parts of the records of runs and sweeps: the status, and the check that all units use the same data. */

import { z } from 'zod';
import { InputError, VoxstillError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import type { Provenance } from '../experiment/machine.ts';
import type { Files } from '../runtime/files.ts';
import { type JsonForm, readSealedJson, writeSealedJson } from '../runtime/json-file.ts';
import type { TrainedSteps } from './trained-steps.ts';

/** Kinds of a study. */
export const STUDY_KINDS = ['run', 'sweep'] as const;
export type StudyKind = (typeof STUDY_KINDS)[number];

/** Status of the study. */
type Status = 'running' | 'done' | 'failed' | 'stopped';

/** Common fields of `run.json` and `sweep.json`. */
export interface StudyRecord extends Provenance {
  readonly status: Status;
  readonly startedAt: string;
  readonly finishedAt?: string;
  /** SHA-256 of every data file that was read, by path within the data set. */
  readonly dataHashes: Readonly<Record<string, string>>;
  /**
   * SHA-256 of the other files that results depend on: dataset.json, weights and annotations that the recipe names, and
   * the models of finished teachers as they were read; absent in studies of earlier versions.
   */
  readonly settingHashes?: Readonly<Record<string, string>>;
  /** SHA-256 of recipe, splits and groups in the study's own folder, by name; absent in studies of earlier versions. */
  readonly files?: Readonly<Record<string, string>>;
  /** Seconds by unit and stage, for example `teacher/train` or `fold-1/seed-2/student/evaluate`. */
  readonly timingsSeconds: Readonly<Record<string, number>>;
  /** Fraction of a training's time in which the engine waited for a batch, by unit and stage. */
  readonly waitingShares: Readonly<Record<string, number>>;
  /** Steps of the trainings that are finished, by label of the unit; absent in studies of earlier versions. */
  readonly trainedSteps?: Readonly<Record<string, TrainedSteps>>;
  /** What was found that should not be passed over; absent in studies of earlier versions. */
  readonly warnings?: readonly RecordedWarning[];
  /** Error that ended it. */
  readonly error?: string;
}

/** A warning as a record has it, maybe one of another version. */
interface RecordedWarning {
  readonly code: string;
  readonly message: string;
}

/** The warnings of earlier starts and of this one, each once. */
export function mergedWarnings(
  earlier: readonly RecordedWarning[],
  now: ReadonlyMap<string, RecordedWarning>,
): readonly RecordedWarning[] {
  return [...earlier.filter(({ message }) => !now.has(message)), ...now.values()];
}

/** The error of an ending as a record stores it. */
export function reasonOf(error: unknown): string {
  return error instanceof VoxstillError ? `${error.code}: ${error.message}` : String(error);
}

/** Changes of a record; undefined removes a field. */
type Changes = { readonly [Key in keyof StudyRecord]?: StudyRecord[Key] | undefined };

/** Error for a damaged record. */
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

const anyRecord = z.looseObject({
  warnings: z.array(z.looseObject({ code: z.string(), message: z.string() })).optional(),
});

const withFiles = z.looseObject({ files: z.record(z.string(), z.string()).default({}) });

/**
 * The hashes of recipe, splits and groups in a study's own folder; none where it has no record.
 * @throws {InputError} E_RUN, E_SWEEP if the record is damaged
 */
export async function readOwnFiles(
  files: Files,
  { path, kind }: { readonly path: string; readonly kind: StudyKind },
): Promise<Readonly<Record<string, string>>> {
  if (!(await files.exists(path))) return {};
  return (await readSealedJson(files, path, { schema: withFiles, ...DAMAGED_RECORD[kind] })).files;
}

/** Warnings that are found anew in the units whenever their results are collected. */
const OF_UNITS: readonly string[] = ['W_STEPS_DIFFER', 'W_QUANTISE'];

/**
 * Changes some fields of a record and keeps the others. Warnings are added to those that are there, in place of earlier
 * ones that units give.
 * @throws {InputError} E_RUN, E_SWEEP if it is damaged
 */
export async function updateRecord(
  files: Files,
  { path, kind }: { readonly path: string; readonly kind: StudyKind },
  changes: Changes,
): Promise<void> {
  const before = await readSealedJson(files, path, { schema: anyRecord, ...DAMAGED_RECORD[kind] });
  const { warnings: found, ...fields } = changes;
  const kept = (before.warnings ?? []).filter(({ code }) => !OF_UNITS.includes(code));
  const warnings = found && { warnings: [...kept, ...found] };
  await writeSealedJson(files, path, { ...before, ...fields, ...warnings });
}

/** Hashes of what a study read, from its record. */
export type RecordedHashes = Pick<StudyRecord, 'dataHashes' | 'settingHashes'>;

/**
 * Checks that data files are unchanged since an earlier start in the same folder, since results would otherwise mix.
 * @param before SHA-256 by path
 * @throws {InputError} E_RESUME_DATA naming the files
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
    `data have changed since ${folder} was started: ${listSome(changed)}. Restore them, or choose another folder with --out.`,
  );
}
