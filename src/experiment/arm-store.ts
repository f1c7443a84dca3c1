/**
 * Checkpoints and history in the folder of an arm. Each checkpoint can be gone on from, so that one damaged file costs
 * some steps but not the training: the steps that are done again come to the same parameters.
 */
import { InputError } from '../core/errors.ts';
import { readText } from '../runtime/json-file.ts';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  keptParameters,
  readPosition,
} from '../training/checkpoint.ts';
import type { Model } from '../training/forward.ts';
import type { StepRecord, TrainingStore } from '../training/trainer.ts';
import type { ArmOptions } from './arm-options.ts';
import { formatHistory, parseHistory } from './history.ts';

type Position = Pick<Checkpoint, 'step' | 'historySha256'>;
type Surroundings = Pick<ArmOptions['laboratory'], 'files' | 'machine'>;

/** The hash of a history, as a checkpoint has it. */
function hashHistory(rows: readonly StepRecord[], { sha256 }: Surroundings['machine']): string {
  return sha256(new TextEncoder().encode(formatHistory(rows)));
}

/**
 * The rows of the history up to a checkpoint.
 * @throws {InputError} E_HISTORY if they are not those that the checkpoint was written with
 */
async function readRows(
  { files, machine }: Surroundings,
  { folder, history }: ArmOptions['folder'],
  { step, historySha256 }: Position,
): Promise<readonly StepRecord[]> {
  const refuse = (reason: string, cause?: unknown): InputError =>
    new InputError(
      'E_HISTORY',
      `${reason}. Put ${history} back from a copy, or remove ${folder} and go on with --resume, which trains the arm from its first step.`,
      { cause },
    );
  let rows: readonly StepRecord[];
  try {
    rows = parseHistory(await readText(files, history), history).filter(row => row.step <= step);
  } catch (cause) {
    throw cause instanceof InputError ? refuse(cause.message, cause) : cause;
  }
  if (historySha256 === undefined || historySha256 === hashHistory(rows, machine)) return rows;
  throw refuse(`${history} changed after the checkpoint at step ${step} was written`);
}

function checkpointPath({ checkpoint }: ArmOptions['folder'], name: 'last' | 'best' | 'previous'): string {
  return `${checkpoint}/${name}.safetensors`;
}

/**
 * Holds the history of an arm that is trained, but whose results are not hashed yet, against its last checkpoint.
 * @throws {InputError} E_HISTORY if it has changed since
 */
export async function assertHistoryWhole(surroundings: Surroundings, folder: ArmOptions['folder']): Promise<void> {
  const { files, machine } = surroundings;
  const last = checkpointPath(folder, 'last');
  if (!(await files.exists(last))) return;
  const position = readPosition(await files.read(last), machine.sha256);
  // a model that is there needs no checkpoint
  if (position !== undefined) await readRows(surroundings, folder, position);
}

/** Opens the store of an arm. */
export function armStore(
  { laboratory: { files, progress, machine }, folder }: ArmOptions,
  model: Model,
  fingerprint: string,
): TrainingStore {
  const { sha256 } = machine;
  const [last, best, previous] = (['last', 'best', 'previous'] as const).map(name => checkpointPath(folder, name)) as [
    string,
    string,
    string,
  ];
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
  const encode = (checkpoint: Checkpoint, records: readonly StepRecord[]): Uint8Array => {
    const historySha256 = hashHistory([...earlier, ...records], machine);
    return encodeCheckpoint({ ...checkpoint, historySha256 }, model.specs, sha256);
  };
  return {
    load: async () => {
      if (!(await files.exists(last))) return undefined;
      const checkpoint = await newest();
      earlier = await readRows({ files, machine }, folder, checkpoint);
      return { last: checkpoint, bestTheta: keptParameters(checkpoint.best === null ? checkpoint : await read(best)) };
    },
    saveLast: async (checkpoint, records) => {
      await files.write(folder.history, formatHistory([...earlier, ...records]));
      // without validation there is no best one to fall back to
      if (checkpoint.best === null && (await files.exists(last))) await files.write(previous, await files.read(last));
      await files.write(last, encode(checkpoint, records));
    },
    saveBest: async (checkpoint, records) => files.write(best, encode(checkpoint, records)),
  };
}
