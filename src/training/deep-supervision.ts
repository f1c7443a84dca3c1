/**
 * Deep supervision: the hard loss is also taken of coarser levels of the decoder, each of which gets a 1x1x1
 * convolution to logits that exists in training only. Level i, finest first, weighs 2^-i; the lowest is left out, and
 * the weights are divided by their sum. Labels of a coarser grid are those of the nearest voxel.
 * Source: arXiv:1409.5185, with weights, labels and initial values as in nnU-Net (nnUNetTrainer, DeepSupervisionWrapper
 * and DownsampleSegForDSTransform of nnunetv2 2.8.1 and batchgeneratorsv2).
 */
import { AXES } from '../core/axes.ts';
import { invariant } from '../core/errors.ts';
import type { Shape, Triple } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { perChannel } from '../graph/moments.ts';
import { gainBefore, NNUNET_ACTIVATION } from '../nn/layers.ts';
import { collectFeatures, type ParameterSpec } from '../nn/parameters.ts';
import type { Model } from './forward.ts';
import { type HardLossInputs, type HardLossOptions, hardLossTerms } from './hard-loss.ts';

/** Weights of the finest level and of the coarser ones that count, in this order; their sum is 1. */
export function levelWeights(levels: number): readonly number[] {
  const weights = Array.from({ length: levels }, (_, level) => 2 ** -level);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map(weight => weight / sum);
}

/** Parameters of the convolution that makes logits of a level. */
interface Head {
  readonly weight: ParameterSpec;
  readonly bias: ParameterSpec;
}

function headOf(name: string, channels: number, classes: number): Head {
  const prefix = `deepSupervision.${name}`;
  const gain = gainBefore(NNUNET_ACTIVATION);
  return {
    weight: {
      name: `${prefix}.weight`,
      shape: [classes, channels, 1, 1, 1],
      initializer: { kind: 'normal', gain },
      role: 'kernel',
    },
    bias: { name: `${prefix}.bias`, shape: [classes], initializer: { kind: 'constant', value: 0 }, role: 'vector' },
  };
}

/**
 * Parameters of the heads, which are trained with the network and dropped at the end.
 * @param levels names of the features that get a head, finest first
 */
export function supervisionHeads(
  { network }: Model,
  imageShape: Shape,
  levels: readonly string[],
): readonly ParameterSpec[] {
  if (levels.length === 0) return [];
  const features = collectFeatures(network, imageShape);
  const classes = features.get('logits')?.[1] as number;
  return levels.flatMap(name => {
    const { weight, bias } = headOf(name, features.get(name)?.[1] as number, classes);
    return [weight, bias];
  });
}

/**
 * Labels [N, 1, D, H, W] of a grid that is coarser by whole factors: voxel i of an axis is that of place
 * floor((i + 1/2) factor), nearest in the manner of PyTorch's `nearest-exact`.
 */
export function coarseLabels(builder: GraphBuilder, label: Value, size: Triple): Value {
  return AXES.reduce((value, axis) => {
    const factor = spatial(value.shape)[axis] / size[axis];
    invariant(Number.isInteger(factor), `labels [${label.shape}] are no multiple of ${size}`);
    if (factor === 1) return value;
    const [before, after] = [value.shape.slice(0, axis + 2), value.shape.slice(axis + 3)];
    const apart = builder.reshape(value, [...before, size[axis], factor, ...after]);
    const middle = Math.floor(factor / 2);
    return builder.reshape(builder.slice(apart, axis + 3, middle, middle + 1), [...before, size[axis], ...after]);
  }, label);
}

/** What the loss of coarser levels needs besides the settings of the hard loss. */
interface SupervisionInputs {
  /** Features of the network by name. */
  readonly layers: ReadonlyMap<string, Value>;
  /** Class indices [N labelled, 1, D, H, W] of the whole patch. */
  readonly label: Value;
  /** Parameter of a head by name. */
  readonly parameter: (name: string) => Value;
}

/**
 * Weighted sum of the hard losses of the coarser levels: sum_i w_i (crossEntropy.weight CE_i + dice.weight Dice_i), the
 * w_i being those of {@link levelWeights} without the first.
 * @param levels names of the features, finest first
 * @returns scalar []
 */
export function supervisionLoss(
  builder: GraphBuilder,
  levels: readonly string[],
  { layers, label, parameter, ...options }: SupervisionInputs & HardLossOptions & HardLossInputs,
): Value {
  const [, ...weights] = levelWeights(levels.length + 1);
  return levels
    .map((name, index) => {
      const feature = builder.slice(layers.get(name) as Value, 0, 0, label.shape[0] as number);
      const prefix = `deepSupervision.${name}`;
      const product = builder.apply('Conv', [feature, parameter(`${prefix}.weight`)], {
        kernel: [1, 1, 1],
        strides: [1, 1, 1],
        dilations: [1, 1, 1],
        pads: [0, 0, 0, 0, 0, 0],
        group: 1,
        upsample: [1, 1, 1],
      });
      const logits = builder.add(product, perChannel(builder, parameter(`${prefix}.bias`)));
      const coarse = coarseLabels(builder, label, spatial(feature.shape));
      const terms = hardLossTerms(builder, logits, coarse, options).map(({ value, weight }) =>
        builder.mul(value, weight),
      );
      return builder.mul(
        terms.reduce((sum, value) => builder.add(sum, value)),
        weights[index] as number,
      );
    })
    .reduce((sum, value) => builder.add(sum, value));
}
