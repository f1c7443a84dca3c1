/** Chooses the executor from the flags or from the record of a study. */
import { InputError } from '../core/errors.ts';
import { ownProgram } from '../platform/node/own-program.ts';
import { processPool } from '../platform/node/process-pool.ts';
import { createSlurmClient } from '../platform/node/slurm/client.ts';
import { type SlurmOptions, slurmExecutor, slurmScripts } from '../platform/node/slurm/slurm-executor.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { DeviceChoice } from '../runtime/device.ts';
import type { Files } from '../runtime/files.ts';
import { byHand } from '../study/units/by-hand.ts';
import type { StudyContext } from '../study/units/context.ts';
import type { Executor, ExecutorRecord, StudyToDo } from '../study/units/executor.ts';
import { inProcess } from '../study/units/in-process.ts';
import type { ExecutorFlags } from './flags/executor-flags.ts';

/** The executor's settings, as requested or recorded. */
export type ExecutorSettings = Pick<ExecutorRecord, 'kind' | 'concurrency' | 'sbatch' | 'device'>;

/**
 * The settings that the flags request.
 * @param recipe says what computes
 * @throws {InputError} E_USAGE
 */
export function settingsOf(
  { executor, concurrency, sbatch }: ExecutorFlags,
  { device }: Pick<Recipe, 'device'>,
): ExecutorSettings {
  if (executor !== 'slurm' && sbatch !== undefined) {
    throw new InputError('E_USAGE', '--sbatch is for Slurm. Add --executor slurm.');
  }
  const units = concurrency ?? (executor === 'local' ? 1 : null);
  return { kind: executor, concurrency: units, sbatch: sbatch ?? null, device };
}

/** The device that this process needs: that of the recipe where units run here, the processor where others run them. */
export function deviceHere(kind: ExecutorSettings['kind'], { device }: Pick<Recipe, 'device'>): DeviceChoice {
  return kind === 'local' ? device : 'cpu';
}

/** Settings for Slurm. */
export function slurmOptions(files: Files, { concurrency, sbatch, device }: ExecutorSettings): SlurmOptions {
  return { client: createSlurmClient(), files, program: ownProgram(), concurrency, sbatch, device };
}

/** The scripts that would be submitted for units, by their paths in the study's folder. */
export async function scriptsOf(
  files: Files,
  settings: ExecutorSettings,
  todo: StudyToDo,
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  return settings.kind === 'slurm' ? slurmScripts(slurmOptions(files, settings), todo) : [];
}

/**
 * Creates the executor of a study; starts nothing.
 * @throws {InputError} E_CONCURRENCY
 */
export function executorFor(context: StudyContext, settings: ExecutorSettings, signal: AbortSignal): Executor {
  const { laboratory } = context;
  const { kind, concurrency } = settings;
  switch (kind) {
    case 'local':
      if (concurrency === null || concurrency === 1) return inProcess(context);
      return processPool(laboratory, { concurrency, signal });
    case 'slurm':
      return slurmExecutor(slurmOptions(laboratory.files, settings));
    case 'none':
      return byHand(laboratory.files);
    default:
      return kind satisfies never;
  }
}
