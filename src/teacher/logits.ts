/**
 * Converts the output of a finished model for a patch to logits of the student's kind: one per exclusive class
 * (softmax), or one per independent foreground class (sigmoid). Arrays are [K, voxels].
 */
import { InputError } from '../core/errors.ts';
import { logSumExp } from '../inference/channel-groups.ts';
import { type ModelInfo, outputClasses } from '../inference/model-info.ts';
import { activate } from '../inference/probabilities.ts';

/** Relation between the student's channels; regions are independent too. */
export type StudentKind = 'softmax' | 'sigmoid';

/** Keeps logarithms of probabilities finite. */
const SMALLEST_PROBABILITY = 1e-7;

function channelsOf(values: Float32Array, count: number): Float32Array[] {
  const voxels = values.length / count;
  return Array.from({ length: count }, (_, channel) => values.subarray(channel * voxels, (channel + 1) * voxels));
}

function logarithm(probability: number): number {
  return Math.log(Math.max(SMALLEST_PROBABILITY, probability));
}

function logit(probability: number): number {
  return logarithm(probability) - logarithm(1 - probability);
}

/**
 * Refuses a model whose classes relate differently from the student's. Exclusive classes can be treated as independent;
 * the reverse holds only for a single class.
 * @throws {InputError} E_TEACHER_FIT
 */
export function assertKindFits(path: string, info: ModelInfo, student: StudentKind): void {
  const { kind, values } = outputClasses(info);
  if (student === 'sigmoid' || kind === 'softmax' || values.length === 1) return;
  throw new InputError(
    'E_TEACHER_FIT',
    `${path} cannot teach here: its ${values.length} classes are independent (${info.activation}), those of the student exclude each other ` +
      '(loss.crossEntropy.kind is categorical). Set it to binary, or take another teacher.',
  );
}

/**
 * The logits of one sample.
 * @param output output of the model, [channels, voxels]; not changed
 * @returns [K, voxels]; the output itself if it needs no conversion
 */
export function studentLogits(output: Float32Array, info: ModelInfo, student: StudentKind): Float32Array {
  const { kind, values } = outputClasses(info);
  const isProbability = info.activation === 'none';
  if (kind !== 'softmax') {
    const logits = isProbability ? output.map(logit) : output;
    if (student === 'sigmoid') return logits;
    // the background of a single class: sigmoid(z) is softmax(0, z)
    const result = new Float32Array(2 * logits.length);
    result.set(logits, logits.length);
    return result;
  }
  if (student === 'softmax') return isProbability ? output.map(logarithm) : output;
  const channels = channelsOf(output, values.length);
  const alone = info.labels.flatMap(({ value }, channel) => {
    if (value === 0) return [];
    if (isProbability) return [channels[channel]!.map(logit)];
    const others = logSumExp(channels.filter((_, other) => other !== channel));
    return [channels[channel]!.map((z, voxel) => z - others[voxel]!)];
  });
  const result = new Float32Array(alone.length * channels[0]!.length);
  alone.forEach((channel, index) => {
    result.set(channel, index * channel.length);
  });
  return result;
}

/**
 * Combines several models: the logits of their mean probability, or the mean of their logits (the normalised geometric
 * mean of their probabilities).
 * @param logits logits of each model, [K, voxels]; not changed
 * @see arXiv:1503.02531, section 3, and Bucila et al., KDD 2006
 */
export function ensembleLogits(
  logits: readonly Float32Array[],
  {
    mean,
    kind,
    classes,
  }: { readonly mean: 'probability' | 'logits'; readonly kind: StudentKind; readonly classes: number },
): Float32Array {
  const [first] = logits as readonly [Float32Array];
  if (logits.length === 1) return first;
  const result = new Float32Array(first.length);
  for (const each of logits) {
    const values = each.slice();
    if (mean === 'probability') activate(values, classes, kind);
    for (let i = 0; i < result.length; i++) result[i]! += values[i]! / logits.length;
  }
  if (mean === 'logits') return result;
  return result.map(kind === 'softmax' ? logarithm : logit);
}
