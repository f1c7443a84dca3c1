/** States of a study's units in the batch system that runs them, and how to cancel them there. */
import { VoxstillError } from '../core/errors.ts';
import { createSlurmClient } from '../platform/node/slurm/client.ts';
import { slurmOutside } from '../platform/node/slurm/slurm-executor.ts';
import type { Files } from '../runtime/files.ts';
import { type ExecutorRecord, type Outside, type OutsideState, readExecutor } from '../study/units/executor.ts';

/** The batch system that runs a study's units. */
function outsideOf({ kind }: ExecutorRecord): Outside | undefined {
  switch (kind) {
    case 'local':
    case 'none':
      return undefined;
    case 'slurm':
      return slurmOutside(createSlurmClient());
    default:
      return kind satisfies never;
  }
}

/**
 * States of a study's units in the batch system; empty if no batch system runs them.
 * @throws {InputError} E_EXECUTOR if the record of the executor is damaged, E_SLURM_MISSING, {WorkError} E_SLURM if it
 * cannot be asked from here,
 *   or does not answer
 */
export async function lookOutside(files: Files, study: string): Promise<ReadonlyMap<number, OutsideState>> {
  const record = await readExecutor(files, study);
  return (await outsideOf(record)?.look(record)) ?? new Map();
}

/** Prints each message once, for repeated looks. */
export function tellOnce(warn: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return message => {
    if (!told.has(message)) warn(message);
    told.add(message);
  };
}

/**
 * As {@link lookOutside}, for optional use: a failure is only printed.
 * @throws {InputError} E_EXECUTOR
 */
export async function lookOutsideIfAny(
  files: Files,
  study: string,
  warn: (message: string) => void,
): Promise<ReadonlyMap<number, OutsideState>> {
  const record = await readExecutor(files, study);
  try {
    return (await outsideOf(record)?.look(record)) ?? new Map();
  } catch (error) {
    if (!(error instanceof VoxstillError)) throw error;
    warn(`only the files of ${study} are looked at. ${error.code}: ${error.message}`);
    return new Map();
  }
}

/** Cancels the jobs of a study in the batch system. */
export async function cancelOutside(files: Files, study: string): Promise<void> {
  const record = await readExecutor(files, study);
  await outsideOf(record)?.cancel(record);
}
