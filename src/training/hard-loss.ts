/** The hard loss on the labels, the same for all arms. */
import type { Shape } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import type { VoxelWeights } from '../losses/class-weights.ts';
import { binaryCrossEntropy, categoricalCrossEntropy } from '../losses/cross-entropy.ts';
import { type DiceOptions, diceLoss } from '../losses/dice.ts';

/** Class weights that do not change over the steps. */
type HardWeights = Exclude<VoxelWeights, { readonly exponent: Value }>;

export interface HardLossOptions {
  readonly crossEntropy: {
    readonly weight: number;
    readonly kind: 'categorical' | 'binary';
    /** `annealed`: from balanced to uniform, by the step's number `crossEntropy.balance`. */
    readonly classWeights: HardWeights | 'annealed';
    /** gamma of the focal loss; 0, plain cross-entropy, if not given. */
    readonly focalGamma?: number;
    /** Percentage of the voxels, the hardest ones, whose mean it is; all if null or not given. */
    readonly topPercent?: number | null;
  };
  readonly dice: { readonly weight: number } & DiceOptions;
  /** Label values of each channel, if the classes are regions that may overlap; one class per channel if not given. */
  readonly regions?: readonly (readonly number[])[] | undefined;
  /** Label value of voxels that nobody has looked at: no loss counts them. */
  readonly ignore?: number | undefined;
  /** Whether some samples are annotated for some classes only; a step then needs to know which. */
  readonly isPartial?: boolean | undefined;
}

/**
 * Whether the channels of the logits are independent (sigmoid) rather than exclusive (softmax). Independent channels
 * have none for the background: channel k is class k + 1.
 */
export function isSigmoid(options: HardLossOptions): boolean {
  return options.crossEntropy.kind === 'binary';
}

/**
 * Shape of the class indices of a batch, [N labelled, 1, D, H, W].
 * @param image shape of the batch, [N, C, D, H, W]
 * @param unlabelled number of samples at its end without a label
 */
export function labelShape([samples = 0, , ...space]: Shape, unlabelled = 0): Shape {
  return [samples - unlabelled, 1, ...space];
}

/** Class indices [N, 1, D, H, W] as 0/1 maps [N, K, D, H, W], channel 0 being class `first`. */
function oneHot(builder: GraphBuilder, label: Value, channels: number, first: number): Value {
  const classes = Int32Array.from({ length: channels }, (_, channel) => channel + first);
  const ids = builder.constant({ dataType: 'int32', shape: [1, channels, 1, 1, 1], data: classes });
  return builder.cast(builder.equal(label, ids), 'float32');
}

/**
 * Class indices [N, 1, D, H, W] as 0/1 maps [N, K, D, H, W], channel k being 1 where the label is one of the k-th
 * values.
 */
function regionMaps(builder: GraphBuilder, label: Value, regions: readonly (readonly number[])[]): Value {
  const maps = regions.map(values =>
    values.map(value => oneHot(builder, label, 1, value)).reduce((sum, map) => builder.add(sum, map)),
  );
  return builder.concat(maps, 1);
}

/**
 * Labels as 0/1 maps [N, K, D, H, W], one for each channel of the logits.
 * @param label class indices [N, 1, D, H, W]
 */
export function targetMaps(builder: GraphBuilder, label: Value, channels: number, options: HardLossOptions): Value {
  return options.regions === undefined
    ? oneHot(builder, label, channels, isSigmoid(options) ? 1 : 0)
    : regionMaps(builder, label, options.regions);
}

/** 1 for voxels that count and 0 for ignored ones, [N, 1, D, H, W]; undefined where all count. */
export function countedVoxels(
  builder: GraphBuilder,
  label: Value,
  { ignore }: Pick<HardLossOptions, 'ignore'>,
): Value | undefined {
  return ignore === undefined ? undefined : builder.sub(1, oneHot(builder, label, 1, ignore));
}

/** What the terms of the hard loss need besides the settings. */
export interface HardLossInputs {
  /** Exponent of the class weights, if they are annealed. */
  readonly balance?: Value | undefined;
  /** 1 for the classes that were looked for in a sample and 0 for others, [N, K, 1, 1, 1]; all if not given. */
  readonly annotated?: Value | undefined;
}

/**
 * Probabilities of exclusive classes as the Dice loss of partly annotated samples takes them: 0 for a class that was
 * not looked for, which is part of the background.
 */
function knownProbability(builder: GraphBuilder, probability: Value, annotated: Value): Value {
  const known = builder.mul(probability, annotated);
  const rest = builder.sum(builder.sub(probability, known), [1]);
  const classes = known.shape[1] as number;
  return builder.concat([builder.add(builder.slice(known, 1, 0, 1), rest), builder.slice(known, 1, 1, classes)], 1);
}

/**
 * The terms of the hard loss by name, with their weights; terms of weight 0 are left out.
 *
 * In a sample that is annotated for some classes only, the background of the label is background or any class that was
 * not looked for. The marginal losses take it as such: exclusive classes that were not looked for are added to the
 * background; independent ones count in no term.
 * @see arXiv:2007.03868, the marginal loss
 */
export function hardLossTerms(
  builder: GraphBuilder,
  logits: Value,
  label: Value,
  options: HardLossOptions & HardLossInputs,
): readonly { readonly name: string; readonly value: Value; readonly weight: number }[] {
  const { crossEntropy, dice, annotated } = options;
  const sigmoid = isSigmoid(options);
  const target = targetMaps(builder, label, logits.shape[1] as number, options);
  const counted = countedVoxels(builder, label, options);
  const terms: { name: string; value: Value; weight: number }[] = [];
  if (crossEntropy.weight > 0) {
    const { classWeights, focalGamma = 0, topPercent = null } = crossEntropy;
    const weights = classWeights === 'annealed' ? { exponent: options.balance as Value } : classWeights;
    const own = { weights, counted, annotated, focalGamma, topPercent };
    const value = sigmoid
      ? binaryCrossEntropy(builder, logits, target, own)
      : categoricalCrossEntropy(builder, logits, target, own);
    terms.push({ name: 'crossEntropy', value, weight: crossEntropy.weight });
  }
  if (dice.weight > 0) {
    const diceOptions = { ...dice, background: sigmoid || dice.background, counted, annotated };
    const all = sigmoid ? builder.sigmoid(logits) : builder.exp(builder.apply('LogSoftmax', [logits], { axis: 1 }));
    const probability = annotated === undefined || sigmoid ? all : knownProbability(builder, all, annotated);
    terms.push({ name: 'dice', value: diceLoss(builder, probability, target, diceOptions), weight: dice.weight });
  }
  return terms;
}
