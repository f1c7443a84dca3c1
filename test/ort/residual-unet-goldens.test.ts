/**
 * The residual encoder U-Net beside nnU-Net's own in float64: test/fixtures/make-residual-unet-goldens.py makes the
 * numbers and says how.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { elementCount } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { collectParameters } from '../../src/nn/parameters.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { architectureOf } from '../../src/recipe/network.ts';
import { levelWeights } from '../../src/training/deep-supervision.ts';
import { exportModel } from '../../src/training/export.ts';
import { buildForward } from '../../src/training/forward.ts';
import { buildTrainingStep } from '../../src/training/step.ts';
import { differences, goldensImage, goldensLabel, goldensTheta, type Summary } from '../support/goldens-stream.ts';
import { residualUnet } from '../support/networks.ts';
import { HARD_LOSS, plainAdam, runSteps } from '../support/training-steps.ts';

interface Outcome {
  readonly total: number;
  readonly gradients: Readonly<Record<string, Summary>>;
}

interface Goldens {
  readonly imageShape: readonly number[];
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly initialScales: Readonly<Record<string, number>>;
  readonly logits: Summary;
  readonly plain: Outcome;
  /** Weights of the levels of the decoder, finest first, and the loss with them. */
  readonly weights: readonly number[];
  readonly deepSupervision: Outcome;
}

const file = new URL('../fixtures/residual-unet-goldens.json', import.meta.url);
const goldens: Goldens = JSON.parse(readFileSync(file, 'utf8'));
const { imageShape } = goldens;
const settings = residualUnet({
  features: [2, 3, 3, 4],
  kernels: [[3, 3, 1], 3, 3, 3],
  strides: [[2, 2, 1], 2, [2, 2, 1]],
  blocks: [1, 2, 1, 1],
  decoderConvolutions: [1, 2, 1],
});
const { network } = architectureOf(settings, 3);
const student = { network, specs: collectParameters(network, imageShape) };
const theta = goldensTheta(1, student.specs);
const image = goldensImage(3, imageShape);
const BETA1 = 0.9;

const engine = await createNodeEngine({ threads: 1 });
if (engine.block === 0)
  console.info('skipped: no blocked kernels on this machine, so only the plain lowering is compared');

describe('its parameters', () => {
  it("are nnU-Net's, without the biases that a normalisation cancels", () => {
    expect(student.specs.map(({ name, shape }) => ({ name, shape }))).toEqual(goldens.parameters);
  });

  it("start as nnU-Net's: He normal for its leaky ReLU, and a scale of 0 at the end of every block", () => {
    for (const { name, initializer } of student.specs) {
      // torch's fan-in too is the product of the shape without its first axis, of transposed kernels as well
      if (name.endsWith('.weight')) expect(initializer, name).toEqual({ kind: 'normal', gain: 2 / (1 + 0.01 ** 2) });
      else if (initializer.kind === 'constant')
        expect(initializer.value, name).toBeCloseTo(goldens.initialScales[name] ?? 0, 12);
    }
  });
});

describe('exported', () => {
  it('gives the same logits from standard operators', async () => {
    const session = await engine.load(exportModel(student, theta, { channels: 1, window: [4, 16, 24], metadata: {} }));
    const { logits } = await session.run({ image: tensor('float32', image, imageShape) });
    await session.dispose();
    expect(differences('logits', logits?.data as Float32Array, goldens.logits, 1e-5)).toEqual([]);
  });
});

describe.each([...new Set([0, engine.block])])('lowered with block %i', block => {
  it("gives nnU-Net's logits", async () => {
    const session = await engine.load(encodeModel(lower(buildForward(student, imageShape), { block })));
    const { logits } = await session.run({
      image: tensor('float32', image, imageShape),
      theta: tensor('float32', theta, [theta.length]),
    });
    await session.dispose();
    expect(differences('logits', logits?.data as Float32Array, goldens.logits, 1e-5)).toEqual([]);
  });

  it.each([
    ['its loss', goldens.plain, []],
    ['its loss with deep supervision', goldens.deepSupervision, ['decoder1']],
  ] as const)('gives %s, and the gradient of every parameter', async (_, expected, deepSupervision) => {
    const options = {
      student,
      imageShape,
      hardLoss: HARD_LOSS,
      deepSupervision,
      optimizer: plainAdam(),
      regularization: { l1: 0, l2: 0 },
      clipNorm: null,
    };
    const { adapters } = buildTrainingStep(options);
    const [outcome] = await runSteps(engine, options, {
      ...{ block, steps: 1, theta, image, label: goldensLabel(4, imageShape, 3), hyper: { learningRate: 0.01 } },
      ...(adapters.length > 0 && { adapters: goldensTheta(5, adapters) }),
    });
    expect(Math.abs(outcome!.losses['total']! / expected.total - 1)).toBeLessThan(5e-6);
    const gradient = outcome!.state['m']!.map(value => value / (1 - BETA1));
    let start = 0;
    for (const { name, shape } of [...student.specs, ...adapters]) {
      const values = gradient.subarray(start, start + elementCount(shape));
      start += values.length;
      expect(differences(name, values, expected.gradients[name]!, 1e-4)).toEqual([]);
    }
    expect(start).toBe(gradient.length);
  });
});

describe('the weights of deep supervision', () => {
  it("are nnU-Net's, which leaves out the lowest level", () => {
    const own = levelWeights(goldens.weights.length - 1);
    expect([...own, 0]).toEqual(goldens.weights.map(weight => expect.closeTo(weight, 12)));
  });
});
