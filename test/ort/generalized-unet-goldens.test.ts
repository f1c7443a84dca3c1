/**
 * A generalized U-Net beside PyTorch in float64: test/fixtures/make-generalized-unet-goldens.py makes the numbers and
 * says how.
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
import { networkSchemas } from '../../src/recipe/schema/network.ts';
import { buildForward } from '../../src/training/forward.ts';
import { differences, goldensImage, goldensLabel, goldensTheta, type Summary } from '../support/goldens-stream.ts';
import { HARD_LOSS, plainAdam, runSteps } from '../support/training-steps.ts';

interface Goldens {
  readonly imageShape: readonly number[];
  readonly logitsShape: readonly number[];
  readonly losses: Readonly<Record<string, number>>;
  readonly logits: Summary;
  readonly gradients: Readonly<Record<string, Summary>>;
}

const file = new URL('../fixtures/generalized-unet-goldens.json', import.meta.url);
const goldens: Goldens = JSON.parse(readFileSync(file, 'utf8'));
const { imageShape } = goldens;
const settings = networkSchemas.generalizedUnet.parse({
  features: [
    [[3, 4], [4]],
    [[5], []],
  ],
  kernels: [
    [[3, [3, 3, 1]], [3]],
    [[3], []],
  ],
  subsampleFactors: [1, [2, 2, 1]],
  headKernels: [1, 1],
  headFeatures: [6],
  headDropout: [0, 0],
  padding: 'valid',
});
const { network } = architectureOf({ generalizedUnet: settings }, 3);
const student = { network, specs: collectParameters(network, imageShape) };
const theta = goldensTheta(1, student.specs);
const image = goldensImage(3, imageShape);
const BETA1 = 0.9;

const engine = await createNodeEngine({ threads: 1 });
if (engine.block === 0)
  console.info('skipped: no blocked kernels on this machine, so only the plain lowering is compared');

describe.each([...new Set([0, engine.block])])('lowered with block %i', block => {
  it('gives the logits of PyTorch for the middle of the patch', async () => {
    const session = await engine.load(encodeModel(lower(buildForward(student, imageShape), { block })));
    const { logits } = await session.run({
      image: tensor('float32', image, imageShape),
      theta: tensor('float32', theta, [theta.length]),
    });
    await session.dispose();
    expect(logits?.shape).toEqual(goldens.logitsShape);
    expect(differences('logits', logits?.data as Float32Array, goldens.logits, 1e-5)).toEqual([]);
  });

  it('gives its losses on the cropped labels, and the gradient of every parameter', async () => {
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
    for (const [name, expected] of Object.entries(goldens.losses)) {
      expect(Math.abs(outcome!.losses[name]! / expected - 1), name).toBeLessThan(5e-6);
    }
    const gradient = outcome!.state['m']!.map(value => value / (1 - BETA1));
    let start = 0;
    for (const { name, shape } of student.specs) {
      const values = gradient.subarray(start, start + elementCount(shape));
      start += values.length;
      const expected = goldens.gradients[name]!;
      // a bias before a normalisation changes nothing: its gradient is rounding on both sides
      if (expected.norm < 1e-10) expect(Math.hypot(...values), name).toBeLessThan(1e-6);
      else expect(differences(name, values, expected, 5e-5)).toEqual([]);
    }
  });
});
