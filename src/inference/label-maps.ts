/**
 * Models that give one label per voxel instead of a number per class (an ArgMax is their last node) behind the usual
 * output: 1 for the class that the model chose, 0 for the others, so that windows are blended by votes. Arrays are [N,
 * K, D, H, W].
 */
import { InputError } from '../core/errors.ts';
import { tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';

/** Options of the wrapped output. */
interface LabelMapOptions {
  readonly outputName: string;
  /** The label value of each class, in the order of the channels. */
  readonly values: readonly number[];
}

/**
 * The session with its label map [N, 1, D, H, W] as one channel per class.
 * @throws {InputError} E_MODEL_OUTPUT from `run` for more than one channel, or a number that is no label
 */
export function withOneHotLabels(session: Session, { outputName, values }: LabelMapOptions): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (feeds, outputs) => {
      const results = await session.run(feeds, outputs);
      const map = results[outputName];
      if (map === undefined) return results;
      const [samples = 0, channels = 0, ...size] = map.shape;
      if (channels !== 1) {
        throw new InputError(
          'E_MODEL_OUTPUT',
          `the labels "${outputName}" should be one number per voxel, got ${channels} channels.`,
        );
      }
      const voxels = map.data.length / samples;
      const channelOf = new Map(values.map((value, channel) => [value, channel]));
      const scores = new Float32Array(samples * values.length * voxels);
      for (let index = 0; index < map.data.length; index++) {
        const label = Number(map.data[index]);
        const channel = channelOf.get(label);
        if (channel !== undefined) {
          scores[(Math.floor(index / voxels) * values.length + channel) * voxels + (index % voxels)] = 1;
        } else if (label !== 0) {
          throw new InputError(
            'E_MODEL_OUTPUT',
            `the model gives label ${label}, which is none of its labels (${values.join(', ')}). Correct its labels.`,
          );
        }
      }
      return { ...results, [outputName]: tensor('float32', scores, [samples, values.length, ...size]) };
    },
    dispose: () => session.dispose(),
  };
}
