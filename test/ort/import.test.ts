/**
 * Models read back as graphs of ours say what they said as files, by plain and by blocked kernels; what cannot be read
 * is named.
 */
import { describe, expect, it } from 'vitest';
import { random } from '../../src/core/random.ts';
import { elementCount, type Shape, type Triple } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { decompose } from '../../src/graph/decompose.ts';
import { fuse } from '../../src/graph/fuse.ts';
import { type Graph, GraphBuilder } from '../../src/graph/graph.ts';
import { collectParameters } from '../../src/nn/parameters.ts';
import { blockedForm } from '../../src/onnx/blocked-form.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { foldedForm } from '../../src/onnx/folded-form.ts';
import { type ImportOptions, importModel } from '../../src/onnx/import.ts';
import { lower } from '../../src/onnx/lower.ts';
import { BLOCKED_DOMAIN, type OnnxNode } from '../../src/onnx/model.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { architectureOf } from '../../src/recipe/network.ts';
import type { NetworkSettings } from '../../src/recipe/schema/network.ts';
import { exportModel } from '../../src/training/export.ts';
import { foreignFiles } from '../support/foreign-models.ts';
import { goldensImage, goldensTheta } from '../support/goldens-stream.ts';
import { deepmedic, generalized, meshnet, residualUnet, unet } from '../support/networks.ts';

const engine = await createNodeEngine({ threads: 1 });
if (engine.block === 0) console.info('skipped: no blocked kernels here, so only the plain lowering is compared');

const triple = (shape: Shape): Triple => [shape[2]!, shape[3]!, shape[4]!];

async function run(bytes: Uint8Array, { input, outputs }: ImportOptions): Promise<Float32Array[]> {
  const session = await engine.load(bytes);
  const image = tensor('float32', goldensImage(3, input.shape), input.shape);
  const results = await session.run({ [input.name]: image }, outputs);
  await session.dispose();
  return outputs.map(name => results[name]!.data as Float32Array);
}

function imported(bytes: Uint8Array, options: ImportOptions): Graph {
  const graph = importModel(decodeModel(bytes, 'm.onnx'), options);
  if ('unsupported' in graph) throw new Error(graph.unsupported);
  return graph;
}

/** Largest difference of any output, relative to its largest value. */
async function difference(bytes: Uint8Array, other: Uint8Array, options: ImportOptions): Promise<number> {
  const [said, says] = [await run(bytes, options), await run(other, options)];
  return Math.max(
    ...said.map((values, output) => {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const apart = values.map((value, index) => Math.abs(value - says[output]![index]!));
      expect(values.length).toBe(says[output]!.length);
      return apart.reduce((most, value) => Math.max(most, value), 0) / largest;
    }),
  );
}

async function expectSame(bytes: Uint8Array, options: ImportOptions): Promise<void> {
  const graph = imported(bytes, options);
  const blocks = [0, 1, engine.block];
  for (const block of new Set(blocks)) {
    const spelledOut = decompose(new GraphBuilder(), fuse(new GraphBuilder(), graph));
    const form = encodeModel(lower(block === 0 ? graph : spelledOut, { block }));
    expect(await difference(bytes, form, options), `block ${block}`).toBeLessThan(2e-5);
  }
}

describe('a model of ours, exported and read back', () => {
  const SHAPE = [2, 1, 8, 12, 8];
  const LEVELS = [
    [[16], [16]],
    [[20], []],
  ];
  it.each<[string, NetworkSettings]>([
    ['a U-Net', unet({ features: [16, 20], convolutionsPerLevel: 1 })],
    ['a U-Net with batch normalisation', unet({ features: [16, 20], normalization: 'batch' })],
    ['a U-Net of separable convolutions', unet({ features: [16, 20], convolution: 'separable' })],
    ['a U-Net of grouped convolutions', unet({ features: [16, 20], convolution: 'grouped' })],
    ['a residual encoder U-Net', residualUnet({ features: [16, 20], blocks: [1, 2] })],
    [
      'a generalized U-Net, linear upsampling, PReLU',
      generalized({ features: LEVELS, upsampling: 'linear', activation: 'prelu' }),
    ],
    ['a MeshNet', meshnet({ features: 16 })],
    [
      'a DeepMedic',
      deepmedic({ features: [[16], [16]], headFeatures: [16], headKernels: [1, 1], headDropout: [0, 0] }),
    ],
  ])('%s', async (_, settings) => {
    const { network } = architectureOf(settings, 3);
    const shape = 'deepmedic' in settings ? [1, 1, 9, 9, 15] : SHAPE;
    const specs = collectParameters(network, shape);
    const model = { network, specs };
    const file = exportModel(model, goldensTheta(1, specs), { channels: 1, window: triple(shape), metadata: {} });
    await expectSame(file, { input: { name: 'image', shape }, outputs: ['logits'] });
  });
});

it('an exported network that goes up by transposed convolutions has none that WebGPU lacks, and gets their fast form back', async ({
  skip,
}) => {
  const { network } = architectureOf(residualUnet({ features: [16, 20], blocks: 1 }), 3);
  const shape = [1, 1, 8, 12, 8];
  const specs = collectParameters(network, shape);
  const file = exportModel({ network, specs }, goldensTheta(1, specs), {
    ...{ channels: 1, window: triple(shape), metadata: {} },
  });
  const operators = (bytes: Uint8Array) => decodeModel(bytes, 'm.onnx').nodes.map(({ op }) => op);
  expect(operators(file)).not.toContain('ConvTranspose');
  const { block } = engine;
  skip(block === 0, 'no blocked kernels');
  const options = { input: { name: 'image', shape }, outputs: ['logits'] };
  const form = blockedForm(file, { ...options, block });
  if (!(form instanceof Uint8Array)) throw new Error('the model has no blocked form');
  expect(await difference(file, form, options)).toBeLessThan(2e-5);
  const widest = decodeModel(form, 'form').nodes.flatMap(({ attributes }) => attributes.get('perm')?.ints.length ?? []);
  expect(Math.max(...widest)).toBeLessThan(8);
});

it('an exported network has no convolution of volumes in groups in the form for graphics cards, which have none', async () => {
  const shape = [1, 1, 4, 8, 6];
  const options = { input: { name: 'image', shape }, outputs: ['logits'] };
  const inGroups = (bytes: Uint8Array): boolean =>
    decodeModel(bytes, 'm.onnx').nodes.some(
      ({ attributes }) =>
        (attributes.get('group')?.int ?? 1) > 1 && attributes.get('kernel_shape')?.ints.length === shape.length - 2,
    );
  for (const convolution of ['separable', 'grouped', 'full']) {
    const { network } = architectureOf(unet({ features: [4, 8], convolution }), 3);
    const specs = collectParameters(network, shape);
    const file = exportModel({ network, specs }, goldensTheta(1, specs), {
      ...{ channels: 1, window: triple(shape), metadata: {} },
    });
    const form = foldedForm(file, options);
    if (!(form instanceof Uint8Array)) throw new Error(form.unsupported);
    expect([inGroups(file), inGroups(form)]).toEqual([convolution !== 'full', false]);
    expect(await difference(file, form, options)).toBeLessThan(2e-5);
  }
});

/** A node: its operator, the shapes of its weights, its attributes. */
type Step = readonly [op: string, weights: readonly Shape[], attributes?: OnnxNode['attributes']];

/** A model with one node after another, each of the result before it and of weights of these shapes. */
function chain(...steps: readonly Step[]): Uint8Array {
  const initializers = steps.flatMap(([op, weights], step) =>
    weights.map((shape, index) => {
      const numbers = random(7, `${op}${step}.${index}`);
      // positive, since some are variances
      const data = Float32Array.from({ length: elementCount(shape) }, () => 0.1 + numbers.uniform());
      return { name: `w${step}.${index}`, ...tensor('float32', data, shape) };
    }),
  );
  const nodes = steps.map(([op, weights, attributes = {}], step) => ({
    name: `n${step}`,
    op,
    inputs: [step === 0 ? 'image' : `v${step - 1}`, ...weights.map((_, index) => `w${step}.${index}`)],
    outputs: [`v${step}`],
    attributes,
  }));
  const value = (name: string) => ({ name, dataType: 'float32' as const, shape: ['N', 'C', 'D', 'H', 'W'] });
  return encodeModel({
    nodes,
    initializers,
    inputs: [value('image')],
    outputs: [value(`v${steps.length - 1}`)],
    metadata: {},
  });
}

const IMAGE = [2, 2, 4, 6, 8];
const CUBE = { kernel_shape: [3, 3, 3], pads: [1, 1, 1, 1, 1, 1] };
const lift: Step = ['Conv', [[16, 2, 3, 3, 3], [16]], CUBE];
const of = (steps: number): ImportOptions => ({
  input: { name: 'image', shape: IMAGE },
  outputs: [`v${steps - 1}`],
});

describe('operators as others write them', () => {
  it.each<readonly [string, readonly Step[]]>([
    ['strides, as nnU-Net goes down', [lift, ['Conv', [[32, 16, 3, 3, 3], [32]], { ...CUBE, strides: [2, 2, 2] }]]],
    [
      'uneven strides, pads and dilations',
      [lift, ['Conv', [[16, 16, 3, 1, 3]], { strides: [1, 2, 1], pads: [0, 0, 2, 1, 1, 1], dilations: [1, 1, 2] }]],
    ],
    ['groups', [lift, ['Conv', [[32, 8, 3, 3, 3], [32]], { ...CUBE, group: 2 }]]],
    [
      'a transposed convolution, as nnU-Net goes up',
      [lift, ['ConvTranspose', [[16, 24, 2, 2, 2], [24]], { strides: [2, 2, 2] }]],
    ],
    [
      'one that overlaps, with pads and more at the end',
      [
        lift,
        [
          'ConvTranspose',
          [[16, 8, 3, 3, 3]],
          { strides: [2, 2, 1], pads: [1, 1, 1, 1, 1, 1], output_padding: [1, 1, 0] },
        ],
      ],
    ],
    ['instance normalisation', [lift, ['InstanceNormalization', [[16], [16]], { epsilon: { float: 0.01 } }]]],
    ['batch normalisation', [lift, ['BatchNormalization', [[16], [16], [16], [16]]]]],
    [
      'batch normalisation of another epsilon',
      [lift, ['BatchNormalization', [[16], [16], [16], [16]], { epsilon: { float: 0.3 } }]],
    ],
    [
      'PReLU and LeakyReLU',
      [
        lift,
        ['Sub', [[16, 1, 1, 1]]],
        ['PRelu', [[16, 1, 1, 1]]],
        ['LeakyRelu', [], { alpha: { float: 0.2 } }],
        ['LeakyRelu', []],
      ],
    ],
    [
      'pooling',
      [
        lift,
        ['MaxPool', [], { kernel_shape: [2, 2, 2], strides: [2, 2, 2] }],
        ['AveragePool', [], { kernel_shape: [1, 3, 2], strides: [1, 3, 2] }],
      ],
    ],
    ['probabilities', [lift, ['Softmax', [], { axis: 1 }]]],
    ['of the last axis', [lift, ['Softmax', []]]],
    ['a sigmoid', [lift, ['Sub', [[1]]], ['Sigmoid', []], ['Dropout', []], ['Identity', []]]],
  ])('%s', async (_, steps) => {
    await expectSame(chain(...steps), of(steps.length));
  });

  it('with names that the lowering would choose too', async () => {
    const graph = imported(chain(lift, ['Relu', []]), of(2));
    const names = ['t0.0', '_c0'];
    const outputs = Object.fromEntries(names.map(name => [name, graph.outputs['v1']!]));
    const bytes = encodeModel(lower({ outputs }, { block: 0 }));
    await expectSame(bytes, { ...of(2), outputs: names });
  });

  it('nearest upsampling, whichever way it rounds', async () => {
    for (const [coordinates, nearest] of [
      ['asymmetric', 'floor'],
      ['half_pixel', 'round_prefer_floor'],
      ['half_pixel', 'round_prefer_ceil'],
    ] as const) {
      const builder = new GraphBuilder();
      const image = builder.input('image', IMAGE);
      const lowered = lower({ outputs: { v0: builder.apply('Resize', [image], { scales: [2, 3, 4] }) } }, { block: 0 });
      const nodes = lowered.nodes.map(node =>
        node.op !== 'Resize'
          ? node
          : {
              ...node,
              attributes: { ...node.attributes, coordinate_transformation_mode: coordinates, nearest_mode: nearest },
            },
      );
      await expectSame(encodeModel({ ...lowered, nodes }), of(1));
    }
  });

  it('a shape that is asked for', async () => {
    const bytes = encodeModel({
      nodes: [
        { name: 'a', op: 'Shape', inputs: ['image'], outputs: ['whole'], attributes: {} },
        { name: 'b', op: 'Reshape', inputs: ['image', 'row'], outputs: ['flat'], attributes: {} },
        { name: 'c', op: 'Reshape', inputs: ['flat', 'whole'], outputs: ['v0'], attributes: {} },
      ],
      initializers: [{ name: 'row', ...tensor('int64', BigInt64Array.from([2n, -1n]), [2]) }],
      inputs: [{ name: 'image', dataType: 'float32', shape: ['N', 2, 4, 6, 8] }],
      outputs: [{ name: 'v0', dataType: 'float32', shape: ['N', 2, 4, 6, 8] }],
      metadata: {},
    });
    await expectSame(bytes, of(1));
  });

  it('group normalisation, as PyTorch exports it', async () => {
    const builder = new GraphBuilder();
    const image = builder.reshape(builder.input('image', IMAGE), [2, 4, 96]);
    const weights = [1, 0].map(value => builder.float(new Array(4).fill(value), [4]));
    const rows = builder.apply('InstanceNormalization', [image, ...weights], { epsilon: 1e-5 });
    const bytes = encodeModel(lower({ outputs: { v0: builder.reshape(rows, IMAGE) } }, { block: 0 }));
    await expectSame(bytes, of(1));
  });

  it.each([
    'fixed-opset11',
    'dynamic-opset13',
    'softmax-opset16',
    'five-classes-opset12',
    'torch2-dynamic',
    'torch2-opset21',
  ])("PyTorch's %s", async name => {
    const bytes = await foreignFiles().read(`${name}.onnx`);
    const { inputs, outputs } = decodeModel(bytes, name);
    await expectSame(bytes, {
      input: { name: inputs[0]!.name, shape: [1, 1, 8, 12, 8] },
      outputs: [outputs[0]!.name],
    });
  });

  it.each<readonly [RegExp, readonly Step[], Partial<ImportOptions & { operatorSet: number }>]>([
    [/operator Celu/, [lift, ['Celu', []]], {}],
    [/auto_pad SAME/, [['ConvTranspose', [[2, 16, 3, 3, 3]], { auto_pad: 'SAME_UPPER' }]], {}],
    [/MaxPool with dilations/, [['MaxPool', [], { kernel_shape: [2, 2, 2], dilations: [2, 2, 2] }]], {}],
    [/MaxPool with ceil_mode/, [['MaxPool', [], { kernel_shape: [2, 2, 2], strides: [2, 2, 2], ceil_mode: 1 }]], {}],
    [/Resize by cubic/, [['Resize', [], { mode: 'cubic' }]], {}],
    [/output_shape/, [['ConvTranspose', [[2, 2, 2, 2, 2]], { output_shape: [8, 12, 16] }]], {}],
    [/operator set 11/, [['Softmax', [], { axis: 1 }]], { operatorSet: 11 }],
    [/result called other/, [lift], { outputs: ['other'] }],
    [/^operator set 10$/, [lift], { operatorSet: 10 }],
    [/Dropout that may be on/, [['Dropout', [[1], [1]]]], {}],
    [/Pad with [01]/, [['Pad', [[10], [1]]]], {}],
    [/Pad by edge/, [['Pad', [[10]], { mode: 'edge' }]], {}],
  ])('refuses what it cannot say: %s', (reason, steps, { operatorSet = 17, ...more }) => {
    const model = { ...decodeModel(chain(...steps), 'm.onnx'), operatorSets: new Map([['', operatorSet]]) };
    expect(importModel(model, { ...of(steps.length), ...more })).toMatchObject({
      unsupported: expect.stringMatching(reason),
    });
  });
});

describe('the blocked form of a model', () => {
  const wide = chain(lift, ['Conv', [[32, 16, 3, 3, 3]], CUBE]);
  const shrinking = chain(['Conv', [[16, 2, 3, 3, 3]], {}], ['Conv', [[16, 16, 1, 1, 1]], {}]);

  it.each([8, 16])('uses kernels for blocks of %i', block => {
    const form = blockedForm(wide, { ...of(2), block });
    expect(form).toBeInstanceOf(Uint8Array);
    const { operatorSets, inputs, outputs } = decodeModel(form as Uint8Array, 'form');
    expect(operatorSets.has(BLOCKED_DOMAIN)).toBe(true);
    expect([inputs, outputs].map(infos => infos.map(({ name, shape }) => [name, shape]))).toEqual([
      [['image', IMAGE]],
      [['v1', [2, 32, ...IMAGE.slice(2)]]],
    ]);
  });

  it('is not made where it would not pay, and without such kernels', () => {
    const narrow = chain(['Conv', [[2, 2, 3, 3, 3]], CUBE], ['Conv', [[2, 2, 3, 3, 3]], CUBE]);
    expect(blockedForm(narrow, { ...of(2), block: 16 })).toBeUndefined();
    expect(blockedForm(shrinking, { ...of(2), block: 16 })).toBeUndefined();
    expect(blockedForm(wide, { ...of(2), block: 0 })).toBeUndefined();
    expect(blockedForm(chain(lift, ['Celu', []]), { ...of(2), block: 16 })).toEqual({
      unsupported: 'the operator Celu',
    });
  });
});
