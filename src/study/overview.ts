/**
 * A run or sweep as the page shows it, whole or still running: where its units stand, and which models, curves and reports are there, by their
 * place in its folder.
 */

import { armFolder } from '../experiment/arm-folder.ts';
import type { Machine } from '../experiment/machine.ts';
import { ARMS, type Arm } from '../experiment/record.ts';
import type { SharedFiles } from '../runtime/files.ts';
import { type Repeat, type Repeats, repeatsOf, runFolder, runRecordPath } from './folder.ts';
import { isRun, readRecord } from './read-run.ts';
import { isSweep, readSweepRecord } from './sweep-record.ts';
import type { OutsideState } from './units/executor.ts';
import { readStates, type UnitReport } from './units/state.ts';
import { hasUnits, readUnits } from './units/units-file.ts';

/** One arm of one fold and seed. Places are relative to the folder; one that is missing is not there yet. */
export interface ArmOverview extends Repeat {
  readonly arm: Arm;
  /** What tells it from the others. */
  readonly label: string;
  readonly model?: string;
  readonly history?: string;
}

export interface StudyOverview {
  readonly name: string;
  /** As in its record: `running`, `done`, `failed`, `stopped`; `unknown` where there is none. */
  readonly status: string;
  /** Those of which something is there. */
  readonly arms: readonly ArmOverview[];
  /** Where all its units stand; empty where it has no list of them. */
  readonly units: readonly UnitReport[];
  readonly report?: string;
}

export interface OverviewSources {
  readonly files: SharedFiles;
  readonly machine: Pick<Machine, 'hasEnded'>;
  /** What a batch system says of units, by place; nothing if not given. */
  readonly outside?: ReadonlyMap<number, OutsideState>;
}

const REPORT = 'report.html';

/** Whether a folder holds a run or a sweep, or a part of one. */
export async function isStudy(files: SharedFiles, folder: string): Promise<boolean> {
  return (await isSweep(files, folder)) || isRun(files, folder);
}

/** What is there of an arm; nothing where nothing is. */
async function armOverview(
  files: SharedFiles,
  folder: string,
  { place, ...arm }: Omit<ArmOverview, 'model' | 'history'> & { readonly place: string },
): Promise<readonly ArmOverview[]> {
  const [there, relative] = [armFolder(`${folder}/${place}`), armFolder(place)];
  const [hasModel, hasHistory] = await Promise.all([files.exists(there.model), files.exists(there.history)]);
  if (!hasModel && !hasHistory) return [];
  return [{ ...arm, ...(hasModel && { model: relative.model }), ...(hasHistory && { history: relative.history }) }];
}

/** The arms of a run that has no list of units. */
async function unlistedArms(files: SharedFiles, folder: string, repeats: Repeats): Promise<readonly ArmOverview[]> {
  const all = repeatsOf(repeats);
  const paths = runFolder(folder, repeats);
  const arms = all.flatMap(repeat =>
    ARMS.map(arm => {
      const place = paths.arm(arm, repeat).folder.slice(folder.length + 1);
      return armOverview(files, folder, { ...repeat, arm, label: place, place });
    }),
  );
  return (await Promise.all(arms)).flat();
}

/** The arms of the units that somebody has begun. */
async function listedArms(
  files: SharedFiles,
  folder: string,
  units: readonly UnitReport[],
): Promise<readonly ArmOverview[]> {
  const begun = units.filter(({ attempt, state }) => attempt > 0 || state === 'done');
  const arms = begun.map(({ arm, fold, seed, label, folder: place }) =>
    armOverview(files, folder, { arm, fold, seed, label, place }),
  );
  return (await Promise.all(arms)).flat();
}

/**
 * Looks at a folder.
 * @throws {InputError} E_RUN, E_SWEEP or E_WORK if a file that says how it stands cannot be read
 */
export async function readStudyOverview(sources: OverviewSources, folder: string): Promise<StudyOverview> {
  const { files, outside } = sources;
  const run = await readRecord(files, runRecordPath(folder));
  const record = (await isSweep(files, folder)) ? await readSweepRecord(files, folder) : run;
  const units = (await hasUnits(files, folder))
    ? await readStates(sources, { study: folder, list: await readUnits(files, folder) }, outside)
    : [];
  const repeats: Repeats = { folds: run?.folds ?? [null], seeds: run?.seeds ?? [1] };
  const arms = units.length > 0 ? await listedArms(files, folder, units) : await unlistedArms(files, folder, repeats);
  return {
    name: folder.split('/').findLast(part => part !== '' && part !== '.') ?? folder,
    status: record?.status ?? 'unknown',
    arms,
    units,
    ...((await files.exists(`${folder}/${REPORT}`)) && { report: REPORT }),
  };
}
