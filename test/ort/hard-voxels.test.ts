/** The hardest voxels by ONNX Runtime, in both lowerings, against the reference evaluator. */
import { beforeAll, expect, it } from 'vitest';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Graph, GraphBuilder } from '../../src/graph/graph.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { type HardLossOptions, hardLossTerms } from '../../src/training/hard-loss.ts';
import { relativeError } from '../support/central-difference.ts';
import { evaluate } from '../support/evaluate.ts';
import { draw, toTensor } from '../support/operator-cases.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await createNodeEngine({ threads: 2 });
});

const SHAPE = [2, 8, 4, 8, 8];
/** Ties: the logits of a voxel are one of five sets. */
const image = draw({ shape: SHAPE, draw: 'signed' }, 'image').map((_, index) => Math.sin(3 * ((index % 5) + 1)));
const kernel = draw({ shape: [3, 8, 1, 1, 1], draw: 'signed' }, 'kernel');
const label = Float64Array.from({ length: 512 }, (_, index) => ((index * 7) % 11) % 4);

/** The loss of a pointwise convolution, which is blocked where it can be, and its slope by the kernel. */
function graphOf(crossEntropy: Partial<HardLossOptions['crossEntropy']>): Graph {
  const builder = new GraphBuilder();
  const weight = builder.input('kernel', [3, 8, 1, 1, 1]);
  const logits = builder.apply('Conv', [builder.input('image', SHAPE), weight], {
    ...{ kernel: [1, 1, 1], strides: [1, 1, 1], dilations: [1, 1, 1], pads: [0, 0, 0, 0, 0, 0], group: 1 },
    upsample: [1, 1, 1],
  });
  const [term] = hardLossTerms(builder, logits, builder.input('label', [2, 1, 4, 8, 8], 'int32'), {
    crossEntropy: { weight: 1, kind: 'categorical', classWeights: 'uniform', ...crossEntropy },
    dice: { weight: 0, batch: true, background: false, squared: false, smooth: 1 },
    ignore: 3,
  });
  const [slope] = gradient(builder, term!.value, [weight]);
  return { outputs: { value: term!.value, slope: slope! } };
}

it.each([
  ['the top 10 %', { topPercent: 10 }],
  ['the top 33 %, balanced', { topPercent: 33, classWeights: 'balanced' as const }],
  ['the focal loss of the top 25 %', { topPercent: 25, focalGamma: 2 }],
])('%s has the value and the slope of the definition', async (_, own) => {
  const graph = graphOf(own);
  const expected = evaluate(graph.outputs, { image, kernel, label });
  const feeds = {
    image: toTensor(image, 'float32', SHAPE),
    kernel: toTensor(kernel, 'float32', [3, 8, 1, 1, 1]),
    label: toTensor(label, 'int32', [2, 1, 4, 8, 8]),
  };
  for (const block of new Set([0, engine.block])) {
    const session = await engine.load(encodeModel(lower(graph, { block })));
    const runs = [await session.run(feeds), await session.run(feeds)];
    await session.dispose();
    for (const name of ['value', 'slope']) {
      const [first, second] = runs.map(results => results[name]!.data as Float32Array) as [Float32Array, Float32Array];
      expect(relativeError(first, expected[name]!), `${name}, block ${block}`).toBeLessThan(2e-5);
      expect(first).toEqual(second);
    }
  }
});
