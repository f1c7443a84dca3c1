/**
 * The outcome of a unit: `UNIT/work/outcome.json`. A unit has *failed* if it reported an error; only a person reruns
 * it. A unit whose process disappeared has no outcome and may be restarted automatically.
 */
import { z } from 'zod';
import { VoxstillError } from '../../core/errors.ts';
import { DEVICE_KINDS } from '../../runtime/device.ts';
import type { Files } from '../../runtime/files.ts';
import { type JsonForm, readSealedJson, writeSealedJson } from '../../runtime/json-file.ts';
import { trainedStepsSchema } from '../trained-steps.ts';
import { workFolder } from './claim.ts';

const outcomeSchema = z.object({
  status: z.enum(['done', 'failed']),
  attempt: z.int(),
  node: z.string(),
  finishedAt: z.string(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  /** Seconds by stage, of all attempts. */
  timingsSeconds: z.record(z.string(), z.number()),
  /** Fraction of a training's time in which the engine waited for a batch, by stage. */
  waitingShares: z.record(z.string(), z.number()),
  /** SHA-256 of every result when the unit was finished, by path within its folder. */
  files: z.record(z.string(), z.string()).optional(),
  /** Steps of its training; absent for finished models from elsewhere, and in outcomes of earlier versions. */
  training: trainedStepsSchema.optional(),
  /** What should be known of its results; absent where there is nothing, and in outcomes of earlier versions. */
  warnings: z.array(z.object({ code: z.string(), message: z.string() })).optional(),
  /** Number of threads that the engine used per operator. */
  threads: z.int(),
  /** What computed its last attempt; absent in outcomes of earlier versions, which knew the processor alone. */
  device: z.enum(DEVICE_KINDS).optional(),
  versions: z.record(z.string(), z.string()),
  host: z.object({ system: z.string(), cpu: z.string(), cores: z.number(), memoryBytes: z.number() }),
});

/** `outcome.json` */
export type UnitOutcome = z.output<typeof outcomeSchema>;

const outcomeFile: JsonForm<UnitOutcome> = {
  schema: outcomeSchema,
  code: 'E_WORK',
  advice: 'Remove it; the unit is then checked again.',
};

/** Name of the file in the `work` folder of a unit. */
export const OUTCOME_FILE = 'outcome.json';

function outcomePath(unit: string): string {
  return `${workFolder(unit)}/${OUTCOME_FILE}`;
}

/**
 * Reads the outcome of a unit.
 * @returns undefined if it has not ended
 * @throws {InputError} E_WORK if the file is damaged
 */
export async function readOutcome(files: Files, unit: string): Promise<UnitOutcome | undefined> {
  const path = outcomePath(unit);
  if (!(await files.exists(path))) return undefined;
  return readSealedJson(files, path, outcomeFile);
}

/** Writes the outcome of a unit. */
export async function writeOutcome(files: Files, unit: string, outcome: UnitOutcome): Promise<void> {
  await writeSealedJson(files, outcomePath(unit), outcome);
}

/** Removes the outcome of a unit, so that it runs again. */
export async function forgetOutcome(files: Files, unit: string): Promise<void> {
  await files.remove(outcomePath(unit));
}

/** Removes the outcome of a failed unit, so that it may start again. */
export async function forgetFailure(files: Files, unit: string): Promise<void> {
  if ((await readOutcome(files, unit))?.status === 'failed') await forgetOutcome(files, unit);
}

/** An error as an outcome stores it. */
export function recordedError(error: unknown): NonNullable<UnitOutcome['error']> {
  if (error instanceof VoxstillError) return { code: error.code, message: error.message };
  return { code: 'E_INTERNAL', message: error instanceof Error ? error.message : String(error) };
}
