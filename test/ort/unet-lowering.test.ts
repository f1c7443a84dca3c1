/**
 * Whole training steps of small U-Nets with distillation: the blocked lowering against the plain one, and the plain one
 * against float64.
 */

import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../src/core/random.ts';
import { type Shape, sameShape } from '../../src/core/shape.ts';
import { isOp, reachable } from '../../src/graph/graph.ts';
import type { NetworkNormalization } from '../../src/nn/layers.ts';
import { collectParameters, initialize, parameterCount } from '../../src/nn/parameters.ts';
import { type UnetOptions, unet } from '../../src/nn/unet.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { BLOCKED_DOMAIN } from '../../src/onnx/model.ts';
import { sgd } from '../../src/optim/sgd.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import type { Engine, Session } from '../../src/runtime/engine.ts';
import type { Model } from '../../src/training/forward.ts';
import { buildTrainingStep, type TrainingStep } from '../../src/training/step.ts';
import { relativeError } from '../support/central-difference.ts';
import { evaluate } from '../support/evaluate.ts';
import { draw, toTensor } from '../support/operator-cases.ts';
import { KD } from '../support/training-steps.ts';

let engine: Engine;
const sessions: Session[] = [];
beforeAll(async () => {
  engine = await createNodeEngine({ threads: 1 });
  if (engine.block === 0) console.info('skipped: this build of ONNX Runtime has no channel-blocked kernels');
});
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.dispose();
});

/** Float32 through a forward and a backward pass. */
const TOLERANCE = 1e-4;

interface Setting {
  readonly features: readonly number[];
  readonly normalization: NetworkNormalization;
  readonly negativeSlope: number;
  readonly imageShape: Shape;
  readonly geometry?: Pick<UnetOptions, 'kernels' | 'pooling'>;
}

function model({ features, normalization, negativeSlope, imageShape, geometry }: Setting): Model {
  const network = unet({ features, convolutionsPerLevel: 2, normalization, negativeSlope, classes: 3, ...geometry });
  return { network, specs: collectParameters(network, imageShape) };
}

/** A step with both hard losses and both ways of weighing soft targets, and what goes in. */
function prepare(setting: Setting): { readonly step: TrainingStep; readonly feeds: Record<string, Float64Array> } {
  const { imageShape } = setting;
  const student = model(setting);
  // running statistics of the teacher are used as they are, so they are not those of the student's batch
  const teacher = model({ ...setting, features: [2, 4] });
  const step = buildTrainingStep({
    student,
    imageShape,
    hardLoss: {
      crossEntropy: { weight: 1, kind: 'categorical', classWeights: 'uniform' },
      dice: { weight: 0.5, batch: false, background: false, squared: false, smooth: 1e-5 },
    },
    optimizer: sgd({ momentum: 0.9, nesterov: true }),
    regularization: { l1: 0, l2: 1e-5 },
    clipNorm: 12,
    distillation: {
      teacher: { ...teacher, theta: initialize(teacher.specs, name => random('teacher', name)) },
      terms: [KD, { ...KD, name: 'kdBalanced', classWeights: 'balanced' }],
    },
  });
  const hyper: Readonly<Record<string, number>> = {
    learningRate: 0.25,
    'kd.weight': 0.5,
    'kd.temperature': 2,
    'kdBalanced.weight': 0.25,
    'kdBalanced.temperature': 4,
  };
  const momenta = parameterCount(student.specs.filter(spec => spec.role !== 'buffer'));
  return {
    step,
    feeds: {
      image: draw({ shape: imageShape, draw: 'signed' }, 'image'),
      label: draw({ shape: imageShape.toSpliced(1, 1, 1), draw: 'ties' }, 'label'),
      theta: Float64Array.from(initialize(student.specs, name => random('student', name))),
      m: new Float64Array(momenta),
      hyper: Float64Array.from(step.hyperNames, name => hyper[name] ?? 1),
    },
  };
}

async function run({ graph }: TrainingStep, feeds: Readonly<Record<string, Float64Array>>, block: number) {
  const encoded = lower(graph, { block });
  const isBlocked = encoded.nodes.some(node => node.domain === BLOCKED_DOMAIN);
  const session = await engine.load(encodeModel(encoded));
  sessions.push(session);
  const inputs = reachable(Object.values(graph.outputs)).flatMap(value =>
    isOp(value, 'Input')
      ? [[value.attributes.name, toTensor(feeds[value.attributes.name]!, value.dataType, value.shape)] as const]
      : [],
  );
  const results = await session.run(Object.fromEntries(inputs));
  const data = Object.entries(results).map(([name, value]) => {
    expect(sameShape(value.shape, graph.outputs[name]!.shape), name).toBe(true);
    return [name, value.data as Float32Array] as const;
  });
  return { results: Object.fromEntries(data), isBlocked };
}

function expectSame(
  actual: Readonly<Record<string, ArrayLike<number>>>,
  expected: Readonly<Record<string, ArrayLike<number>>>,
): void {
  expect(Object.keys(actual).sort()).toEqual(['losses', 'm.next', 'theta.next']);
  for (const [name, values] of Object.entries(expected))
    expect(relativeError(actual[name]!, values), name).toBeLessThan(TOLERANCE);
}

const FEATURES = [
  [3, 5],
  [4, 8, 16],
  [16, 32],
  [6, 12],
  [1, 2],
] as const;
const NORMALIZATIONS = ['instance', 'batch', 'group', 'none'] satisfies NetworkNormalization[];

const settings: readonly Setting[] = [
  ...FEATURES.map(features => ({
    features,
    normalization: 'instance' as const,
    negativeSlope: 0.01,
    imageShape: [1, 1, 8, 8, 8],
  })),
  ...NORMALIZATIONS.flatMap(normalization =>
    [0, 0.1].map(negativeSlope => ({ features: [3, 5], normalization, negativeSlope, imageShape: [2, 2, 8, 4, 6] })),
  ),
  { features: [8, 16], normalization: 'batch', negativeSlope: 0.01, imageShape: [3, 1, 2, 6, 4] },
  // as nnU-Net plans thick slices: the first levels in the plane
  ...[
    [3, 5, 8],
    [16, 32, 40],
  ].map(features => ({
    features,
    normalization: 'instance' as const,
    negativeSlope: 0.01,
    imageShape: [2, 1, 4, 8, 8],
    geometry: {
      kernels: [
        [1, 3, 3],
        [1, 3, 3],
        [3, 3, 3],
      ],
      pooling: [
        [1, 2, 2],
        [2, 2, 2],
      ],
    } satisfies Setting['geometry'],
  })),
  // the coarsest level is a single voxel
  { features: [3, 4], normalization: 'none', negativeSlope: 0.01, imageShape: [2, 1, 2, 2, 2] },
];

const describeSetting = ({ features, normalization, negativeSlope, imageShape, geometry }: Setting): string =>
  `features ${features.join(', ')}, ${normalization} normalisation, slope ${negativeSlope}, image ${imageShape.join('x')}` +
  (geometry?.kernels ? `, kernels ${geometry.kernels.map(kernel => kernel.join('x')).join(', ')}` : '');

describe('a training step in the blocked lowering', () => {
  for (const setting of settings) {
    it(`gives the losses and the parameters of the plain one: ${describeSetting(setting)}`, async ({ skip }) => {
      skip(engine.block === 0, 'no channel-blocked kernels');
      const { step, feeds } = prepare(setting);
      const [plain, blocked] = [await run(step, feeds, 0), await run(step, feeds, engine.block)];
      expect([plain.isBlocked, blocked.isBlocked]).toEqual([false, true]);
      expectSame(blocked.results, plain.results);
    });
  }
});

describe('a training step in the plain lowering', () => {
  for (const normalization of NORMALIZATIONS) {
    const setting = { features: [2, 3], normalization, negativeSlope: 0.01, imageShape: [2, 1, 4, 4, 2] };
    it(`gives the losses and the parameters of the reference evaluator: ${describeSetting(setting)}`, async () => {
      const { step, feeds } = prepare(setting);
      const { results } = await run(step, feeds, 0);
      expectSame(results, evaluate(step.graph.outputs, feeds));
    });
  }
});
