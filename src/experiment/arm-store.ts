/** Checkpoints and history in the folder of an arm. */
import { readText } from '../runtime/json-file.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../training/checkpoint.ts';
import type { Model } from '../training/forward.ts';
import type { TrainingStore } from '../training/trainer.ts';
import type { ArmOptions } from './arm-options.ts';
import { formatHistory, parseHistory } from './history.ts';
import type { HistoryRow } from './record.ts';

/** Checkpoints and history in the arm's folder. */
export function armStore(
  { laboratory: { files }, folder }: ArmOptions,
  model: Model,
  fingerprint: string,
): TrainingStore {
  const [last, best] = [`${folder.checkpoint}/last.safetensors`, `${folder.checkpoint}/best.safetensors`];
  const read = async (path: string): Promise<Checkpoint> =>
    decodeCheckpoint(await files.read(path), { path, specs: model.specs, fingerprint });
  let earlier: readonly HistoryRow[] = [];
  return {
    load: async () => {
      if (!(await files.exists(last))) return undefined;
      const checkpoint = await read(last);
      const rows = parseHistory(await readText(files, folder.history), folder.history);
      earlier = rows.filter(row => row.step <= checkpoint.step);
      return { last: checkpoint, bestTheta: checkpoint.best === null ? checkpoint.theta : (await read(best)).theta };
    },
    saveLast: async (checkpoint, records) => {
      await files.write(folder.history, formatHistory([...earlier, ...records]));
      await files.write(last, await encodeCheckpoint(checkpoint, model.specs));
    },
    saveBest: async checkpoint => files.write(best, await encodeCheckpoint({ ...checkpoint, state: {} }, model.specs)),
  };
}
