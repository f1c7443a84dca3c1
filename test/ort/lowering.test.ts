/**
 * Both lowerings, run by ONNX Runtime, against the reference evaluator: every operator, and the blocked forms of a
 * U-Net's.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import { gradient } from '../../src/autodiff/gradient.ts';
import { mapAxes } from '../../src/core/axes.ts';
import { range, type Shape, type Triple } from '../../src/core/shape.ts';
import { type Graph, GraphBuilder, isOp, reachable, type Value } from '../../src/graph/graph.ts';
import type { ConvAttributes, OpName } from '../../src/graph/ops.ts';
import { Packing } from '../../src/onnx/blocked/packing.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { BLOCKED_DOMAIN, type OnnxModel } from '../../src/onnx/model.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { relativeError } from '../support/central-difference.ts';
import { evaluate } from '../support/evaluate.ts';
import { draw, OPERATOR_CASES, toTensor } from '../support/operator-cases.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await createNodeEngine({ threads: 1 });
  if (engine.block === 0) console.info('skipped: this build of ONNX Runtime has no channel-blocked kernels');
});

/** Float32 sums of a few hundred products. */
const TOLERANCE = 1e-5;

type Feeds = Readonly<Record<string, Float64Array>>;

const inputsOf = (graph: Graph): readonly Value<'Input'>[] =>
  reachable(Object.values(graph.outputs)).filter(value => isOp(value, 'Input'));

async function run(model: OnnxModel, graph: Graph, feeds: Feeds): Promise<Record<string, ArrayLike<number>>> {
  const session = await engine.load(encodeModel(model));
  try {
    const results = await session.run(
      Object.fromEntries(
        inputsOf(graph).map(({ attributes: { name }, dataType, shape }) => [
          name,
          toTensor(feeds[name]!, dataType, shape),
        ]),
      ),
    );
    return Object.fromEntries(
      Object.entries(results).map(([name, value]) => {
        expect(value.shape, name).toEqual(graph.outputs[name]!.shape);
        return [name, value.data as ArrayLike<number>];
      }),
    );
  } finally {
    await session.dispose();
  }
}

/** Runs a lowering and compares every output with the evaluator. */
async function compare(graph: Graph, feeds: Feeds, block: number): Promise<OnnxModel> {
  const model = lower(graph, { block });
  const [actual, expected] = [await run(model, graph, feeds), evaluate(graph.outputs, feeds)];
  for (const [name, values] of Object.entries(expected))
    expect(relativeError(actual[name]!, values), name).toBeLessThan(TOLERANCE);
  return model;
}

describe.each(Object.keys(OPERATOR_CASES) as OpName[])('the plain lowering of %s', op => {
  const builder = new GraphBuilder();
  const outputs: Record<string, Value> = {};
  const feeds: Record<string, Float64Array> = {};
  for (const { name, operands, build } of OPERATOR_CASES[op]) {
    const inputs = operands.map((operand, index) => {
      feeds[`${name}.${index}`] = draw(operand, name, index);
      return builder.input(`${name}.${index}`, operand.shape, operand.dataType);
    });
    outputs[name] = build(builder, inputs);
  }
  const graph: Graph = { outputs };
  let actual: Record<string, ArrayLike<number>>;
  let expected: Record<string, Float64Array>;
  beforeAll(async () => {
    const model = lower(graph, { block: 0 });
    expect(model.nodes.filter(node => node.domain !== undefined)).toEqual([]);
    [actual, expected] = [await run(model, graph, feeds), evaluate(outputs, feeds)];
  });

  it.each(OPERATOR_CASES[op])('agrees with the evaluator: $name', ({ name }) => {
    expect(relativeError(actual[name]!, expected[name]!)).toBeLessThan(TOLERANCE);
  });
});

/** A test of the blocked lowering; skipped where the runtime has no blocked kernels. */
function blockedIt(name: string, body: (block: number) => Promise<void>): void {
  it(name, async ({ skip }) => {
    skip(engine.block === 0, 'no channel-blocked kernels');
    await body(engine.block);
  });
}

/** Operators of the blocked domain in a model. */
const blockedOperators = (model: OnnxModel): ReadonlySet<string> =>
  new Set(model.nodes.filter(node => node.domain === BLOCKED_DOMAIN).map(node => node.op));

function sameConv(kernel: Triple, dilation = 1, upsample: Triple = [1, 1, 1]): ConvAttributes {
  const [d, h, w] = mapAxes(axis => (dilation * (kernel[axis] - 1)) / 2);
  return {
    kernel,
    strides: [1, 1, 1],
    dilations: [dilation, dilation, dilation],
    pads: [d, h, w, d, h, w],
    group: 1,
    upsample,
  };
}

/** A graph in the making: inputs with values by name, and what to compare. */
class StudyContext {
  readonly builder = new GraphBuilder();
  readonly feeds: Record<string, Float64Array> = {};
  readonly #targets = new Map<string, Value>();

  input(name: string, shape: Shape, kind: 'signed' | 'ties' = 'signed'): Value {
    this.feeds[name] = draw({ shape, draw: kind }, name, ...shape);
    const value = this.builder.input(name, shape);
    this.#targets.set(name, value);
    return value;
  }

  conv(name: string, input: Value, channels: number, attributes: ConvAttributes): Value {
    const weight = this.input(name, [channels, input.shape[1]!, ...attributes.kernel]);
    return this.builder.apply('Conv', [input, weight], attributes);
  }

  /** The result and the derivatives of a weighted sum of it to every input. */
  graph(result: Value): Graph {
    const targets = [...this.#targets];
    const dy = this.input(`dy${result.id}`, result.shape);
    const loss = this.builder.total(this.builder.mul(result, dy));
    const gradients = gradient(
      this.builder,
      loss,
      targets.map(([, value]) => value),
    );
    return {
      outputs: { result, ...Object.fromEntries(targets.map(([name], index) => [`d ${name}`, gradients[index]!])) },
    };
  }
}

interface Chain {
  readonly name: string;
  readonly attributes: ConvAttributes;
  readonly channels: readonly number[];
  readonly batch: number;
  readonly size: Triple;
}

const K1 = sameConv([1, 1, 1]);
const K3 = sameConv([3, 3, 3]);
const ANISOTROPIC = sameConv([5, 3, 1]);
const DILATED = sameConv([3, 3, 3], 2);

/**
 * Three convolutions in a row: the first reads a plain image, the last is read by a plain one, the middle has both
 * sides blocked.
 */
const CHAINS: readonly Chain[] = [
  { name: '1x1x1', attributes: K1, channels: [1, 2, 3, 4], batch: 1, size: [4, 3, 5] },
  { name: '1x1x1', attributes: K1, channels: [5, 8, 12, 1], batch: 3, size: [4, 3, 2] },
  { name: '1x1x1', attributes: K1, channels: [20, 16, 32, 2], batch: 3, size: [3, 2, 3] },
  { name: '1x1x1 on single voxels', attributes: K1, channels: [3, 4, 5, 6], batch: 2, size: [1, 1, 1] },
  { name: '3x3x3', attributes: K3, channels: [1, 2, 3, 4], batch: 1, size: [8, 3, 5] },
  { name: '3x3x3', attributes: K3, channels: [1, 2, 2, 1], batch: 2, size: [8, 2, 3] },
  { name: '3x3x3', attributes: K3, channels: [1, 1, 1, 1], batch: 3, size: [16, 3, 4] },
  { name: '3x3x3, depth 6', attributes: K3, channels: [4, 2, 4, 2], batch: 3, size: [6, 5, 3] },
  { name: '3x3x3, depth 5', attributes: K3, channels: [2, 5, 3, 8], batch: 3, size: [5, 2, 3] },
  { name: '3x3x3', attributes: K3, channels: [3, 8, 5, 1], batch: 1, size: [2, 7, 3] },
  { name: '3x3x3', attributes: K3, channels: [8, 12, 16, 20], batch: 1, size: [3, 3, 2] },
  { name: '3x3x3', attributes: K3, channels: [2, 32, 12, 20], batch: 2, size: [2, 3, 2] },
  { name: '3x3x3, a block a plane', attributes: K3, channels: [2, 8, 8, 8], batch: 2, size: [4, 3, 5] },
  { name: '3x3x3, a block a plane', attributes: K3, channels: [2, 16, 16, 16], batch: 2, size: [4, 3, 5] },
  { name: '3x3x3, a block a plane', attributes: K3, channels: [16, 16, 3, 16], batch: 1, size: [2, 4, 3] },
  { name: '3x3x3, planes cut into strips', attributes: K3, channels: [1, 20, 12, 2], batch: 2, size: [10, 4, 3] },
  {
    name: '3x1x1, a kernel a plane',
    attributes: sameConv([3, 1, 1]),
    channels: [1, 16, 16, 1],
    batch: 1,
    size: [16, 44, 44],
  },
  { name: '3x3x3, products of planes', attributes: K3, channels: [1, 32, 33, 1], batch: 2, size: [16, 8, 8] },
  {
    name: '3x1x1, products of two planes',
    attributes: sameConv([3, 1, 1]),
    channels: [1, 40, 32, 32],
    batch: 1,
    size: [2, 32, 32],
  },
  {
    name: '3x1x5, products of planes',
    attributes: sameConv([3, 1, 5]),
    channels: [1, 32, 32, 1],
    batch: 3,
    size: [4, 12, 15],
  },
  { name: '3x3x3 on single voxels', attributes: K3, channels: [8, 3, 12, 2], batch: 2, size: [1, 1, 1] },
  { name: '5x3x1', attributes: ANISOTROPIC, channels: [1, 3, 2, 4], batch: 3, size: [8, 4, 3] },
  { name: '5x3x1', attributes: ANISOTROPIC, channels: [12, 5, 20, 3], batch: 1, size: [3, 5, 2] },
  { name: '3x3x3 at dilation 2', attributes: DILATED, channels: [2, 4, 1, 3], batch: 1, size: [8, 5, 4] },
  { name: '3x3x3 at dilation 2', attributes: DILATED, channels: [3, 16, 8, 5], batch: 3, size: [4, 3, 5] },
];

const describeChain = ({ name, channels, batch, size }: Chain): string =>
  `${name}, channels ${channels.join(' > ')}, batch ${batch}, size ${size.join('x')}`;

function chainGraph({ attributes, channels, batch, size }: Chain): {
  readonly context: StudyContext;
  readonly graph: Graph;
} {
  const context = new StudyContext();
  let value = context.input('x', [batch, channels[0]!, ...size]);
  channels.slice(1).forEach((count, index) => {
    value = context.conv(`w${index}`, value, count, attributes);
  });
  return { context, graph: context.graph(value) };
}

describe('the blocked lowering of same-size convolutions', () => {
  for (const chain of CHAINS) {
    blockedIt(`agrees with the evaluator, derivatives included: ${describeChain(chain)}`, async block => {
      const { context, graph } = chainGraph(chain);
      const model = await compare(graph, context.feeds, block);
      expect(blockedOperators(model)).toContain('Conv');
    });
  }

  blockedIt('is tried with one, two, four and eight planes that share the lanes', async block => {
    const packs = CHAINS.map(chain => {
      const { graph } = chainGraph(chain);
      return new Packing(reachable(Object.values(graph.outputs)), block).of(graph.outputs['result']!);
    });
    expect(new Set(packs)).toEqual(new Set([1, 2, 4, 8, 16].filter(pack => pack <= block)));
  });

  blockedIt('stands beside plain convolutions in one model', async block => {
    const context = new StudyContext();
    const before = context.conv('w0', context.input('x', [2, 3, 4, 6, 4]), 4, K3);
    const odd = context.conv('w1', before, 5, { ...K3, pads: [1, 1, 1, 0, 1, 1] });
    await compare(context.graph(context.conv('w2', odd, 3, K3)), context.feeds, block);
  });

  blockedIt('adds a bias, a sum and an activation to products of planes', async block => {
    const context = new StudyContext();
    const { builder } = context;
    const column = sameConv([3, 1, 1]);
    const image = context.conv('w0', context.input('x', [1, 2, 4, 16, 32]), 32, K1);
    const biased = builder.add(context.conv('w1', image, 32, column), context.input('bias', [1, 32, 1, 1, 1]));
    const alone = builder.apply('LeakyRelu', [biased], { alpha: 0.1 });
    const sum = builder.add(context.conv('w2', alone, 32, column), image);
    const activated = builder.apply('Relu', [sum], {});
    const plainSum = builder.add(context.conv('w3', activated, 32, column), alone);
    await compare(context.graph(context.conv('w4', plainSum, 2, K1)), context.feeds, block);
    await compare({ outputs: { activated } }, context.feeds, block);
  });

  blockedIt('keeps a value that is a result and is also read by others', async block => {
    const context = new StudyContext();
    const { builder } = context;
    const x = context.input('x', [1, 3, 4, 4, 4]);
    const first = context.conv('w0', x, 4, K3);
    const sum = builder.add(context.conv('w1', first, 4, K3), first);
    const { outputs } = context.graph(builder.apply('Relu', [sum], {}));
    await compare({ outputs: { ...outputs, first, sum } }, context.feeds, block);
  });
});

describe('the blocked lowering of depthwise convolutions', () => {
  for (const { attributes, name } of [
    { name: '3x3x3', attributes: K3 },
    { name: '5x3x1', attributes: ANISOTROPIC },
    { name: '3x3x3 at dilation 2', attributes: DILATED },
    { name: '1x1x1', attributes: K1 },
  ]) {
    for (const channels of [3, 8, 16, 20, 32]) {
      blockedIt(`agrees with the evaluator, derivatives included: ${name}, ${channels} channels`, async block => {
        const context = new StudyContext();
        const before = context.conv('w0', context.input('x', [2, 2, 4, 5, 6]), channels, K1);
        const own = { ...attributes, group: channels };
        const kernel = context.input('w1', [channels, 1, ...attributes.kernel]);
        const apart = context.builder.apply('Conv', [before, kernel], own);
        const turned = context.builder.apply('ConvTranspose', [apart, kernel], { ...own, size: [4, 5, 6] });
        const outside = context.builder.apply('Conv', [context.input('y', [2, channels, 4, 5, 6]), kernel], own);
        const [ours, others] = [context.conv('w2', turned, 2, K1), context.conv('w3', outside, 2, K1)];
        const model = await compare(context.graph(context.builder.add(ours, others)), context.feeds, block);
        expect(model.nodes.filter(node => node.op === 'Conv' && node.domain === undefined)).toEqual([]);
      });
    }
  }
});

describe('the blocked lowering of convolutions of an upsampled image', () => {
  const UPSAMPLED = sameConv([3, 3, 3], 1, [2, 2, 2]);
  /** Channels by the packing that they come out with, given the block. */
  const packed = (block: number): readonly { packs: readonly [number, number]; channels: readonly number[] }[] => [
    { packs: [4, 2], channels: [3, block / 2, block / 4, 2] },
    { packs: [2, 1], channels: [1, block, block / 2, 1] },
    { packs: [2, 1], channels: [2, block / 2 + 1, block / 2 - 1, 3] },
    { packs: [2, 1], channels: [2, block, block, 1] },
    { packs: [1, 1], channels: [1, block + 4, block + 3, 2] },
  ];
  for (const index of range(packed(16).length)) {
    for (const batch of [1, 3]) {
      const { packs, channels } = packed(16)[index]!;
      const blocks = `channels ${channels.join(' > ')} for a block of 16`;
      blockedIt(
        `agrees with the evaluator at packing ${packs.join(' over ')}, batch ${batch}, ${blocks}`,
        async block => {
          const [input, coarse, fine, output] = packed(block)[index]!.channels as readonly [
            number,
            number,
            number,
            number,
          ];
          const context = new StudyContext();
          const low = context.conv('w0', context.input('x', [batch, input, 4, 3, 2]), coarse, K1);
          const high = context.conv('w1', low, fine, UPSAMPLED);
          const graph = context.graph(context.conv('w2', high, output, K1));
          const packing = new Packing(reachable(Object.values(graph.outputs)), block);
          expect([packing.of(high), packing.of(low)]).toEqual(packs);
          await compare(graph, context.feeds, block);
        },
      );
    }
  }

  blockedIt('agrees where the result, or the image, is not blocked', async block => {
    const context = new StudyContext();
    const low = context.conv('w0', context.input('x', [2, 2, 3, 2, 3]), 3, K3);
    await compare(context.graph(context.conv('w1', low, 4, UPSAMPLED)), context.feeds, block);
    const other = new StudyContext();
    const high = other.conv('w0', other.input('x', [2, 2, 2, 2, 3]), 3, UPSAMPLED);
    await compare(other.graph(other.conv('w1', high, 2, K3)), other.feeds, block);
  });
});

describe('the blocked lowering of wide convolutions of an upsampled image', () => {
  for (const [kernel, factors, batch] of [
    [[3, 3, 3], [2, 2, 2], 1],
    [[3, 3, 1], [2, 2, 2], 2],
    [[3, 1, 1], [2, 1, 1], 2],
    [[3, 1, 5], [2, 1, 2], 1],
  ] as const) {
    for (const [coarse, fine] of [
      [33, 32],
      [32, 40],
    ] as const) {
      const what = `kernel ${kernel.join('x')}, factors ${factors.join('x')}, channels ${coarse} > ${fine}, batch ${batch}`;
      blockedIt(`agrees with the evaluator, derivatives included: ${what}`, async block => {
        const context = new StudyContext();
        const low = context.conv('w0', context.input('x', [batch, 1, 3, 2, 4]), coarse, K1);
        const high = context.conv('w1', low, fine, sameConv(kernel, 1, factors));
        await compare(context.graph(context.conv('w2', high, 1, K1)), context.feeds, block);
      });
    }
  }
});

describe('the blocked lowering of convolutions upsampled along some axes', () => {
  for (const [kernel, factors] of [
    [
      [1, 3, 3],
      [1, 2, 2],
    ],
    [
      [3, 3, 3],
      [1, 2, 2],
    ],
    [
      [3, 3, 3],
      [2, 1, 1],
    ],
    [
      [3, 1, 1],
      [2, 2, 2],
    ],
    [
      [3, 1, 1],
      [2, 1, 1],
    ],
    [
      [1, 3, 3],
      [2, 2, 2],
    ],
    [
      [3, 3, 1],
      [2, 2, 1],
    ],
    [
      [1, 5, 3],
      [1, 2, 1],
    ],
    [
      [1, 1, 1],
      [1, 1, 2],
    ],
  ] as const) {
    for (const [batch, coarse, fine] of [
      [1, 2, 1],
      [3, 8, 4],
      [2, 1, 3],
      [2, 5, 16],
      [1, 32, 16],
      [2, 16, 20],
    ] as const) {
      const what = `kernel ${kernel.join('x')}, factors ${factors.join('x')}, channels ${coarse} > ${fine}, batch ${batch}`;
      blockedIt(`agrees with the evaluator, derivatives included: ${what}`, async block => {
        const context = new StudyContext();
        const low = context.conv('w0', context.input('x', [batch, 2, 4, 3, 2]), coarse, K1);
        const high = context.conv('w1', low, fine, sameConv(kernel, 1, factors));
        const graph = context.graph(context.conv('w2', high, 2, K1));
        const packing = new Packing(reachable(Object.values(graph.outputs)), block);
        expect([packing.has(low), packing.has(high)]).toEqual([true, true]);
        await compare(graph, context.feeds, block);
      });
    }
  }
});

describe('the blocked lowering of pooling', () => {
  for (const window of [
    [1, 2, 2],
    [2, 1, 1],
    [2, 2, 1],
    [1, 1, 2],
    [1, 1, 1],
  ] as const) {
    for (const [channels, wider, batch] of [
      [1, 3, 2],
      [4, 8, 3],
      [5, 12, 1],
      [16, 32, 2],
      [12, 2, 2],
      [20, 3, 1],
    ] as const) {
      const what = `${channels} channels, then ${wider}, batch ${batch}`;
      blockedIt(`agrees with the evaluator at ties by ${window.join('x')}: ${what}`, async block => {
        const context = new StudyContext();
        const x = context.input('x', [batch, 2, 4, 2, 4], 'ties');
        const w = context.input('w0', [channels, 2, 1, 1, 1], 'ties');
        const before = context.builder.apply('Conv', [x, w], K1);
        const pooled = context.builder.apply('MaxPool', [before], { kernel: window });
        const graph = context.graph(context.conv('w1', pooled, wider, K1));
        const packing = new Packing(reachable(Object.values(graph.outputs)), block);
        expect([packing.has(before), packing.has(pooled)]).toEqual([true, true]);
        await compare(graph, context.feeds, block);
        // and where what comes back from the pool is a plain image
        await compare(context.graph(pooled), context.feeds, block);
      });
    }
  }

  for (const [channels, batch, size] of [
    [1, 1, [8, 2, 4]],
    [2, 3, [8, 4, 2]],
    [4, 1, [4, 2, 6]],
    [5, 2, [6, 2, 2]],
    [8, 2, [4, 2, 4]],
    [12, 1, [2, 4, 2]],
    [16, 3, [4, 4, 2]],
    [20, 3, [2, 2, 4]],
  ] as const) {
    blockedIt(
      `agrees with the evaluator at ties: ${channels} channels, batch ${batch}, size ${size.join('x')}`,
      async block => {
        const context = new StudyContext();
        const x = context.input('x', [batch, 2, ...size], 'ties');
        const w = context.input('w0', [channels, 2, 1, 1, 1], 'ties');
        // whole numbers stay whole, so that ties are exact in float32 too
        const before = context.builder.apply('Conv', [x, w], K1);
        const pooled = context.builder.apply('MaxPool', [before], { kernel: [2, 2, 2] });
        const graph = context.graph(context.conv('w1', pooled, 3, K1));
        const model = await compare(graph, context.feeds, block);
        expect(blockedOperators(model)).toContain('MaxPool');
        // and where what comes back from the pool is a plain image
        await compare(context.graph(pooled), context.feeds, block);
      },
    );
  }

  blockedIt('agrees where a level narrows to less than a block before the pool', async block => {
    const context = new StudyContext();
    const wide = context.conv('w0', context.input('x', [1, 2, 4, 4, 4]), block, K3);
    const narrow = context.conv('w1', wide, (3 * block) / 4, K3);
    const pooled = context.builder.apply('MaxPool', [narrow], { kernel: [2, 2, 2] });
    await compare(context.graph(context.conv('w2', pooled, 3, K1)), context.feeds, block);
  });

  blockedIt('leaves pooling by three and average pooling plain', async block => {
    const context = new StudyContext();
    const before = context.conv('w0', context.input('x', [2, 3, 2, 6, 4]), 4, K3);
    const pooled = context.builder.apply('MaxPool', [before], { kernel: [1, 3, 2] });
    const averaged = context.builder.apply('AveragePool', [context.conv('w1', pooled, 3, K1)], { kernel: [2, 2, 2] });
    await compare(context.graph(context.conv('w2', averaged, 2, K1)), context.feeds, block);
  });
});

describe('the blocked lowering of average pooling and nearest upsampling', () => {
  for (const window of [
    [2, 2, 2],
    [1, 2, 2],
    [2, 1, 1],
    [1, 3, 2],
    [2, 2, 1],
  ] as const) {
    for (const channels of [3, 8, 16, 20]) {
      blockedIt(`agrees with the evaluator: ${channels} channels, window ${window.join('x')}`, async block => {
        const context = new StudyContext();
        const { builder } = context;
        const before = context.conv('w0', context.input('x', [2, 2, 4, 6, 4]), channels, K1);
        const pooled = builder.apply('AveragePool', [before], { kernel: window });
        const wide = builder.apply('Resize', [context.conv('w1', pooled, channels, K1)], { scales: window });
        const graph = context.graph(context.conv('w2', builder.add(wide, before), 2, K1));
        const model = await compare(graph, context.feeds, block);
        const made = new Packing(reachable(Object.values(graph.outputs)), block);
        expect([made.has(pooled), made.has(wide)]).toEqual([true, true]);
        if (window[1] > 1) expect(blockedOperators(model)).toContain('Upsample');
      });
    }
  }

  blockedIt('leaves windows of three planes plain', async block => {
    const context = new StudyContext();
    const before = context.conv('w0', context.input('x', [1, 3, 6, 2, 2]), 4, K3);
    const pooled = context.builder.apply('AveragePool', [before], { kernel: [3, 2, 2] });
    await compare(context.graph(context.conv('w1', pooled, 2, K1)), context.feeds, block);
  });
});

describe('the blocked lowering of strided convolutions', () => {
  const strided = (kernel: Triple, strides: Triple): ConvAttributes => ({ ...sameConv(kernel), strides });
  const WINDOW: ConvAttributes = { ...sameConv([1, 1, 1]), kernel: [2, 2, 2], strides: [2, 2, 2] };
  const FORMS: readonly (readonly [name: string, attributes: ConvAttributes])[] = [
    ['3x3x3 by 2', strided([3, 3, 3], [2, 2, 2])],
    ['3x3x3 by 1x2x2', strided([3, 3, 3], [1, 2, 2])],
    ['1x3x3 by 1x2x2', strided([1, 3, 3], [1, 2, 2])],
    ['3x1x3 by 2x1x3', strided([3, 1, 3], [2, 1, 3])],
    ['5x3x5 by 2x1x2', strided([5, 3, 5], [2, 1, 2])],
    ['2x2x2 by 2', WINDOW],
    ['1x2x2 by 1x2x2', { ...WINDOW, kernel: [1, 2, 2], strides: [1, 2, 2] }],
    ['4x4x4 by 2', { ...WINDOW, kernel: [4, 4, 4], pads: [1, 1, 1, 1, 1, 1] }],
  ];
  /** Channels of the fine and of the coarse image. */
  const CHANNELS = [
    [1, 1],
    [2, 4],
    [4, 3],
    [8, 8],
    [8, 16],
    [5, 20],
    [16, 16],
    [24, 12],
    [16, 32],
    [32, 16],
    [32, 32],
  ] as const;
  for (const [name, attributes] of FORMS) {
    const isCommon = name.endsWith('by 2') && !name.startsWith('4');
    for (const [index, [fine, coarse]] of CHANNELS.entries()) {
      if (!isCommon && index % 3 !== 1) continue;
      const batch = 1 + (index % 3);
      blockedIt(`agrees with the evaluator: ${name}, channels ${fine} > ${coarse}, batch ${batch}`, async block => {
        const context = new StudyContext();
        const { builder } = context;
        const before = context.conv('w0', context.input('x', [batch, 2, 8, 4, 6]), fine, K1);
        const low = context.conv('w1', before, coarse, attributes);
        const biased = builder.add(low, context.input('bias', [1, coarse, 1, 1, 1]));
        const kernel = context.input('w2', [coarse, fine, ...attributes.kernel]);
        const up = builder.apply('ConvTranspose', [biased, kernel], { ...attributes, size: [8, 4, 6] });
        const high = builder.add(up, context.input('bias2', [1, fine, 1, 1, 1]));
        const joined = builder.add(context.conv('w3', before, coarse, attributes), context.conv('w4', low, coarse, K1));
        const results = [context.conv('w5', high, 2, K1), context.conv('w6', joined, 2, K1)];
        // what is plain before or behind a stride as well
        const outside = context.conv('w7', context.input('y', [batch, fine, 8, 4, 6]), 2, attributes);
        const last = builder.apply('ConvTranspose', [outside, context.input('w8', [2, fine, ...attributes.kernel])], {
          ...attributes,
          size: [8, 4, 6],
        });
        const all = [...results, last].map(value => builder.total(builder.mul(value, value)));
        const model = await compare(
          context.graph(all.reduce((sum, value) => builder.add(sum, value))),
          context.feeds,
          block,
        );
        expect(model.nodes.filter(node => node.op === 'ConvTranspose')).toEqual([]);
        expect(model.nodes.filter(node => node.op === 'Conv' && node.domain === undefined)).toEqual([]);
      });
    }
  }

  blockedIt(
    'leaves strides plain that are larger than the kernel, skip the end, or pass over three planes',
    async block => {
      for (const [attributes, size] of [
        [strided([1, 1, 1], [2, 2, 2]), [4, 4, 4]],
        [strided([3, 3, 3], [2, 2, 2]), [4, 5, 4]],
        [strided([3, 3, 3], [3, 1, 1]), [6, 3, 2]],
        [{ ...strided([3, 3, 3], [2, 2, 2]), dilations: [1, 2, 1], pads: [1, 2, 1, 1, 2, 1] }, [4, 4, 4]],
      ] as const) {
        const context = new StudyContext();
        const before = context.conv('w0', context.input('x', [1, 2, ...size]), 4, K3);
        await compare(context.graph(context.conv('w1', before, 5, attributes)), context.feeds, block);
      }
    },
  );
});

describe('the blocked lowering of elementwise operators', () => {
  for (const [channels, batch, size] of [
    [3, 2, [4, 3, 2]],
    [4, 1, [4, 3, 2]],
    [8, 2, [4, 3, 2]],
    [16, 2, [4, 3, 2]],
    [20, 3, [2, 3, 2]],
    [3, 2, [1, 1, 1]],
  ] as const) {
    blockedIt(
      `agrees with the evaluator: ${channels} channels, batch ${batch}, size ${size.join('x')}`,
      async block => {
        const context = new StudyContext();
        const { builder } = context;
        const image = (name: string): Value => context.conv(name, x, channels, K1);
        const x = context.input('x', [batch, 2, ...size]);
        const results: Record<string, Value> = {
          bias: builder.add(image('w0'), context.input('bias', [1, channels, 1, 1, 1])),
          'bias per sample': builder.add(context.input('bias2', [batch, channels, 1, 1, 1]), image('w1')),
          scale: builder.mul(image('w2'), context.input('scale', [batch, channels, 1, 1, 1])),
          'scale on the left': builder.mul(context.input('scale2', [1, channels, 1, 1, 1]), image('w3')),
          'one scale for all': builder.mul(image('w4'), context.input('scale3', [1, 1, 1, 1, 1])),
          'one bias per sample': builder.add(image('w5'), context.input('bias3', [batch, 1, 1, 1, 1])),
          'scalar factor': builder.mul(image('w6'), context.input('factor', [])),
          'scalar bias': builder.add(image('w7'), 0.5),
          'difference with a bias': builder.sub(image('w8'), context.input('bias4', [1, channels, 1, 1, 1])),
          difference: builder.sub(image('w9'), image('w10')),
          product: builder.mul(image('w11'), image('w11')),
          'sum with a plain image': builder.add(image('w12'), context.input('plain', [batch, channels, ...size])),
          negative: builder.neg(image('w13')),
          'relu of a normalised image': builder.apply(
            'Relu',
            [
              builder.add(
                builder.mul(image('w14'), context.input('scale4', [batch, channels, 1, 1, 1])),
                context.input('bias5', [batch, channels, 1, 1, 1]),
              ),
            ],
            {},
          ),
          'leaky relu of a sum': builder.apply('LeakyRelu', [builder.add(image('w15'), image('w16'))], { alpha: 0.1 }),
          'sum with a scaled image': builder.add(
            builder.mul(image('w17'), context.input('scale5', [1, channels, 1, 1, 1])),
            builder.apply('Relu', [image('w18')], {}),
          ),
          means: builder.mul(image('w19'), builder.mean(image('w20'), [2, 3, 4])),
          'sums over the batch': builder.mul(image('w21'), builder.sum(image('w22'), [0, 2, 3, 4])),
          'means over channels': builder.mul(image('w23'), builder.mean(image('w24'), [1])),
          'relu of a sum with a normalised image': builder.apply(
            'Relu',
            [
              builder.add(
                image('w25'),
                builder.add(
                  builder.mul(image('w26'), context.input('scale6', [batch, channels, 1, 1, 1])),
                  context.input('bias6', [batch, channels, 1, 1, 1]),
                ),
              ),
            ],
            {},
          ),
        };
        const read = Object.values(results).map((value, index) => context.conv(`v${index}`, value, 2, K1));
        const graph = context.graph(read.reduce((sum, value) => builder.add(sum, value)));
        const named = Object.entries(results).map(([name, value]) => [`result: ${name}`, value]);
        await compare({ outputs: { ...graph.outputs, ...Object.fromEntries(named) } }, context.feeds, block);
      },
    );
  }
});
