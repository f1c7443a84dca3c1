/** Which parameters share their channels, for every family: checked by what a network computes without some of them. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { elementCount } from '../../../src/core/shape.ts';
import type { StartSource } from '../../../src/experiment/start/source.ts';
import { fitStrongest } from '../../../src/experiment/start/strongest.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { channelSpaces } from '../../../src/nn/channel-spaces.ts';
import { collectParameters, constantParameters, type Network, type ParameterSpec } from '../../../src/nn/parameters.ts';
import { architectureOf } from '../../../src/recipe/network.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { evaluate } from '../../support/evaluate.ts';

const SHAPE = [1, 2, 8, 8, 8];

/** A network of a recipe with two input channels and three classes. */
function networkOf(family: string): { readonly network: Network; readonly specs: readonly ParameterSpec[] } {
  const { student } = parseRecipe(
    `{ data: { dataset: d }, patch: { size: [8, 8, 8] }, teacher: { onnx: t }, student: { ${family}, train: { steps: 1, batch: 1 } } }`,
    { path: 'r' },
  );
  const { network } = architectureOf(student, 3);
  return { network, specs: collectParameters(network, SHAPE) };
}

/** Random parameters in which only some channels of every space are strong; the others are exactly 0. */
function withDeadChannels(
  specs: readonly ParameterSpec[],
  spaces: ReturnType<typeof channelSpaces>,
  alive: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, Float32Array> {
  return new Map(
    specs.map(({ name, shape, role }) => {
      const source = random('weights', name);
      const data = Float32Array.from({ length: elementCount(shape) }, () =>
        role === 'kernel' ? source.normal() : 0.5 + source.uniform(),
      );
      spaces.axes.get(name)?.forEach((parts, axis) => {
        const isAlive = parts.flatMap(({ name: space, size }) =>
          Array.from({ length: size }, (_, channel) => alive.get(space)?.includes(channel) ?? true),
        );
        const inner = elementCount(shape.slice(axis + 1));
        data.forEach((_, i) => {
          if (!isAlive[Math.floor(i / inner) % shape[axis]!]) data[i] = 0;
        });
      });
      return [name, data] as const;
    }),
  );
}

function logitsOf(network: Network, specs: readonly ParameterSpec[], theta: Float32Array): readonly number[] {
  const builder = new GraphBuilder();
  const image = builder.input('image', SHAPE);
  const logits = network(builder, image, constantParameters(builder, theta, specs));
  const source = random('image');
  const feeds = { image: Float64Array.from({ length: elementCount(SHAPE) }, () => source.normal()) };
  return [...evaluate({ logits }, feeds)['logits']!];
}

const joined = (parts: readonly Float32Array[]): Float32Array => Float32Array.from(parts.flatMap(part => [...part]));

describe('channels that are nothing can be left out, and nothing changes', () => {
  it.each([
    ['unet', 'unet: { features: [5, 6, 7] }', 'unet: { features: [3, 4, 5] }'],
    [
      'unet of batch normalisation',
      'unet: { features: [5, 6], normalization: batch }',
      'unet: { features: [3, 4], normalization: batch }',
    ],
    [
      'unet without normalisation',
      'unet: { features: [5, 6], normalization: none }',
      'unet: { features: [3, 4], normalization: none }',
    ],
    ['residualUnet', 'residualUnet: { features: [5, 6, 7] }', 'residualUnet: { features: [3, 4, 5] }'],
    [
      'generalizedUnet with residual connections',
      'generalizedUnet: { features: [[[5, 6], [6, 5]], [[7, 6], []]], connections: residual, upsampling: conv }',
      'generalizedUnet: { features: [[[3, 4], [4, 3]], [[5, 4], []]], connections: residual, upsampling: conv }',
    ],
    [
      'generalizedUnet with dense connections',
      'generalizedUnet: { features: [[[5, 6], [6, 5]], [[7, 6], []]], connections: dense, pooling: average, upsampling: linear }',
      'generalizedUnet: { features: [[[3, 4], [4, 3]], [[5, 4], []]], connections: dense, pooling: average, upsampling: linear }',
    ],
    ['meshnet', 'meshnet: { features: 6, dilations: [1, 2, 1] }', 'meshnet: { features: 4, dilations: [1, 2, 1] }'],
    [
      'deepmedic',
      'deepmedic: { features: [[5, 6]], subsampleFactors: [1], padding: same, headFeatures: [7, 6] }',
      'deepmedic: { features: [[3, 4]], subsampleFactors: [1], padding: same, headFeatures: [4, 3] }',
    ],
  ])('%s', (_, wideText, narrowText) => {
    const [wide, narrow] = [networkOf(wideText), networkOf(narrowText)];
    const [wideSpaces, spaces] = [channelSpaces(wide.network, SHAPE), channelSpaces(narrow.network, SHAPE)];
    const sizes = new Map([...spaces.axes.values()].flat(2).map(({ name, size }) => [name, size]));
    const full = new Map([...wideSpaces.axes.values()].flat(2).map(({ name, size }) => [name, size]));
    const alive = new Map(
      [...full].flatMap(([name, size]) => {
        const kept = sizes.get(name)!;
        const order = Array.from({ length: size }, (_unused, channel) => channel);
        const chosen = order.sort((a, b) => random(name, a).uniform() - random(name, b).uniform()).slice(0, kept);
        return kept === size ? [] : [[name, chosen.sort((a, b) => a - b)] as const];
      }),
    );
    expect(alive.size).toBeGreaterThan(1);
    const parameters = withDeadChannels(wide.specs, wideSpaces, alive);
    const source: StartSource = {
      path: 'teacher',
      sha256: '',
      classes: ['a', 'b', 'c'],
      facts: undefined,
      tensors: new Map(wide.specs.map(({ name, shape }) => [name, { shape, data: parameters.get(name)! }])),
    };
    const theta = new Float32Array(narrow.specs.reduce((sum, { shape }) => sum + elementCount(shape), 0)).fill(9);
    const fit = fitStrongest(theta, { specs: narrow.specs, spaces, classes: ['a', 'b', 'c'] }, source);
    expect(fit.fitted).toEqual(narrow.specs.map(({ name }) => name));
    for (const [space, channels] of alive) expect(fit.channels[space]).toEqual(channels);
    const expected = logitsOf(wide.network, wide.specs, joined(wide.specs.map(({ name }) => parameters.get(name)!)));
    const own = logitsOf(narrow.network, narrow.specs, theta);
    const scale = Math.max(...expected.map(Math.abs));
    expect(scale).toBeGreaterThan(0.01);
    own.forEach((value, i) => {
      if (Math.abs(value - expected[i]!) > 1e-4 * scale) expect(value).toBeCloseTo(expected[i]!, 5);
    });
  });
});

describe('the strongest channels', () => {
  const source = (family: string, classes = ['a', 'b', 'c']): StartSource => {
    const { specs } = networkOf(family);
    const tensor = ({ shape }: ParameterSpec) => ({ shape, data: new Float32Array(elementCount(shape)).fill(1) });
    return {
      path: 't.onnx',
      sha256: '',
      classes,
      facts: undefined,
      tensors: new Map(specs.map(s => [s.name, tensor(s)])),
    };
  };
  const fitOf = (student: string, from: StartSource) => {
    const { network, specs } = networkOf(student);
    const theta = new Float32Array(specs.reduce((sum, { shape }) => sum + elementCount(shape), 0));
    return fitStrongest(theta, { specs, spaces: channelSpaces(network, SHAPE), classes: ['a', 'c', 'd'] }, from);
  };

  it('are those with the largest sum of absolute weights, in their order', () => {
    const from = source('unet: { features: [4, 4] }');
    from.tensors.get('encoder0.conv0.weight')!.data.fill(-3, 54, 108).fill(2, 162);
    const { channels } = fitOf('unet: { features: [2, 4] }', from);
    expect(channels['encoder0.conv0.weight']).toEqual([1, 3]);
    expect(channels['encoder0.conv1.weight']).toEqual([0, 1]);
  });

  it('leave classes as they are named', () => {
    expect(fitOf('unet: { features: [2, 4] }', source('unet: { features: [4, 4] }'))).toMatchObject({
      partly: ['head.weight', 'head.bias'],
      classes: ['a', 'c'],
      newClasses: ['d'],
    });
  });

  it.each([
    ['unet: { features: [4, 8] }', 'unet: { features: [4, 4] }', 'has 8 channels in the student and 4 in t.onnx'],
    ['unet: { features: [2, 2, 2] }', 'unet: { features: [4, 4] }', 't.onnx has no encoder2.conv0.weight'],
    ['meshnet: {}', 'unet: { features: [4, 4] }', 't.onnx has no'],
    [
      'unet: { features: [2, 2], kernels: [1, 3] }',
      'unet: { features: [4, 4] }',
      'is 4x2x3x3x3 in t.onnx and 2x2x1x1x1',
    ],
    [
      'unet: { features: [2, 2] }',
      'unet: { features: [4, 4], normalization: none }',
      't.onnx has no encoder0.norm0.scale',
    ],
  ])('of another network are refused: %s from %s', (student, teacher, message) => {
    expect(() => fitOf(student, source(teacher))).toThrow(message);
  });
});
