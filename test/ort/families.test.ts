/**
 * A whole step of a small network of every family, by both lowerings, against the float64 evaluator; and dropout from
 * step to step.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../src/core/random.ts';
import { elementCount } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { GraphBuilder, isOp, reachable } from '../../src/graph/graph.ts';
import { uniformNoise } from '../../src/nn/dropout.ts';
import { collectParameters, initialize } from '../../src/nn/parameters.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { architectureOf } from '../../src/recipe/network.ts';
import type { NetworkSettings } from '../../src/recipe/schema/network.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { buildForward } from '../../src/training/forward.ts';
import { labelShape } from '../../src/training/hard-loss.ts';
import { buildTrainingStep, type StepOptions } from '../../src/training/step.ts';
import { relativeError } from '../support/central-difference.ts';
import { evaluate } from '../support/evaluate.ts';
import { deepmedic, generalized, meshnet, residualUnet, unet } from '../support/networks.ts';
import { draw, toTensor } from '../support/operator-cases.ts';
import { HARD_LOSS, plainAdam } from '../support/training-steps.ts';

const THREADS = [1, 2] as const;
let engines: readonly Engine[];
beforeAll(async () => {
  engines = await Promise.all(THREADS.map(threads => createNodeEngine({ threads })));
  if (engines[0]?.block === 0) console.info('skipped: no blocked kernels here, so only the plain lowering is compared');
});

interface Case {
  readonly name: string;
  readonly settings: NetworkSettings;
  /** [N, C, D, H, W] */
  readonly image: readonly number[];
}

const SMALL = [
  [[4], [4]],
  [[8], []],
];

const CASES: readonly Case[] = [
  {
    name: 'a U-Net with anisotropic kernels and poolings',
    settings: unet({
      features: [4, 8, 8],
      kernels: [[3, 3, 1], 3, [3, 3, 1]],
      pooling: [[2, 2, 1], 2],
      convolutionsPerLevel: 1,
    }),
    image: [1, 1, 4, 8, 8],
  },
  {
    name: 'a U-Net of planes',
    settings: unet({
      features: [4, 8],
      kernels: [
        [3, 3, 1],
        [3, 3, 1],
      ],
      pooling: [[2, 2, 1]],
    }),
    image: [2, 1, 1, 4, 8],
  },
  ...[8, 16].map(channels => ({
    name: `a U-Net of separable convolutions, ${channels} channels at the top`,
    settings: unet({ features: [channels, 20], convolution: 'separable', convolutionsPerLevel: 1 }),
    image: [2, 1, 4, 8, 6],
  })),
  {
    name: 'a U-Net of grouped convolutions with anisotropic kernels and without normalisation',
    settings: unet({
      features: [4, 8],
      kernels: [[3, 3, 1], 3],
      convolution: 'grouped',
      groups: 2,
      normalization: 'none',
    }),
    image: [1, 2, 4, 8, 6],
  },
  {
    name: 'a residual encoder U-Net that fills blocks, with anisotropic strides',
    settings: residualUnet({ features: [8, 16, 16], kernels: [[3, 3, 1], 3, 3], strides: [[2, 2, 1], 2], blocks: 1 }),
    image: [1, 1, 4, 8, 8],
  },
  {
    name: 'a residual encoder U-Net of few channels without normalisation',
    settings: residualUnet({ features: [4, 6], blocks: [1, 2], decoderConvolutions: 2, normalization: 'none' }),
    image: [2, 2, 4, 4, 8],
  },
  {
    name: 'a residual encoder U-Net of planes, strided by 3',
    settings: residualUnet({
      features: [4, 8],
      kernels: [
        [3, 3, 1],
        [3, 3, 1],
      ],
      strides: [[3, 2, 1]],
      blocks: 1,
    }),
    image: [2, 1, 1, 4, 9],
  },
  {
    name: 'a generalized U-Net with average pooling and linear upsampling',
    settings: generalized({ features: SMALL, pooling: 'average', upsampling: 'linear', headDropout: [0.3] }),
    image: [2, 1, 4, 8, 6],
  },
  {
    name: 'a generalized U-Net with transposed convolutions, residual, PReLU',
    settings: generalized({ features: SMALL, upsampling: 'conv', connections: 'residual', activation: 'prelu' }),
    image: [1, 1, 4, 8, 6],
  },
  {
    name: 'a generalized U-Net with valid padding',
    settings: generalized({ features: SMALL, padding: 'valid', normalization: 'batch' }),
    image: [1, 1, 10, 10, 12],
  },
  {
    name: 'a dense generalized U-Net that starts at half the resolution',
    settings: generalized({
      features: [
        [
          [2, 2, 2],
          [2, 2, 2],
        ],
        [[4, 4], []],
      ],
      subsampleFactors: [2, 4],
      pooling: 'average',
      connections: 'dense',
    }),
    image: [1, 1, 4, 8, 8],
  },
  {
    name: 'a MeshNet with dilations beyond the image and dropout',
    settings: meshnet({ features: 5, dilations: [1, 2, 8], dropout: 0.3 }),
    image: [1, 1, 4, 6, 8],
  },
  {
    name: 'a DeepMedic',
    settings: deepmedic({ features: [[4], [4]], headFeatures: [6], headKernels: [1, 1], headDropout: [0, 0.5] }),
    image: [1, 1, 9, 9, 15],
  },
];

const HYPER: Readonly<Record<string, number>> = {
  learningRate: 0.01,
  biasCorrection1: 10,
  biasCorrection2: 1000,
  dropoutKey: 1_234_567,
};

function prepare({ settings, image: imageShape }: Case) {
  const { network } = architectureOf(settings, 3);
  const student = { network, specs: collectParameters(network, imageShape) };
  const options: StepOptions = {
    student,
    imageShape,
    hardLoss: HARD_LOSS,
    optimizer: plainAdam(),
    regularization: { l1: 0, l2: 1e-4 },
    clipNorm: null,
  };
  const step = buildTrainingStep(options);
  const theta = initialize(student.specs, name => random(1, name));
  const count = elementCount([step.graph.outputs['m.next']?.shape[0] ?? 0]);
  const feeds: Record<string, Float64Array> = {
    image: draw({ shape: imageShape, draw: 'signed' }, 'image'),
    label: draw({ shape: labelShape(options.imageShape, options.unlabelled), draw: 'ties' }, 'label'),
    theta: Float64Array.from(theta),
    m: new Float64Array(count),
    v: new Float64Array(count),
    hyper: Float64Array.from(step.hyperNames, name => Math.fround(HYPER[name] ?? Number.NaN)),
  };
  return { step, student, feeds };
}

function inputsOf({ step, feeds }: ReturnType<typeof prepare>) {
  const inputs = reachable(Object.values(step.graph.outputs)).filter(value => isOp(value, 'Input'));
  return Object.fromEntries(
    inputs.map(({ attributes: { name }, dataType, shape }) => [
      name,
      toTensor(feeds[name] as Float64Array, dataType, shape),
    ]),
  );
}

async function run(engine: Engine, prepared: ReturnType<typeof prepare>, block: number) {
  const session = await engine.load(encodeModel(lower(prepared.step.graph, { block })));
  try {
    return await session.run(inputsOf(prepared));
  } finally {
    await session.dispose();
  }
}

describe.each(CASES)('$name', setting => {
  const prepared = prepare(setting);

  it('gives losses and gradients of the evaluator, in both lowerings', async () => {
    const { losses, 'm.next': moment } = prepared.step.graph.outputs;
    const expected = evaluate({ losses: losses!, moment: moment! }, prepared.feeds);
    const engine = engines[0] as Engine;
    for (const block of new Set([0, engine.block])) {
      const actual = await run(engine, prepared, block);
      expect(relativeError(actual['losses']?.data as Float32Array, expected['losses']!)).toBeLessThan(1e-5);
      // the first moment of Adam is a tenth of the gradient; kinks and few voxels per mean cost digits
      expect(relativeError(actual['m.next']?.data as Float32Array, expected['moment']!)).toBeLessThan(1e-4);
    }
  });
});

describe('dropout in a step', () => {
  const setting = CASES.find(({ name }) => name.startsWith('a MeshNet')) as Case;
  const prepared = prepare(setting);
  const lossOf = async (dropoutKey: number): Promise<number> => {
    const place = prepared.step.hyperNames.indexOf('dropoutKey');
    const hyper = prepared.feeds['hyper']!.with(place, dropoutKey);
    const results = await run(engines[0]!, { ...prepared, feeds: { ...prepared.feeds, hyper } }, 0);
    return results['losses']?.data[0] as number;
  };

  it('changes with the key of the step and with nothing else', async () => {
    const [first, again, other] = [await lossOf(5), await lossOf(5), await lossOf(6)];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('draws exactly the numbers of the evaluator, with one thread and with two', async () => {
    const builder = new GraphBuilder();
    const noise = uniformNoise(builder, builder.input('key', []), 'layer', [2, 3, 8, 20, 20]);
    const expected = evaluate({ noise }, { key: Float64Array.of(99_999) })['noise'];
    for (const engine of engines) {
      const session = await engine.load(encodeModel(lower({ outputs: { noise } }, { block: engine.block })));
      const { noise: drawn } = await session.run({ key: tensor('float32', Float32Array.of(99_999), []) });
      await session.dispose();
      expect(relativeError(drawn?.data as Float32Array, expected!)).toBe(0);
    }
  });

  it('is not part of the network outside training', () => {
    const graph = buildForward(prepared.student, setting.image);
    const names = reachable(Object.values(graph.outputs)).flatMap(value =>
      isOp(value, 'Input') ? [value.attributes.name] : [],
    );
    expect(names.sort()).toEqual(['image', 'theta']);
  });
});
