/**
 * U-Nets of separable and grouped convolutions beside PyTorch in float64: test/fixtures/make-grouped-unet-goldens.py
 * makes the numbers and says how.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { elementCount, type Triple } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { collectParameters } from '../../src/nn/parameters.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { architectureOf } from '../../src/recipe/network.ts';
import { exportModel } from '../../src/training/export.ts';
import { differences, goldensImage, goldensLabel, goldensTheta, type Summary } from '../support/goldens-stream.ts';
import { unet } from '../support/networks.ts';
import { HARD_LOSS, plainAdam, runSteps } from '../support/training-steps.ts';

interface Goldens {
  readonly imageShape: readonly number[];
  readonly cases: readonly {
    readonly convolution: string;
    readonly total: number;
    readonly logits: Summary;
    readonly gradients: Readonly<Record<string, Summary>>;
  }[];
}

const file = new URL('../fixtures/grouped-unet-goldens.json', import.meta.url);
const { imageShape, cases }: Goldens = JSON.parse(readFileSync(file, 'utf8'));
const image = goldensImage(3, imageShape);
const BETA1 = 0.9;

const engine = await createNodeEngine({ threads: 1 });
if (engine.block === 0)
  console.info('skipped: no blocked kernels on this machine, so only the plain lowering is compared');

describe.each(cases)('a U-Net of $convolution convolutions', ({ convolution, total, logits: expected, gradients }) => {
  const { network } = architectureOf(unet({ features: [4, 8], convolution, groups: 2 }), 3);
  const student = { network, specs: collectParameters(network, imageShape) };
  const theta = goldensTheta(1, student.specs);

  it('exported, keeps its groups and gives the logits of PyTorch', async () => {
    const bytes = exportModel(student, theta, {
      channels: 1,
      window: imageShape.slice(2) as unknown as Triple,
      metadata: {},
    });
    const groups = decodeModel(bytes, 'model')
      .nodes.filter(({ op }) => op === 'Conv')
      .map(({ attributes }) => attributes.get('group')?.int);
    const own = convolution === 'grouped' ? [2, 2, 2, 2, 2] : [4, 8, 8, 4, 4];
    expect(groups.filter(group => group !== 1)).toEqual(own);
    const session = await engine.load(bytes);
    const { logits } = await session.run({ image: tensor('float32', image, imageShape) });
    await session.dispose();
    expect(differences('logits', logits?.data as Float32Array, expected, 1e-5)).toEqual([]);
  });

  it.each([...new Set([0, engine.block])])(
    'gives its loss and the gradient of every parameter, block %i',
    async block => {
      const [outcome] = await runSteps(
        engine,
        {
          student,
          imageShape,
          hardLoss: HARD_LOSS,
          optimizer: plainAdam(),
          regularization: { l1: 0, l2: 0 },
          clipNorm: null,
        },
        { block, steps: 1, theta, image, label: goldensLabel(4, imageShape, 3), hyper: { learningRate: 0.01 } },
      );
      expect(Math.abs(outcome!.losses['total']! / total - 1)).toBeLessThan(5e-6);
      const gradient = outcome!.state['m']!.map(value => value / (1 - BETA1));
      let start = 0;
      for (const { name, shape } of student.specs) {
        const values = gradient.subarray(start, start + elementCount(shape));
        start += values.length;
        expect(differences(name, values, gradients[name]!, 1e-4)).toEqual([]);
      }
      expect(Object.keys(gradients)).toHaveLength(student.specs.length);
    },
  );
});
