/** Derivatives of a whole small network of every family, against central differences in float64. */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { random } from '../../../src/core/random.ts';
import { elementCount } from '../../../src/core/shape.ts';
import { decompose } from '../../../src/graph/decompose.ts';
import { fuse } from '../../../src/graph/fuse.ts';
import { GraphBuilder, isOp, reachable, type Value } from '../../../src/graph/graph.ts';
import { DROPOUT_KEYS } from '../../../src/nn/dropout.ts';
import { collectParameters, initialize } from '../../../src/nn/parameters.ts';
import { architectureOf } from '../../../src/recipe/network.ts';
import type { NetworkSettings } from '../../../src/recipe/schema/network.ts';
import { centralDifference, relativeError } from '../../support/central-difference.ts';
import { evaluate } from '../../support/evaluate.ts';
import { generalized as anyGeneralized, deepmedic, meshnet, residualUnet, unet } from '../../support/networks.ts';
import { draw } from '../../support/operator-cases.ts';

interface Case {
  readonly name: string;
  readonly settings: NetworkSettings;
  /** [N, C, D, H, W] */
  readonly image: readonly number[];
}

/** Smooth everywhere but at single points. */
const generalized = (input: object) => anyGeneralized({ activation: 'prelu', ...input });

const SMALL = [
  [[2], [2]],
  [[2], []],
];
const DENSE = [
  [[1, 2, 1], [2]],
  [[2], []],
];

const CASES: readonly Case[] = [
  {
    name: 'a U-Net of planes',
    settings: unet({
      features: [2, 2],
      kernels: [
        [3, 3, 1],
        [3, 1, 1],
      ],
      pooling: [[2, 2, 1]],
      convolutionsPerLevel: 1,
    }),
    image: [2, 1, 1, 4, 4],
  },
  ...(['separable', 'grouped'] as const).map(convolution => ({
    name: `a U-Net of ${convolution} convolutions`,
    settings: unet({
      features: [2, 4],
      kernels: [
        [3, 3, 1],
        [3, 1, 1],
      ],
      pooling: [[2, 2, 1]],
      ...{ convolution, groups: 2, convolutionsPerLevel: 1 },
    }),
    image: [1, 1, 1, 4, 4],
  })),
  {
    name: 'a residual encoder U-Net',
    settings: residualUnet({
      features: [1, 2],
      kernels: [
        [3, 1, 1],
        [3, 3, 1],
      ],
      strides: [[2, 2, 1]],
      blocks: [1, 2],
    }),
    image: [1, 1, 2, 4, 6],
  },
  {
    name: 'a generalized U-Net, linear upsampling, a head with dropout',
    settings: generalized({
      features: SMALL,
      upsampling: 'linear',
      headKernels: [3, 1],
      headFeatures: [2],
      headDropout: [0, 0.4],
    }),
    image: [1, 1, 2, 4, 4],
  },
  {
    name: 'a generalized U-Net, valid padding, residual, transposed convolutions, even kernels',
    settings: generalized({
      features: SMALL,
      kernels: [
        [[[3, 1, 1]], [[2, 1, 1]]],
        [[[1, 1, 1]], []],
      ],
      subsampleFactors: [1, [2, 2, 1]],
      padding: 'valid',
      connections: 'residual',
      upsampling: 'conv',
    }),
    image: [1, 1, 2, 4, 10],
  },
  {
    name: 'a generalized U-Net, valid padding, linear upsampling',
    settings: generalized({
      features: SMALL,
      kernels: [
        [[[3, 1, 1]], [[3, 1, 1]]],
        [[[3, 1, 1]], []],
      ],
      subsampleFactors: [1, [2, 1, 1]],
      padding: 'valid',
      upsampling: 'linear',
      activation: 'linear',
    }),
    image: [1, 1, 2, 2, 14],
  },
  {
    name: 'a generalized U-Net, dense, batch normalisation, relaxed, first factor 2',
    settings: generalized({
      features: DENSE,
      subsampleFactors: [
        [2, 1, 1],
        [2, 2, 1],
      ],
      pooling: 'average',
      connections: 'dense',
      normalization: 'batch',
      relaxedNormalization: true,
    }),
    image: [2, 1, 1, 4, 4],
  },
  {
    name: 'a MeshNet with dropout',
    settings: meshnet({ features: [2, 2, 3], dilations: [1, 2, 1], normalization: 'instance', dropout: 0.3 }),
    image: [1, 1, 3, 4, 3],
  },
  {
    name: 'a DeepMedic',
    settings: deepmedic({
      features: [[2], [2]],
      kernels: [[[3, 3, 1]], [[3, 1, 1]]],
      subsampleFactors: [1, [3, 3, 1]],
      headKernels: [1, 1],
      headFeatures: [2],
      headDropout: [0, 0],
    }),
    image: [2, 1, 1, 5, 11],
  },
];

describe.each(CASES)('$name', ({ settings, image: imageShape }) => {
  const { network } = architectureOf(settings, 2);
  const specs = collectParameters(network, imageShape);
  const builder = new GraphBuilder();
  const image = builder.input('image', imageShape);
  const updates = new Map<string, Value>();
  const logits = network(builder, image, {
    training: true,
    dropoutKey: () => builder.input('key', []),
    update: (name, next) => void updates.set(name, next),
    get: ({ name, shape }) => builder.input(name, shape),
  });
  const loss = builder.total(builder.mul(builder.mul(logits, logits), builder.input('dy', logits.shape)));
  const feeds: Record<string, Float64Array> = {
    image: draw({ shape: imageShape, draw: 'signed' }, 'image'),
    dy: draw({ shape: logits.shape, draw: 'signed' }, 'dy'),
    key: Float64Array.of(random('key').integer(DROPOUT_KEYS)),
  };
  const theta = initialize(specs, name => random(1, name));
  let start = 0;
  for (const { name, shape } of specs) {
    const end = start + elementCount(shape);
    // away from the special values that scales and biases start with
    const noise = random(2, name);
    feeds[name] = Float64Array.from(theta.subarray(start, end), value => value + 0.1 * noise.uniform());
    start = end;
  }
  const trained = specs.filter(({ role }) => role !== 'buffer').map(({ name }) => name);

  it('has derivatives to every parameter and the image that agree with central differences, also when it is rewritten', () => {
    const original = { outputs: { loss } };
    const fusedBuilder = new GraphBuilder();
    const fused = fuse(fusedBuilder, original);
    const inputs = new Map(
      reachable(Object.values(fused.outputs)).flatMap(value =>
        isOp(value, 'Input') ? [[value.attributes.name, value] as const] : [],
      ),
    );
    const names = [...trained, 'image'];
    const gradients = gradient(
      fusedBuilder,
      fused.outputs['loss'] as Value,
      names.map(name => inputs.get(name) as Value),
    );
    const outputs = Object.fromEntries(gradients.map((value, index) => [names[index], value]));
    const values = evaluate(decompose(new GraphBuilder(), { outputs }).outputs, feeds);
    for (const name of names) {
      const numeric = centralDifference(loss, feeds, name);
      const size = Math.max(...numeric.map(Math.abs));
      // a bias before a normalisation changes nothing: its derivative is 0 up to rounding
      if (size < 1e-7) expect(Math.max(...values[name]!.map(Math.abs)), name).toBeLessThan(1e-6);
      else expect(relativeError(values[name]!, numeric), name).toBeLessThan(1e-5);
    }
  });
});
