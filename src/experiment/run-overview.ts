/** A run as the page lists it, whole or still running: which models, curves and reports are there, by their place in the run's folder. */
import type { Files } from '../runtime/files.ts';
import { readRecord } from './read-run.ts';
import { ARMS, type Arm } from './record.ts';
import { type Repeat, type Repeats, repeatsOf, runFolder } from './run-folder.ts';

/** One arm of one fold and seed. Places are relative to the run's folder; one that is missing is not there yet. */
export interface ArmOverview extends Repeat {
  readonly arm: Arm;
  readonly model?: string;
  readonly history?: string;
}

export interface RunOverview {
  readonly name: string;
  /** As in run.json: `running`, `done`, `failed`, `stopped`; `unknown` where there is none. */
  readonly status: string;
  readonly arms: readonly ArmOverview[];
  readonly report?: string;
}

/**
 * Looks at a run's folder.
 * @throws {InputError} E_RUN if its record cannot be read
 */
export async function readRunOverview(files: Files, folder: string): Promise<RunOverview> {
  const record = await readRecord(files, `${folder}/run.json`);
  const repeats: Repeats = { folds: record?.folds ?? [null], seeds: record?.seeds ?? [1] };
  const [here, there] = [runFolder(folder, repeats), runFolder('', repeats)];
  const arms: ArmOverview[] = [];
  for (const repeat of repeatsOf(repeats)) {
    for (const arm of ARMS) {
      const [at, place] = [here.arm(arm, repeat), there.arm(arm, repeat)];
      const model = (await files.exists(at.model)) ? { model: place.model.slice(1) } : {};
      const history = (await files.exists(at.history)) ? { history: place.history.slice(1) } : {};
      if ('model' in model || 'history' in history) arms.push({ arm, ...repeat, ...model, ...history });
    }
  }
  const name = folder.split('/').findLast(part => part !== '' && part !== '.') ?? folder;
  const report = (await files.exists(here.report)) ? { report: there.report.slice(1) } : {};
  return { name, status: record?.status ?? 'unknown', arms, ...report };
}
