/**
 * The overview of a finished or running study for the page: states of its units, and paths of its models, curves and
 * reports within its folder.
 */

import { armFolder } from '../experiment/arm-folder.ts';
import type { Machine } from '../experiment/machine.ts';
import { TRAINED_ARMS, type TrainedArm } from '../experiment/record.ts';
import type { SharedFiles } from '../runtime/files.ts';
import { type Repeat, type Repeats, repeatsOf, runFolder, runRecordPath } from './folder.ts';
import { isRun, readRecord } from './read-run.ts';
import { isSweep, readSweepRecord } from './sweep-record.ts';
import type { OutsideState } from './units/executor.ts';
import { readStates, type UnitReport } from './units/state.ts';
import { hasUnits, readUnits } from './units/units-file.ts';

/** One arm of one fold and seed. Paths are relative to the folder; a missing one does not exist yet. */
export interface ArmOverview extends Repeat {
  readonly arm: TrainedArm;
  /** Name that distinguishes it from the others. */
  readonly label: string;
  readonly model?: string;
  readonly history?: string;
}

export interface StudyOverview {
  readonly name: string;
  /** Status from the record: `running`, `done`, `failed`, `stopped`; `unknown` without a record. */
  readonly status: string;
  /** Arms of which files exist. */
  readonly arms: readonly ArmOverview[];
  /** States of all units; empty if there is no list of units. */
  readonly units: readonly UnitReport[];
  readonly report?: string;
}

export interface OverviewSources {
  readonly files: SharedFiles;
  readonly machine: Pick<Machine, 'hasEnded'>;
  /** States of units in the batch system, by index; empty if not given. */
  readonly outside?: ReadonlyMap<number, OutsideState>;
}

const REPORT = 'report.html';

/** Whether a folder holds a run or a sweep, or a part of one. */
export async function isStudy(files: SharedFiles, folder: string): Promise<boolean> {
  return (await isSweep(files, folder)) || isRun(files, folder);
}

/** The existing files of an arm; undefined if there are none. */
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
    TRAINED_ARMS.map(arm => {
      const place = paths.arm(arm, repeat).folder.slice(folder.length + 1);
      return armOverview(files, folder, { ...repeat, arm, label: place, place });
    }),
  );
  return (await Promise.all(arms)).flat();
}

/** The arms of the units that have been started. */
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
 * Reads the overview of a folder.
 * @throws {InputError} E_RUN, E_SWEEP or E_WORK if a file with its state cannot be read
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
