/**
 * The 8-bit form beside the float model: exact where its numbers can be, near where they are rounded, and the same on
 * every processor and in WebAssembly.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../src/core/random.ts';
import { elementCount, range, type Shape, type Triple } from '../../src/core/shape.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { samePads } from '../../src/graph/convolution.ts';
import { type Graph, GraphBuilder, type Value } from '../../src/graph/graph.ts';
import { collectParameters, constantParameters, initialize } from '../../src/nn/parameters.ts';
import { eightBitCandidate } from '../../src/onnx/eight-bit-form.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { createWebEngine } from '../../src/platform/web/index.ts';
import { architectureOf } from '../../src/recipe/network.ts';
import type { NetworkSettings } from '../../src/recipe/schema/network.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { encodeAnyBatch } from '../../src/training/export.ts';
import { meshnet, residualUnet, unet } from '../support/networks.ts';

let node: Engine;
let web: Engine;
beforeAll(async () => {
  node = await createNodeEngine({ threads: 1 });
  web = await createWebEngine({ threads: 1 });
});

/** Whole numbers from 0 to 255 over a shape, 0 and 255 among them. */
function bytes(shape: Shape, key: string): Tensor {
  const source = random('bytes', key);
  const data = Float32Array.from({ length: elementCount(shape) }, () => source.integer(256));
  data.set([0, 255]);
  return tensor('float32', data, shape);
}

/**
 * A kernel of whole numbers whose largest is 64 in every output channel, also where two taps along the depth meet one
 * coarse plane and are added up: the tap beside that of 64 is 0, all others are 32 at most.
 */
function wholeKernel(shape: Shape, key: string): Tensor {
  const source = random('kernel', key);
  const perChannel = elementCount(shape) / shape[0]!;
  const nextTap = elementCount(shape.slice(3));
  const data = Float32Array.from({ length: elementCount(shape) }, (_, index) => {
    const place = index % perChannel;
    return place === 0 ? 64 : place === nextTap ? 0 : source.integer(65) - 32;
  });
  return tensor('float32', data, shape);
}

/** A model and its 8-bit form, whose ranges are those of this image. */
async function bothForms(
  engine: Engine,
  graph: Graph,
  image: Tensor,
): Promise<{
  readonly float: Float32Array;
  readonly eight: Float32Array;
  readonly convolutions: number;
  readonly file: Uint8Array;
}> {
  const file = encodeAnyBatch(graph, {});
  const single = image.shape.with(0, 1);
  const candidate = eightBitCandidate(file, {
    input: { name: 'image', shape: single },
    outputs: ['y'],
    block: engine.block,
    anyBatch: true,
  });
  if ('unsupported' in candidate) throw new Error(candidate.unsupported);
  const watching = await engine.load(candidate.observer);
  const perSample = elementCount(single);
  const samples = range(image.shape[0]!).map(n =>
    tensor('float32', (image.data as Float32Array).slice(n * perSample, (n + 1) * perSample), single),
  );
  const floats: Float32Array[] = [];
  for (const sample of samples) {
    const outputs = await watching.run({ image: sample });
    candidate.observe(outputs);
    floats.push(outputs['y']!.data as Float32Array);
  }
  await watching.dispose();
  const eightFile = candidate.finish({});
  const session = await engine.load(eightFile);
  const { y } = await session.run({ image });
  await session.dispose();
  const float = new Float32Array(y!.data.length);
  for (const [index, part] of floats.entries()) float.set(part, index * part.length);
  return { float, eight: y!.data as Float32Array, convolutions: candidate.convolutions, file: eightFile };
}

/** Largest error of each channel, and half a step of its 8-bit numbers. */
function errorsByChannel(
  { float, eight }: { readonly float: Float32Array; readonly eight: Float32Array },
  [batch = 1, channels = 1, ...size]: Shape,
): readonly { readonly error: number; readonly halfStep: number }[] {
  const voxels = elementCount(size);
  return range(channels).map(channel => {
    const own = range(batch).flatMap(n => range(voxels).map(voxel => (n * channels + channel) * voxels + voxel));
    const values = own.map(index => float[index]!);
    const span =
      values.reduce((max, v) => Math.max(max, v), -Infinity) - values.reduce((min, v) => Math.min(min, v), Infinity);
    return {
      error: own.reduce((max, index) => Math.max(max, Math.abs(float[index]! - eight[index]!)), 0),
      halfStep: span / 510,
    };
  });
}

interface Layer {
  readonly name: string;
  readonly image: Shape;
  readonly channels: number;
  readonly kernel?: Triple;
  readonly dilations?: Triple;
  /** What comes before the convolution. */
  readonly before?: (builder: GraphBuilder, image: Value) => Value;
}

const upsampled = (builder: GraphBuilder, image: Value, scales: Triple): Value =>
  builder.apply('Resize', [image], { scales });
const pooled = (builder: GraphBuilder, image: Value, kernel: Triple): Value =>
  builder.apply('MaxPool', [image], { kernel });

const LAYERS: readonly Layer[] = [
  { name: 'one channel, four planes on the lanes', image: [1, 1, 8, 6, 4], channels: 4 },
  { name: 'two samples', image: [2, 3, 8, 4, 6], channels: 4 },
  { name: 'eight channels', image: [1, 8, 6, 5, 4], channels: 8 },
  { name: 'a depth that no two planes share', image: [1, 4, 5, 6, 7], channels: 4 },
  { name: 'sixteen channels and more', image: [1, 16, 4, 4, 4], channels: 20 },
  { name: '1x3x3', image: [1, 4, 4, 6, 6], channels: 4, kernel: [1, 3, 3] },
  { name: '3x1x1', image: [1, 4, 8, 4, 4], channels: 4, kernel: [3, 1, 1] },
  { name: '5x3x3', image: [1, 4, 8, 4, 4], channels: 4, kernel: [5, 3, 3] },
  { name: 'dilated by more than a group', image: [1, 4, 16, 12, 12], channels: 4, dilations: [5, 2, 3] },
  {
    name: 'upsampled, packs that fit',
    image: [1, 8, 2, 3, 4],
    channels: 8,
    before: (b, x) => upsampled(b, x, [2, 2, 2]),
  },
  {
    name: 'upsampled, packs that do not fit',
    image: [1, 8, 2, 3, 4],
    channels: 4,
    before: (b, x) => upsampled(b, x, [2, 2, 2]),
  },
  {
    name: 'upsampled within planes',
    image: [1, 4, 4, 3, 4],
    channels: 4,
    before: (b, x) => upsampled(b, x, [1, 2, 2]),
  },
  { name: 'upsampled, wide', image: [1, 16, 3, 3, 4], channels: 16, before: (b, x) => upsampled(b, x, [2, 2, 2]) },
  {
    name: 'pooled and upsampled beside the image itself',
    image: [1, 4, 8, 4, 8],
    channels: 4,
    before: (b, x) => b.concat([upsampled(b, pooled(b, x, [2, 2, 2]), [2, 2, 2]), x], 1),
  },
  { name: 'pooled', image: [1, 4, 8, 8, 8], channels: 8, before: (b, x) => pooled(b, x, [2, 2, 2]) },
  { name: 'pooled, wide', image: [1, 16, 4, 4, 4], channels: 16, before: (b, x) => pooled(b, x, [2, 2, 2]) },
  { name: 'pooled within planes', image: [1, 4, 4, 4, 4], channels: 4, before: (b, x) => pooled(b, x, [1, 2, 2]) },
];

function layerGraph({ name, image, channels, kernel = [3, 3, 3], dilations = [1, 1, 1], before }: Layer): Graph {
  const builder = new GraphBuilder();
  const input = builder.input('image', image.with(0, 1));
  const read = before?.(builder, input) ?? input;
  const weights = builder.constant(wholeKernel([channels, read.shape[1]!, ...kernel], name));
  const size = read.shape.slice(2) as unknown as Triple;
  const reach = kernel.map((taps, axis) => dilations[axis]! * (taps - 1) + 1) as unknown as Triple;
  const strides: Triple = [1, 1, 1];
  const y = builder.apply('Conv', [read, weights], {
    kernel,
    strides,
    dilations,
    pads: samePads({ size, reach, strides }, 'after'),
    group: 1,
    upsample: [1, 1, 1],
  });
  return { outputs: { y } };
}

describe('a convolution in 8 bits', () => {
  it.each(LAYERS)('is exact but for the rounding of its result: $name', async layer => {
    const graph = layerGraph(layer);
    const forms = await bothForms(node, graph, bytes(layer.image, layer.name));
    expect(forms.convolutions).toBe(1);
    const shape = graph.outputs['y']!.shape.with(0, layer.image[0]!);
    for (const { error, halfStep } of errorsByChannel(forms, shape)) {
      // the shift of a channel is rounded to a whole product, which is small beside a step of its result
      expect(error).toBeLessThan(1.01 * halfStep + 1);
      expect(halfStep).toBeGreaterThan(10);
    }
  });

  it('has the same sums on processors that add pairs of products in 16 bits', async () => {
    const builder = new GraphBuilder();
    const input = builder.input('image', [1, 4, 4, 4, 4]);
    const weights = builder.constant(tensor('float32', new Float32Array(4 * 4 * 27).fill(1), [4, 4, 3, 3, 3]));
    const attributes = {
      kernel: [3, 3, 3],
      strides: [1, 1, 1],
      dilations: [1, 1, 1],
      pads: [1, 1, 1, 1, 1, 1],
      group: 1,
      upsample: [1, 1, 1],
    } as const;
    const y = builder.apply('Conv', [input, weights], attributes);
    const full = tensor('float32', new Float32Array(4 * 64).fill(255), [1, 4, 4, 4, 4]);
    for (const engine of [node, web]) {
      const forms = await bothForms(engine, { outputs: { y } }, full);
      for (const { error, halfStep } of errorsByChannel(forms, [1, 4, 4, 4, 4])) {
        expect(error).toBeLessThan(1.01 * halfStep + 1);
      }
    }
  });
});

const NETWORKS: readonly { readonly name: string; readonly settings: NetworkSettings; readonly shape: Shape }[] = [
  { name: 'U-Net of few channels', settings: unet({ features: [4, 8, 16] }), shape: [1, 1, 16, 16, 24] },
  { name: 'wide U-Net of two images', settings: unet({ features: [16, 32] }), shape: [1, 2, 8, 12, 8] },
  {
    name: 'U-Net of thick slices',
    settings: unet({ features: [4, 8, 8], kernels: [[3, 3, 1], 3, 3], pooling: [[2, 2, 1], 2] }),
    shape: [1, 1, 6, 16, 16],
  },
  { name: 'MeshNet', settings: meshnet({}), shape: [1, 1, 24, 24, 24] },
  { name: 'residual U-Net', settings: residualUnet({ features: [4, 8] }), shape: [1, 1, 8, 16, 16] },
];

/** Square root of the mean squared error over that of the values. */
function relativeError({ float, eight }: { readonly float: Float32Array; readonly eight: Float32Array }): number {
  let [error, size] = [0, 0];
  float.forEach((value, index) => {
    error += (value - eight[index]!) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(error / size);
}

function networkGraph(settings: NetworkSettings, shape: Shape): Graph {
  const { network } = architectureOf(settings, 3);
  const specs = collectParameters(network, shape);
  const theta = initialize(specs, name => random('theta', name));
  const builder = new GraphBuilder();
  return {
    outputs: {
      y: network(builder, builder.input('image', shape), constantParameters(builder, theta, specs, { named: true })),
    },
  };
}

/** An image with edges and some noise. */
function scene(shape: Shape): Tensor {
  const source = random('scene');
  const data = Float32Array.from(
    { length: elementCount(shape) },
    (_, index) => 0.5 + 0.4 * Math.sign(Math.sin(index / 37)) + 0.1 * source.normal(),
  );
  return tensor('float32', data, shape);
}

describe('a network in 8 bits', () => {
  it.each(NETWORKS)('says nearly the same: $name', async ({ settings, shape }) => {
    const forms = await bothForms(node, networkGraph(settings, shape), scene(shape));
    expect(forms.convolutions).toBeGreaterThan(2);
    expect(relativeError(forms)).toBeLessThan(0.25);
    expect(relativeError(forms)).toBeGreaterThan(1e-4);
  });

  it('says the same as WebAssembly, for any batch', async () => {
    const shape = [3, 1, 8, 8, 8];
    const graph = networkGraph(unet({ features: [4, 8] }), shape.with(0, 1));
    const here = await bothForms(node, graph, scene(shape));
    const there = await bothForms(web, graph, scene(shape));
    expect(relativeError({ float: here.eight, eight: there.eight })).toBeLessThan(0.02);
  });
});
