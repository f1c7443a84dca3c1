/** Context that the units of a study share, and the data that they read once. */
import type { Laboratory } from '../../experiment/laboratory.ts';
import { type PreparedData, prepareData } from '../../experiment/prepare.ts';
import type { Recipe } from '../../recipe/schema.ts';
import type { VolumeWarning } from '../../volume/geometry.ts';
import type { StudyKind } from '../record.ts';
import { assertSameData, type RecordedHashes } from '../record.ts';
import type { Unit } from './unit.ts';

/** Context that the units of a run or sweep share. */
export interface StudyContext {
  readonly laboratory: Laboratory;
  readonly signal: AbortSignal | undefined;
  /** Folder of the run or sweep. */
  readonly study: string;
  readonly kind: StudyKind;
  /**
   * Prepares the data of a unit; not read again if the previous unit needed the same.
   * @throws {InputError} E_COARSE_MISSING if they are a region that a unit without a model finds; as prepareData
   */
  readonly dataOf: (unit: Pick<Unit, 'recipe' | 'coarse'>) => Promise<PreparedData>;
  /** Hashes of every file from outside that was read, as its record has them. */
  readonly hashes: Required<RecordedHashes>;
  /**
   * Adds hashes of files that results depend on besides the data.
   * @throws {InputError} E_RESUME_DATA if one was read before and was another
   */
  readonly holdSettings: (hashes: Readonly<Record<string, string>>) => void;
  /** What was found on the way that should not be passed over, by its message. */
  readonly warnings: Map<string, VolumeWarning>;
}

/** Context of one unit: the context of its study and the times of its stages. */
export interface UnitContext extends StudyContext {
  /** Seconds by stage: train, validate, evaluate. */
  readonly timingsSeconds: Record<string, number>;
  /** Fraction of a training's time in which the engine waited for a batch, by stage. */
  readonly waitingShares: Record<string, number>;
}

/** The part of a recipe that its data depend on, found by removing the rest. */
function dataContent(recipe: Recipe): string {
  const { teacher: _teacher, student: _student, optimizer: _optimizer, loss, evaluate, ...rest } = recipe;
  const { seeds: _seeds, threads: _threads, device: _device, baseline: _baseline, distill, ...own } = rest;
  // the windows of the coarse model, which says what of a case is used
  const windows = recipe.cascade === null ? null : evaluate;
  // the check whether regions can be trained on happens with the data
  return JSON.stringify({ ...own, windows, kind: loss.crossEntropy.kind, distill: { ...distill, losses: [] } });
}

/**
 * Opens the context of a study.
 * @param options.known hashes as an earlier start in that folder recorded them; the files must still be the same
 */
export function openContext(
  laboratory: Laboratory,
  options: Pick<StudyContext, 'study' | 'kind' | 'signal'> & {
    readonly known: RecordedHashes | undefined;
  },
): StudyContext {
  const { study, kind, known, signal } = options;
  const dataHashes: Record<string, string> = { ...known?.dataHashes };
  const settingHashes: Record<string, string> = { ...known?.settingHashes };
  const warnings: StudyContext['warnings'] = new Map();
  const hold = (before: Record<string, string>, now: Readonly<Record<string, string>>): void => {
    assertSameData(before, now, study);
    Object.assign(before, now);
  };
  let last: { readonly content: string; readonly data: PreparedData } | undefined;
  return {
    laboratory,
    signal,
    study,
    kind,
    hashes: { dataHashes, settingHashes },
    warnings,
    holdSettings: now => hold(settingHashes, now),
    dataOf: async ({ recipe, coarse }) => {
      const coarseModel = coarse?.folder.model;
      const content = JSON.stringify([dataContent(recipe), coarseModel]);
      if (last?.content === content) return last.data;
      // only one data set at a time is kept in memory
      last = undefined;
      const data = await prepareData(laboratory, recipe, { coarseModel, signal });
      hold(dataHashes, { ...data.hashes, ...data.transferHashes });
      hold(settingHashes, data.settingHashes);
      for (const warning of data.warnings) warnings.set(warning.message, warning);
      last = { content, data };
      return data;
    },
  };
}
