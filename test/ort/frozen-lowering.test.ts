/** The forms of convolutions whose kernels are not trained, run by ONNX Runtime, against the float64 evaluator. */
import { describe, expect, it } from 'vitest';
import type { Shape, Triple } from '../../src/core/shape.ts';
import { PLAIN_CONVOLUTION } from '../../src/graph/convolution.ts';
import { decompose } from '../../src/graph/decompose.ts';
import { fuse } from '../../src/graph/fuse.ts';
import { type Graph, GraphBuilder, type Value } from '../../src/graph/graph.ts';
import type { ConvAttributes } from '../../src/graph/ops.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { relativeError } from '../support/central-difference.ts';
import { evaluate } from '../support/evaluate.ts';
import { draw, toTensor } from '../support/operator-cases.ts';

const engine = await createNodeEngine({ threads: 1 });
if (engine.block === 0) console.info('skipped: this build of ONNX Runtime has no channel-blocked kernels');

/** Float32 sums of a few hundred products, filtered. */
const TOLERANCE = 2e-5;

const COLUMN: ConvAttributes = { ...PLAIN_CONVOLUTION, kernel: [3, 1, 1], pads: [1, 0, 0, 1, 0, 0] };
const POINT: ConvAttributes = { ...PLAIN_CONVOLUTION, kernel: [1, 1, 1], pads: [0, 0, 0, 0, 0, 0] };

/** A graph in the making: an image and kernels, with values for them. */
class Study {
  readonly builder = new GraphBuilder();
  readonly feeds: Record<string, Float64Array> = {};
  readonly #shapes: Record<string, Shape> = {};

  input(name: string, shape: Shape): Value {
    this.feeds[name] = draw({ shape, draw: 'signed' }, name);
    this.#shapes[name] = shape;
    return this.builder.input(name, shape);
  }

  conv(name: string, image: Value, channels: number, attributes: ConvAttributes): Value {
    const kernel = this.input(name, [channels, image.shape[1]!, ...attributes.kernel]);
    return this.builder.apply('Conv', [image, kernel], attributes);
  }

  /** Runs the lowered graph and compares it with the evaluator. */
  async compare(graph: Graph, block: number): Promise<OnnxModel> {
    const model = lower(graph, { block, frozen: true });
    if (block === 1) expect(model.nodes.filter(({ domain }) => domain !== undefined)).toEqual([]);
    const session = await engine.load(encodeModel(model));
    const fed = model.inputs.map(({ name }) => {
      return [name, toTensor(this.feeds[name]!, 'float32', this.#shapes[name]!)] as const;
    });
    const results = await session.run(Object.fromEntries(fed));
    await session.dispose();
    for (const [name, values] of Object.entries(evaluate(graph.outputs, this.feeds))) {
      expect(results[name]!.shape).toEqual(graph.outputs[name]!.shape);
      expect(relativeError(results[name]!.data as Float32Array, values), name).toBeLessThan(TOLERANCE);
    }
    return model;
  }
}

/** Number of convolutions in as many groups as a quad of planes has products. */
const quads = ({ nodes }: OnnxModel): number =>
  nodes.filter(({ op, attributes }) => op === 'Conv' && attributes['group'] === 6).length;

/** Channels of a block: those of the runtime's kernels, and one for planes by standard operators. */
const BLOCKS = [1, engine.block].filter(block => block > 0);

describe.each(BLOCKS)('a wide convolution whose kernel is not trained, in blocks of %i', block => {
  it.each<{ attributes: ConvAttributes; channels: readonly [number, number]; batch: number; size: Triple }>([
    { attributes: PLAIN_CONVOLUTION, channels: [32, 32], batch: 1, size: [8, 8, 8] },
    { attributes: PLAIN_CONVOLUTION, channels: [33, 40], batch: 2, size: [4, 8, 8] },
    { attributes: COLUMN, channels: [48, 32], batch: 3, size: [12, 7, 9] },
    {
      attributes: { ...COLUMN, kernel: [3, 1, 5], pads: [1, 0, 2, 1, 0, 2] },
      channels: [32, 32],
      batch: 1,
      size: [8, 5, 13],
    },
  ])('is made in quads of planes: kernel $attributes.kernel, channels $channels, batch $batch', async one => {
    const { attributes, channels, batch, size } = one;
    const study = new Study();
    const image = study.conv('w0', study.input('x', [batch, 2, ...size]), channels[0], POINT);
    const biased = study.builder.add(
      study.conv('w1', image, channels[1], attributes),
      study.input('bias', [1, channels[1], 1, 1, 1]),
    );
    expect(quads(await study.compare({ outputs: { y: study.conv('w2', biased, 2, POINT) } }, block))).toBe(1);
  });

  it('is where its kernel is a constant, and not where it may be trained', () => {
    const { builder } = new Study();
    const made = (kernel: Value): number => {
      const image = builder.apply('Conv', [builder.input('x', [1, 2, 8, 8, 8]), point(32, 2)], POINT);
      return quads(lower({ outputs: { y: builder.apply('Conv', [image, kernel], COLUMN) } }, { block }));
    };
    const point = (out: number, into: number): Value =>
      builder.float(new Array<number>(out * into).fill(0.5), [out, into, 1, 1, 1]);
    const column = builder.float(new Array<number>(32 * 32 * 3).fill(0.5), [32, 96, 1, 1, 1]);
    expect(made(builder.reshape(column, [32, 32, 3, 1, 1]))).toBe(1);
    expect(made(builder.input('kernel', [32, 32, 3, 1, 1]))).toBe(0);
  });

  it('is not where planes do not come in fours, or there are few', async () => {
    const study = new Study();
    const six = study.conv('w0', study.input('x', [1, 2, 6, 10, 10]), 32, POINT);
    const few = study.conv('w1', study.input('y', [1, 2, 4, 4, 4]), 32, POINT);
    const [a, b] = [study.conv('w2', six, 32, COLUMN), study.conv('w3', few, 32, COLUMN)];
    const outputs = { a: study.conv('w4', a, 2, POINT), b: study.conv('w5', b, 2, POINT) };
    expect(quads(await study.compare({ outputs }, block))).toBe(0);
  });

  it('adds its products to those of others, and an image and an activation to the result', async () => {
    const study = new Study();
    const { builder } = study;
    const image = study.conv('w0', study.input('x', [1, 2, 8, 8, 8]), 32, POINT);
    const sum = builder.add(
      builder.add(study.conv('w1', image, 32, COLUMN), study.conv('w2', image, 32, PLAIN_CONVOLUTION)),
      study.conv('w3', image, 32, COLUMN),
    );
    const activated = builder.apply('LeakyRelu', [sum], { alpha: 0.1 });
    const residual = builder.add(study.conv('w4', activated, 32, COLUMN), image);
    const other = builder.add(image, builder.add(study.conv('w5', activated, 32, COLUMN), image));
    const outputs = {
      y: study.conv('w6', builder.apply('Relu', [residual], {}), 2, POINT),
      z: study.conv('w7', other, 2, POINT),
    };
    const model = await study.compare({ outputs }, block);
    expect(quads(model)).toBe(5);
    // three convolutions in a row, which end in one image
    if (block === 1) return;
    const products = model.nodes.filter(({ op, attributes }) => op === 'Conv' && attributes['group'] === 6);
    expect(products.filter(({ inputs }) => inputs.length === 4)).toHaveLength(2);
  });

  it('keeps the products of a sum apart where another value reads a part', async () => {
    const study = new Study();
    const image = study.conv('w0', study.input('x', [1, 2, 8, 8, 8]), 32, POINT);
    const part = study.conv('w1', image, 32, COLUMN);
    const sum = study.builder.add(part, study.conv('w2', image, 32, COLUMN));
    await study.compare({ outputs: { y: study.conv('w3', sum, 2, POINT), part } }, block);
  });
});

it.each(BLOCKS)(
  'whole networks of models with fixed parameters agree with the evaluator, in blocks of %i',
  async block => {
    const study = new Study();
    const { builder } = study;
    const image = study.input('x', [2, 1, 4, 4, 8]);
    const normalized = (name: string, value: Value): Value => {
      const channels = [value.shape[1]!];
      const operands = [value, study.input(`${name}.scale`, channels), study.input(`${name}.bias`, channels)];
      return builder.apply('InstanceNormalization', operands, { epsilon: 1e-5 });
    };
    const skip = builder.apply('LeakyRelu', [normalized('n0', study.conv('w0', image, 4, PLAIN_CONVOLUTION))], {
      alpha: 0.1,
    });
    const [pooled, mean] = (['MaxPool', 'AveragePool'] as const).map(op =>
      builder.apply(op, [skip], { kernel: [2, 2, 2] }),
    );
    const low = builder.apply(
      'Relu',
      [normalized('n1', study.conv('w1', builder.add(pooled!, mean!), 6, PLAIN_CONVOLUTION))],
      {},
    );
    const down = study.conv('w2', skip, 6, { ...PLAIN_CONVOLUTION, strides: [2, 2, 2] });
    const upsampled = builder.apply('Resize', [builder.add(low, down)], { scales: [2, 2, 2] });
    const kernel = study.input('w3', [6, 4, 2, 2, 2]);
    const window = { ...POINT, kernel: [2, 2, 2], strides: [2, 2, 2], size: [4, 4, 8] } as const;
    const transposed = builder.apply('ConvTranspose', [low, kernel], window);
    const high = study.conv('w4', builder.concat([upsampled, transposed, skip], 1), 4, PLAIN_CONVOLUTION);
    const y = study.conv(
      'w5',
      builder.apply('Resize', [builder.apply('AveragePool', [high], { kernel: [1, 2, 2] })], { scales: [1, 2, 2] }),
      3,
      POINT,
    );
    await study.compare(decompose(new GraphBuilder(), fuse(new GraphBuilder(), { outputs: { y } })), block);
  },
);
