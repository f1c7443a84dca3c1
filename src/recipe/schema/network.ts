/**
 * The networks of a recipe, as schemas with their defaults. Kernels, factors and sizes are in x, y, z order; one number
 * stands for all three axes. network.ts turns them into networks.
 */

import { z } from 'zod';
import type { DeepReadonly } from '../../core/deep-readonly.ts';
import type { Xyz } from '../../core/shape.ts';

const count = z.int().min(1);
const fraction = z.number().min(0).max(1);
const rate = z.number().min(0).lt(1);
const penalty = z.number().min(0);

/** Schema of a value per axis, x y z; a single number stands for all axes. */
const perAxis = z
  .union([count, z.tuple([count, count, count])])
  .transform((value): Xyz => (typeof value === 'number' ? [value, value, value] : value));

const isOdd = (axes: readonly number[]): boolean => axes.every(value => value % 2 === 1);
const oddPerAxis = perAxis.refine(isOdd, 'must be odd on every axis');

const repeated = <T>(item: T, times: number): T[] => Array.from({ length: times }, () => item);
const CUBE: [number, number, number] = [3, 3, 3];
const POINT: [number, number, number] = [1, 1, 1];
const HALF: Xyz = [2, 2, 2];

const normalization = z.enum(['instance', 'batch', 'group', 'none']);
const activation = z.enum(['leaky-relu', 'relu', 'prelu', 'linear']);
const negativeSlope = fraction.default(0.01).describe('Slope of leaky-relu below zero.');
const padding = z
  .enum(['same', 'valid'])
  .describe(
    'Padding of convolutions. same: zeros around the patch, and a result as large as the patch. valid: no padding, and a result in the middle of the patch, smaller by the field of view less 1; skips are cropped to their middle.',
  );
const upsampling = z
  .enum(['copy', 'linear', 'conv'])
  .describe(
    'Upsampling. copy: nearest. linear: linear interpolation, which under valid padding leaves out the border. conv: a transposed convolution whose kernel is the factor.',
  );

/** Adds an issue at a key of the object. */
function problem(context: z.RefinementCtx, key: string, message: string): void {
  context.addIssue({ code: 'custom', path: [key], message });
}

const unet = z
  .strictObject({
    features: z.array(count).min(1).describe('Channels per level, finest first.'),
    kernels: z.array(oddPerAxis).optional().describe('Odd kernels, one per level.').meta({ defaultText: '3 each' }),
    pooling: z
      .array(perAxis)
      .optional()
      .describe('Factors that divide the grid, one per level after the first.')
      .meta({ defaultText: '2 each' }),
    convolutionsPerLevel: count
      .default(2)
      .describe('Number of convolutions on each side of a level, each followed by normalisation and activation.'),
    convolution: z
      .enum(['full', 'separable', 'grouped'])
      .default('full')
      .describe(
        'Form of all convolutions but the first. full: every channel of the result sees every channel. separable: a 1x1x1 convolution mixes the channels, then every channel is filtered for itself. grouped: the same with groups of channels in place of single ones.',
      ),
    groups: z
      .int()
      .min(2)
      .default(4)
      .describe('Number of groups where convolution is grouped; divides the channels of every level.'),
    normalization: normalization
      .default('instance')
      .describe('Normalisation after each convolution; group has at most 8 channels per group.'),
    activation: z.enum(['leaky-relu', 'relu']).default('leaky-relu').describe('Activation after each normalisation.'),
    negativeSlope,
  })
  .transform(({ features, kernels, pooling, ...rest }) => ({
    features,
    kernels: kernels ?? repeated(CUBE, features.length),
    pooling: pooling ?? repeated(HALF, features.length - 1),
    ...rest,
  }))
  .superRefine(({ features, kernels, pooling, convolution, groups }, context) => {
    const levels = features.length;
    if (convolution === 'grouped' && features.some(channels => channels % groups !== 0)) {
      problem(context, 'groups', `must divide the channels of every level, ${features.join(', ')}; got ${groups}`);
    }
    if (kernels.length !== levels) problem(context, 'kernels', `one per level: ${levels}, got ${kernels.length}`);
    if (pooling.length !== levels - 1) {
      problem(context, 'pooling', `one per level after the first: ${levels - 1}, got ${pooling.length}`);
    }
  });

/** Number of residual blocks per level of nnU-Net's ResEnc, finest first; deeper levels have as many as the last. */
const RESIDUAL_BLOCKS = [1, 3, 4, 6];

const countPerLevel = z.union([count, z.array(count).min(1)]);

const residualUnet = z
  .strictObject({
    features: z.array(count).min(2).describe('Channels per level, finest first.'),
    kernels: z.array(oddPerAxis).optional().describe('Odd kernels, one per level.').meta({ defaultText: '3 each' }),
    strides: z
      .array(perAxis)
      .optional()
      .describe(
        'Factors that divide the grid, one per level after the first, none larger than the kernel of its level.',
      )
      .meta({ defaultText: '2 each' }),
    blocks: countPerLevel
      .optional()
      .describe('Residual blocks of two convolutions, as one number for all levels or one per level.')
      .meta({ defaultText: '1, 3, 4, 6, 6, ...' }),
    decoderConvolutions: countPerLevel
      .default(1)
      .describe('Convolutions on the way up, as one number for all levels or one per level but the deepest.'),
    normalization: normalization
      .default('instance')
      .describe('Normalisation after each convolution; group has at most 8 channels per group.'),
    activation: z
      .enum(['leaky-relu', 'relu'])
      .default('leaky-relu')
      .describe('Activation after each normalisation, in a block the second time after the sum with the shortcut.'),
    negativeSlope,
  })
  .transform(({ features, kernels, strides, blocks, decoderConvolutions, ...rest }) => ({
    features,
    kernels: kernels ?? repeated(CUBE, features.length),
    strides: strides ?? repeated(HALF, features.length - 1),
    blocks:
      typeof blocks === 'number'
        ? repeated(blocks, features.length)
        : (blocks ??
          features.map((_, level) => RESIDUAL_BLOCKS[Math.min(level, RESIDUAL_BLOCKS.length - 1)] as number)),
    decoderConvolutions:
      typeof decoderConvolutions === 'number'
        ? repeated(decoderConvolutions, features.length - 1)
        : decoderConvolutions,
    ...rest,
  }))
  .superRefine(({ features, kernels, strides, blocks, decoderConvolutions }, context) => {
    const levels = features.length;
    for (const [key, { length }] of Object.entries({ kernels, blocks })) {
      if (length !== levels) problem(context, key, `one per level: ${levels}, got ${length}`);
    }
    if (strides.length !== levels - 1) {
      problem(context, 'strides', `one per level after the first: ${levels - 1}, got ${strides.length}`);
    }
    if (decoderConvolutions.length !== levels - 1) {
      const got = decoderConvolutions.length;
      problem(context, 'decoderConvolutions', `one per level but the deepest: ${levels - 1}, got ${got}`);
    }
    if (strides.some((stride, level) => stride.some((step, axis) => step > (kernels[level + 1]?.[axis] ?? step)))) {
      problem(context, 'strides', 'a stride larger than the kernel of its level would leave voxels out');
    }
  });

const headFields = {
  headKernels: z
    .array(oddPerAxis)
    .min(1)
    .describe('Odd kernels of the head, the convolutions at full resolution after the levels or pathways.'),
  headFeatures: z
    .array(count)
    .describe('Channels of all convolutions of the head but the last, which has one per class.'),
  headDropout: z.array(rate).min(1).describe('Fraction dropped before each convolution of the head, in training only.'),
  l1: penalty.describe(
    'Weight of the sum of absolute kernels of this network in the loss, beside optimizer.regularization.',
  ),
  l2: penalty.describe(
    'Weight of the sum of squared kernels of this network in the loss, beside optimizer.regularization.',
  ),
};

/** Checks that the lists of a head have matching lengths. */
function checkHead(
  head: { readonly headKernels: unknown[]; readonly headFeatures: unknown[]; readonly headDropout: unknown[] },
  context: z.RefinementCtx,
): void {
  const convolutions = head.headKernels.length;
  if (head.headFeatures.length !== convolutions - 1) {
    problem(context, 'headFeatures', `one per convolution of the head but the last: ${convolutions - 1}`);
  }
  if (head.headDropout.length !== convolutions) {
    problem(context, 'headDropout', `one per convolution of the head: ${convolutions}`);
  }
}

const sides = <T extends z.ZodType>(item: T) => z.tuple([z.array(item).min(1), z.array(item)]);

/** Feature maps of deepvoxnet2's generalized U-Net. */
const GENERALIZED_FEATURES: [number[], number[]][] = [
  [
    [30, 30],
    [30, 30],
  ],
  [
    [60, 60],
    [60, 30],
  ],
  [
    [120, 120],
    [120, 60],
  ],
  [
    [240, 240],
    [240, 120],
  ],
  [[480, 240], []],
];

const generalizedUnet = z
  .strictObject({
    features: z
      .array(sides(count))
      .min(1)
      .default(GENERALIZED_FEATURES)
      .describe('Channels by level, way (down, up) and convolution. Only the deepest level has none on the way up.'),
    kernels: z
      .array(sides(perAxis))
      .optional()
      .describe('Kernels, nested like the features. Even ones need padding: valid.')
      .meta({ defaultText: '3 each' }),
    subsampleFactors: z
      .array(perAxis)
      .optional()
      .describe('Voxels of the patch per voxel of a level, one per level, each a multiple of the one before.')
      .meta({ defaultText: '1, 2, 4, ...' }),
    headKernels: headFields.headKernels.prefault([POINT]),
    headFeatures: headFields.headFeatures.default([]),
    headDropout: headFields.headDropout.default([0]),
    padding: padding.default('same'),
    pooling: z
      .enum(['max', 'average'])
      .default('max')
      .describe('Pooling between levels, by the ratio of neighbouring factors.'),
    upsampling: upsampling.default('copy'),
    normalization: normalization.default('instance').describe('Normalisation before each activation.'),
    relaxedNormalization: z
      .boolean()
      .default(false)
      .describe(
        'Whether only the last convolution of a block and the first of the head have a normalisation before them.',
      ),
    activation: activation
      .default('leaky-relu')
      .describe('Activation before each convolution; prelu learns a slope per channel, 0.25 at the start.'),
    negativeSlope,
    connections: z
      .enum(['none', 'residual', 'dense'])
      .default('none')
      .describe(
        'Shortcuts inside the blocks. residual: the input of a block is added to its result, through a 1x1x1 convolution where channels differ. dense: it is concatenated to the results inside the block, which needs average pooling.',
      ),
    l1: headFields.l1.default(0),
    l2: headFields.l2.default(1e-5),
  })
  .transform(({ features, kernels, subsampleFactors, ...rest }) => ({
    features,
    kernels:
      kernels ?? features.map(([down, up]): [Xyz[], Xyz[]] => [repeated(CUBE, down.length), repeated(CUBE, up.length)]),
    subsampleFactors: subsampleFactors ?? features.map((_, level): Xyz => [2 ** level, 2 ** level, 2 ** level]),
    ...rest,
  }))
  .superRefine((network, context) => {
    const { features, kernels, subsampleFactors } = network;
    const shape = (levels: readonly (readonly [readonly unknown[], readonly unknown[]])[]): string =>
      JSON.stringify(levels.map(([down, up]) => [down.length, up.length]));
    if (shape(kernels) !== shape(features)) problem(context, 'kernels', 'must be nested like the features');
    const isDeepest = features.map((_, level) => level === features.length - 1);
    if (features.some(([, up], level) => (up.length === 0) !== isDeepest[level])) {
      problem(context, 'features', 'every level but the deepest has convolutions on the way up, the deepest has none');
    }
    if (subsampleFactors.length !== features.length) {
      problem(context, 'subsampleFactors', `one per level: ${features.length}, got ${subsampleFactors.length}`);
    }
    if (
      subsampleFactors.some((own, level) =>
        own.some((factor, axis) => factor % (subsampleFactors[level - 1]?.[axis] ?? 1)),
      )
    ) {
      problem(context, 'subsampleFactors', 'each factor must be a multiple of the one before it');
    }
    if (network.padding === 'same' && !kernels.flat(2).every(isOdd)) {
      problem(context, 'kernels', 'must be odd on every axis where padding is same');
    }
    if (network.connections === 'dense' && network.pooling !== 'average') {
      problem(context, 'connections', 'dense needs pooling: average');
    }
    if (network.relaxedNormalization && network.normalization === 'none') {
      problem(context, 'relaxedNormalization', 'needs a normalization');
    }
    checkHead(network, context);
  });

const meshnet = z
  .strictObject({
    features: z
      .union([count, z.array(count).min(1)])
      .default(5)
      .describe('Channels of every dilated convolution, as one number for all or one per convolution.'),
    dilations: z
      .array(count)
      .min(1)
      .default([1, 2, 4, 8, 16, 8, 4, 2, 1])
      .describe('Distance in voxels of neighbouring taps, one per dilated convolution.'),
    kernel: oddPerAxis.prefault(CUBE).describe('Odd kernel of the dilated convolutions; the last is 1x1x1.'),
    normalization: normalization
      .default('instance')
      .describe('Normalisation after each dilated convolution; with none they have a bias.'),
    activation: activation.default('relu').describe('Activation after each normalisation.'),
    negativeSlope,
    dropout: rate.default(0).describe('Fraction of the feature maps dropped after each activation, in training only.'),
  })
  .transform(({ features, dilations, ...rest }) => ({
    features: typeof features === 'number' ? repeated(features, dilations.length) : features,
    dilations,
    ...rest,
  }))
  .superRefine(({ features, dilations }, context) => {
    if (features.length !== dilations.length) {
      problem(context, 'features', `one per dilation: ${dilations.length}, got ${features.length}`);
    }
  });

/** Feature maps of a pathway of DeepMedic. */
const PATHWAY = [30, 30, 40, 40, 40, 40, 50, 50];

const deepmedic = z
  .strictObject({
    features: z
      .array(z.array(count).min(1))
      .min(1)
      .default([PATHWAY, PATHWAY])
      .describe('Channels by pathway and convolution.'),
    kernels: z
      .array(z.array(oddPerAxis))
      .optional()
      .describe('Odd kernels, nested like the features.')
      .meta({ defaultText: '3 each' }),
    subsampleFactors: z
      .array(oddPerAxis)
      .optional()
      .describe('Voxels of the patch per voxel of a pathway, one odd factor per pathway; coarse pathways read means.')
      .meta({ defaultText: '1, 3, 5, ...' }),
    headKernels: headFields.headKernels.prefault(repeated(POINT, 3)),
    headFeatures: headFields.headFeatures.default([150, 150]),
    headDropout: headFields.headDropout.default([0, 0.5, 0.5]),
    padding: padding.default('valid'),
    upsampling: upsampling.default('copy'),
    normalization: normalization
      .default('batch')
      .describe('Normalisation after each convolution but the last; with none they have a bias.'),
    activation: activation.default('prelu').describe('Activation after each normalisation.'),
    negativeSlope,
    l1: headFields.l1.default(1e-6),
    l2: headFields.l2.default(1e-4),
  })
  .transform(({ features, kernels, subsampleFactors, ...rest }) => ({
    features,
    kernels: kernels ?? features.map(pathway => repeated(CUBE, pathway.length)),
    subsampleFactors:
      subsampleFactors ?? features.map((_, index): Xyz => [2 * index + 1, 2 * index + 1, 2 * index + 1]),
    ...rest,
  }))
  .superRefine((network, context) => {
    const { features, kernels, subsampleFactors } = network;
    const lengths = (pathways: readonly (readonly unknown[])[]): string => pathways.map(({ length }) => length).join();
    if (lengths(kernels) !== lengths(features)) problem(context, 'kernels', 'must be nested like the features');
    if (subsampleFactors.length !== features.length) {
      problem(context, 'subsampleFactors', `one per pathway: ${features.length}, got ${subsampleFactors.length}`);
    }
    checkHead(network, context);
  });

/** The families of networks; every trained arm names one. By its id, the JSON Schema has each of them once. */
export const networkSchemas = {
  unet: unet.meta({ id: 'unet' }),
  residualUnet: residualUnet.meta({ id: 'residualUnet' }),
  generalizedUnet: generalizedUnet.meta({ id: 'generalizedUnet' }),
  meshnet: meshnet.meta({ id: 'meshnet' }),
  deepmedic: deepmedic.meta({ id: 'deepmedic' }),
} as const;

type FamilyName = keyof typeof networkSchemas;

/** Complete settings of a network by its family. */
export type FamilySettings = {
  readonly [Family in FamilyName]: DeepReadonly<z.output<(typeof networkSchemas)[Family]>>;
};

/** A complete network of a recipe: `{ family: settings }` with one family. */
export type NetworkSettings = { readonly [Family in FamilyName]: Pick<FamilySettings, Family> }[FamilyName];
