/**
 * Instance normalisation of patches that are nearly constant, as air and CT numbers are: by both lowerings and in its
 * gradient, against float64.
 */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../src/autodiff/gradient.ts';
import { random } from '../../src/core/random.ts';
import { elementCount, type Shape } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { decompose } from '../../src/graph/decompose.ts';
import { GraphBuilder } from '../../src/graph/graph.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';

const engine = await createNodeEngine({ threads: 1 });
const CHANNELS = 16;
const SHAPE: Shape = [2, CHANNELS, 8, 12, 8];
const EPSILON = 1e-5;
const VOXELS = elementCount(SHAPE.slice(2));

/** y = the normalised image, after a convolution that copies it, and the gradient of sum y dy to the image. */
function subject() {
  const builder = new GraphBuilder();
  const [image, dy] = [builder.input('image', SHAPE), builder.input('dy', SHAPE)];
  const identity = Array.from({ length: CHANNELS ** 2 }, (_, i) => (i % (CHANNELS + 1) === 0 ? 1 : 0));
  const attributes = {
    kernel: [1, 1, 1],
    strides: [1, 1, 1],
    dilations: [1, 1, 1],
    pads: [0, 0, 0, 0, 0, 0],
    group: 1,
    upsample: [1, 1, 1],
  } as const;
  const copy = builder.apply('Conv', [image, builder.float(identity, [CHANNELS, CHANNELS, 1, 1, 1])], attributes);
  const [ones, zeros] = [1, 0].map(value => builder.float(new Array(CHANNELS).fill(value), [CHANNELS]));
  const y = builder.apply('InstanceNormalization', [copy, ones!, zeros!], { epsilon: EPSILON });
  const [dx] = gradient(builder, builder.total(builder.mul(y, dy)), [image]);
  return decompose(new GraphBuilder(), { outputs: { y, dx: dx! } });
}

/** In float64, from the float32 numbers that the model sees: y, and dx = (dy - mean(dy) - y mean(dy y)) / deviation. */
function expected(image: Float32Array, dy: Float32Array) {
  const [y, dx] = [new Float64Array(image.length), new Float64Array(image.length)];
  const mean = (at: number, value: (index: number) => number): number => {
    let sum = 0;
    for (let index = at; index < at + VOXELS; index++) sum += value(index);
    return sum / VOXELS;
  };
  for (let at = 0; at < image.length; at += VOXELS) {
    const middle = mean(at, index => image[index]!);
    const deviation = Math.sqrt(mean(at, index => (image[index]! - middle) ** 2) + EPSILON);
    for (let index = at; index < at + VOXELS; index++) y[index] = (image[index]! - middle) / deviation;
    const [meanDy, meanDyY] = [mean(at, index => dy[index]!), mean(at, index => dy[index]! * y[index]!)];
    for (let index = at; index < at + VOXELS; index++) {
      dx[index] = (dy[index]! - meanDy - y[index]! * meanDyY) / deviation;
    }
  }
  return { y, dx };
}

describe.each([
  ['plain', 0],
  ['blocked', engine.block],
] as const)('instance normalisation by %s kernels', (_, block) => {
  it.each([
    { mean: 0, deviation: 1 },
    { mean: -0.8, deviation: 0.005 },
    { mean: 1000, deviation: 3 },
    { mean: 1000, deviation: 0.3 },
  ])('of $mean and deviation $deviation', async ({ mean, deviation }) => {
    const source = random(5, 'nearly constant');
    const draw = (center: number, width: number): Float32Array =>
      Float32Array.from({ length: elementCount(SHAPE) }, () => center + width * source.normal());
    const [image, dy] = [draw(mean, deviation), draw(0, 1)];
    const session = await engine.load(encodeModel(lower(subject(), { block })));
    const results = await session.run({ image: tensor('float32', image, SHAPE), dy: tensor('float32', dy, SHAPE) });
    await session.dispose();
    for (const [name, values] of Object.entries(expected(image, dy))) {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const data = results[name]!.data as Float32Array;
      const worst = values.reduce((most, value, index) => Math.max(most, Math.abs(value - data[index]!)), 0);
      expect(worst / largest, name).toBeLessThan(1e-3);
    }
  });
});
