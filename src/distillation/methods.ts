/**
 * The distillation methods: one record, in which each method has the schema of its settings and the graph of its term.
 * A method's formula, shapes and source are documented with its loss, in losses/distillation.
 */
import { z } from 'zod';
import type { DeepReadonly } from '../core/deep-readonly.ts';
import { sameShape } from '../core/shape.ts';
import type { Value } from '../graph/graph.ts';
import { attentionLoss } from '../losses/distillation/attention.ts';
import { channelWiseLoss } from '../losses/distillation/channel-wise.ts';
import { decoupledLoss } from '../losses/distillation/decoupled.ts';
import { countedShare, onSmallerGrid } from '../losses/distillation/feature-grid.ts';
import { hintLoss } from '../losses/distillation/hint.ts';
import { logitRegressionLoss } from '../losses/distillation/logit-regression.ts';
import { sigmoidSoftTargetLoss, softTargetLoss } from '../losses/distillation/logits.ts';
import { regionAffinityLoss } from '../losses/distillation/region-affinity.ts';
import { relationLoss } from '../losses/distillation/relations.ts';
import { softDiceLoss } from '../losses/distillation/soft-dice.ts';
import type { SoftWeights } from '../losses/distillation/voxel-mean.ts';
import {
  adapted,
  assertExclusive,
  classMaps,
  type DistillationContext,
  hyperOf,
  layersOf,
  logitsOf,
} from './context.ts';
import { rampSchema } from './ramp.ts';
import { type fixedWeights, layers, nonNegative, reference, temperature, voxels, weight } from './settings.ts';

type Settings<S extends z.ZodType> = DeepReadonly<z.output<S>>;

interface MethodDefinition<S extends z.ZodType> {
  /** Schema of the method's settings, with their defaults. */
  readonly schema: S;
  /** Builds the term as a scalar of the graph, without its weight. */
  readonly build: (context: DistillationContext, settings: Settings<S> & { readonly name: string }) => Value;
}

const define = <S extends z.ZodType>(schema: S, build: MethodDefinition<S>['build']): MethodDefinition<S> => ({
  schema,
  build,
});

/** Weights of voxels in the form of the losses. */
function voxelWeights(
  { counted }: Pick<DistillationContext, 'counted'>,
  settings: {
    readonly classWeights: DeepReadonly<z.output<typeof fixedWeights>>;
    readonly foregroundWeight?: number;
    readonly boundaryWeight?: number;
  },
): SoftWeights {
  const { classWeights, ...factors } = settings;
  return { ...factors, weights: classWeights, counted };
}

const temperatureOf = (context: DistillationContext, term: { readonly name: string }): Value =>
  context.hyper(hyperOf(term).temperature);

/** Falls to 0 over the training. */
const KD_WEIGHT = { start: 0.1, end: 0, curve: 'linear', warmupSteps: 0 } as const;

/** Schema of `kd`, with aliases of its weight from before there were schedules; a resolved recipe has `weight` only. */
const kd = z
  .strictObject({
    temperature: temperature(2),
    weight: rampSchema(nonNegative).optional().describe('Weight beside the hard loss.').meta({ default: KD_WEIGHT }),
    softWeight: rampSchema(nonNegative)
      .optional()
      .describe('Alias of weight, but a plain number falls in a straight line to finalSoftWeight.')
      .meta({ defaultText: 'not given' }),
    alpha: nonNegative.optional().describe('Alias of a plain softWeight.').meta({ defaultText: 'not given' }),
    finalSoftWeight: nonNegative
      .optional()
      .describe('Weight at the last step, of a plain softWeight or alpha.')
      .meta({ default: KD_WEIGHT.end }),
    warmupSteps: z
      .int()
      .min(0)
      .optional()
      .describe('Steps over which a plain softWeight or alpha rises from 0.')
      .meta({ default: KD_WEIGHT.warmupSteps }),
    ...voxels,
  })
  .refine(
    ({ weight, softWeight, alpha }) => [weight, softWeight, alpha].filter(given => given !== undefined).length <= 1,
    'weight, softWeight and alpha are the same; give one',
  )
  .refine(
    ({ weight, softWeight, finalSoftWeight, warmupSteps }) =>
      (weight === undefined && typeof softWeight !== 'object') ||
      (finalSoftWeight === undefined && warmupSteps === undefined),
    'finalSoftWeight and warmupSteps lead on a plain softWeight alone; write weight: { start, end, warmupSteps } instead',
  )
  .transform(({ weight, softWeight, alpha, finalSoftWeight, warmupSteps, ...rest }) => {
    if (weight !== undefined) return { ...rest, weight };
    if (typeof softWeight === 'object') return { ...rest, weight: softWeight };
    const plain = {
      ...KD_WEIGHT,
      start: softWeight ?? alpha ?? KD_WEIGHT.start,
      end: finalSoftWeight ?? KD_WEIGHT.end,
      warmupSteps: warmupSteps ?? KD_WEIGHT.warmupSteps,
    };
    return { ...rest, weight: plain };
  });

/** Every method by its name in recipes. */
export const METHODS = {
  kd: define(kd, (context, term) => {
    const loss = context.activation === 'sigmoid' ? sigmoidSoftTargetLoss : softTargetLoss;
    const options = { ...voxelWeights(context, term), temperature: temperatureOf(context, term) };
    return loss(context.builder, ...logitsOf(context), options);
  }),

  logitRegression: define(
    z.strictObject({
      weight: weight(0.1),
      centred: z
        .boolean()
        .default(true)
        .describe(
          'Whether the part that all classes of a voxel share, which a softmax does not see, is left out. Independent classes have no such part.',
        ),
      ...voxels,
    }),
    ({ builder, activation, ...context }, term) => {
      const options = { ...voxelWeights(context, term), centred: term.centred, activation };
      return logitRegressionLoss(builder, ...logitsOf(context), options);
    },
  ),

  dkd: define(
    z.strictObject({
      temperature: temperature(2),
      weight: weight(0.1),
      targetWeight: nonNegative
        .default(1)
        .describe('Weight of the comparison of the target class with all others, alpha of the paper.'),
      nonTargetWeight: nonNegative
        .default(2)
        .describe('Weight of the comparison of the other classes, beta of the paper.'),
      reference,
      ...voxels,
    }),
    (context, term) => {
      assertExclusive(context, 'dkd');
      const { targetWeight, nonTargetWeight } = term;
      return decoupledLoss(context.builder, ...logitsOf(context), {
        ...voxelWeights(context, term),
        targetWeight,
        nonTargetWeight,
        temperature: temperatureOf(context, term),
        target: classMaps(context, term),
      });
    },
  ),

  dist: define(
    z.strictObject({
      temperature: temperature(1),
      weight: weight(1),
      interWeight: nonNegative
        .default(1)
        .describe('Weight of the relation between the classes of a voxel, beta of the paper.'),
      intraWeight: nonNegative
        .default(1)
        .describe('Weight of the relation between the voxels in a class, gamma of the paper.'),
      ...voxels,
    }),
    (context, term) => {
      assertExclusive(context, 'dist');
      const { interWeight, intraWeight } = term;
      const options = {
        ...voxelWeights(context, term),
        interWeight,
        intraWeight,
        temperature: temperatureOf(context, term),
      };
      return relationLoss(context.builder, ...logitsOf(context), options);
    },
  ),

  softDice: define(
    z.strictObject({
      temperature: temperature(1),
      weight: weight(1),
      background: z
        .boolean()
        .default(false)
        .describe('Whether the background counts as a class; independent classes have none.'),
    }),
    (context, term) => {
      const { builder, activation, counted } = context;
      const { background } = term;
      const options = { temperature: temperatureOf(context, term), activation, background, counted };
      return softDiceLoss(builder, ...logitsOf(context), options);
    },
  ),

  hint: define(z.strictObject({ ...layers, weight: weight(0.1) }), (context, term) => {
    const pair = onSmallerGrid(context.builder, ...layersOf(context, term));
    const share = countedShare(context.builder, context.counted, pair[1]);
    return hintLoss(context.builder, adapted(context, pair, { name: term.name, bias: true }), pair[1], share);
  }),

  attention: define(z.strictObject({ ...layers, weight: weight(0.1) }), (context, term) => {
    const pair = onSmallerGrid(context.builder, ...layersOf(context, term));
    return attentionLoss(context.builder, ...pair, countedShare(context.builder, context.counted, pair[1]));
  }),

  channelWise: define(
    z.strictObject({
      studentLayer: layers.studentLayer.default('logits'),
      teacherLayer: layers.teacherLayer.default('logits'),
      temperature: temperature(4),
      weight: weight(0.1),
    }),
    (context, term) => {
      const pair = onSmallerGrid(context.builder, ...layersOf(context, term));
      // a softmax over space ignores a bias
      const options = { name: term.name, bias: false };
      const student = sameShape(pair[0].shape, pair[1].shape) ? pair[0] : adapted(context, pair, options);
      return channelWiseLoss(context.builder, student, pair[1], {
        temperature: temperatureOf(context, term),
        counted: countedShare(context.builder, context.counted, pair[1]),
      });
    },
  ),

  regionAffinity: define(z.strictObject({ ...layers, weight: weight(0.1), reference }), (context, term) => {
    const { builder, counted } = context;
    const maps = classMaps(context, term);
    // an ignored voxel is of no region, whatever the teacher takes it for
    const regions = counted === undefined ? maps : builder.mul(maps, counted);
    return regionAffinityLoss(builder, ...layersOf(context, term), regions);
  }),
} as const;

/** A method's name. */
export type Method = keyof typeof METHODS;

/** The settings of each method, as a resolved recipe has them. */
export type Methods = { readonly [M in Method]: Settings<(typeof METHODS)[M]['schema']> };
