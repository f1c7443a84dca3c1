/**
 * Regroups the channels of a model's output: changes their order, or adds several of them up to one class.
 * Probabilities of exclusive classes are added. For logits z the class has log sum_k exp z_k, so that its probability
 * is the sum too.
 */
import { InputError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';
import type { OutputActivation } from './probabilities.ts';

/** The channels of the model that form each class, in order; at least one per class. */
export type ChannelGroups = readonly (readonly number[])[];

/** log sum_k exp z_k over some channels [K, voxels], one value per voxel. */
export function logSumExp(channels: readonly Float32Array[]): Float32Array {
  const [first, ...others] = channels as readonly [Float32Array, ...Float32Array[]];
  const result = first.slice();
  for (const other of others) {
    for (let i = 0; i < result.length; i++) {
      const [low, high] = [Math.min(result[i]!, other[i]!), Math.max(result[i]!, other[i]!)];
      result[i] = high === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high));
    }
  }
  return result;
}

function sum(channels: readonly Float32Array[]): Float32Array {
  const [first, ...others] = channels as readonly [Float32Array, ...Float32Array[]];
  const result = first.slice();
  for (const other of others) for (let i = 0; i < result.length; i++) result[i]! += other[i]!;
  return result;
}

/** [N, channels, ...] to [N, classes, ...]. */
function regroup(output: Tensor, groups: ChannelGroups, activation: OutputActivation): Tensor {
  const [samples = 0, channels = 0, ...size] = output.shape;
  const needed = 1 + Math.max(...groups.flat());
  if (!(output.data instanceof Float32Array) || channels < needed) {
    throw new InputError(
      'E_MODEL_OUTPUT',
      `the output of the model is ${output.dataType} ${formatShape(output.shape)}, but its labels need float32 with at least ${needed} channels`,
    );
  }
  const values = output.data;
  const voxels = size.reduce((product, length) => product * length, 1);
  const result = new Float32Array(samples * groups.length * voxels);
  const join = activation === 'softmax' ? logSumExp : sum;
  for (let sample = 0; sample < samples; sample++) {
    groups.forEach((group, index) => {
      const parts = group.map(channel => {
        const start = (sample * channels + channel) * voxels;
        return values.subarray(start, start + voxels);
      });
      result.set(parts.length === 1 ? parts[0]! : join(parts), (sample * groups.length + index) * voxels);
    });
  }
  return tensor('float32', result, [samples, groups.length, ...size]);
}

/**
 * Wraps the session of a model so that its output has classes instead of channels; its other outputs stay unchanged.
 */
export function withChannelGroups(
  session: Session,
  groups: ChannelGroups,
  { outputName, activation }: { readonly outputName: string; readonly activation: OutputActivation },
): Session {
  return {
    ...session,
    run: async (feeds, outputs) => {
      const results = await session.run(feeds, outputs);
      const output = results[outputName];
      return output === undefined ? results : { ...results, [outputName]: regroup(output, groups, activation) };
    },
  };
}
