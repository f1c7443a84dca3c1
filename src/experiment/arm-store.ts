/**
 * Checkpoints and history in the folder of an arm. Each checkpoint can be gone on from, so that one damaged file costs
 * some steps but not the training: the steps that are done again come to the same parameters.
 */
import { InputError } from '../core/errors.ts';
import { readText } from '../runtime/json-file.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../training/checkpoint.ts';
import type { Model } from '../training/forward.ts';
import type { StepRecord, TrainingStore } from '../training/trainer.ts';
import type { ArmOptions } from './arm-options.ts';
import { formatHistory, parseHistory } from './history.ts';

/** Opens the store of an arm. */
export function armStore(
  { laboratory: { files, progress, machine }, folder }: ArmOptions,
  model: Model,
  fingerprint: string,
): TrainingStore {
  const { sha256 } = machine;
  const pathOf = (name: string): string => `${folder.checkpoint}/${name}.safetensors`;
  const [last, best, previous] = [pathOf('last'), pathOf('best'), pathOf('previous')];
  const read = async (path: string): Promise<Checkpoint> =>
    decodeCheckpoint(await files.read(path), { path, specs: model.specs, fingerprint, sha256 });
  /**
   * The newest checkpoint beside a damaged last one that has all that a training needs; undefined where there is none.
   */
  const earlierThanLast = async (): Promise<Checkpoint | undefined> => {
    for (const path of [best, previous]) {
      const found = (await files.exists(path)) ? await read(path) : undefined;
      if (found !== undefined && Object.keys(found.state).length > 0) return found;
    }
    return undefined;
  };
  const newest = async (): Promise<Checkpoint> => {
    try {
      return await read(last);
    } catch (error) {
      if (!(error instanceof InputError) || error.code !== 'E_CHECKPOINT_CORRUPT') throw error;
      const found = await earlierThanLast();
      if (found === undefined) throw error;
      progress.warn(`${last} is damaged; the training goes on from step ${found.step}, the checkpoint before it`);
      return found;
    }
  };
  let earlier: readonly StepRecord[] = [];
  return {
    load: async () => {
      if (!(await files.exists(last))) return undefined;
      const checkpoint = await newest();
      const rows = parseHistory(await readText(files, folder.history), folder.history);
      earlier = rows.filter(row => row.step <= checkpoint.step);
      return { last: checkpoint, bestTheta: checkpoint.best === null ? checkpoint.theta : (await read(best)).theta };
    },
    saveLast: async (checkpoint, records) => {
      await files.write(folder.history, formatHistory([...earlier, ...records]));
      // without validation there is no best one to fall back to
      if (checkpoint.best === null && (await files.exists(last))) await files.write(previous, await files.read(last));
      await files.write(last, encodeCheckpoint(checkpoint, model.specs, sha256));
    },
    saveBest: async checkpoint => files.write(best, encodeCheckpoint(checkpoint, model.specs, sha256)),
  };
}
