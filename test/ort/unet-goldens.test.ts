/**
 * The whole training step beside PyTorch in float64: test/fixtures/make-unet-goldens.py makes the numbers and says how.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { elementCount } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { buildForward } from '../../src/training/forward.ts';
import type { StepOptions } from '../../src/training/step.ts';
import { differences, goldensImage, goldensLabel, goldensTheta, type Summary } from '../support/goldens-stream.ts';
import { HARD_LOSS, KD, plainAdam, runSteps, type StepOutcome, smallUnet } from '../support/training-steps.ts';

interface Golden {
  readonly name: string;
  readonly imageShape: readonly number[];
  readonly losses: Readonly<Record<string, number>>;
  readonly logits: Summary;
  readonly gradients: Readonly<Record<string, Summary>>;
  readonly movedBy2Steps: Readonly<Record<string, Summary>>;
}

interface Goldens {
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly cases: readonly Golden[];
}

const goldens: Goldens = JSON.parse(readFileSync(new URL('../fixtures/unet-goldens.json', import.meta.url), 'utf8'));
const BETA1 = 0.9;
const HYPER = { learningRate: 0.01, 'kd.weight': 0.5, 'kd.temperature': 2 };
const student = smallUnet([4, 8]);
const theta = goldensTheta(1, student.specs);

/** The same for every parameter of a flat vector. */
function parameterDifferences(vector: Float32Array, expected: Golden['gradients'], tolerance: number): string[] {
  return [...byName(vector)].flatMap(([name, values]) => differences(name, values, expected[name]!, tolerance));
}

/** Cuts a flat vector into parameters. */
function byName(vector: Float32Array): ReadonlyMap<string, Float32Array> {
  let start = 0;
  return new Map(
    student.specs.map(({ name, shape }) => {
      const part = vector.subarray(start, start + elementCount(shape));
      start += part.length;
      return [name, part];
    }),
  );
}

function stepOptions({ name, imageShape }: Golden): StepOptions {
  const teacher = smallUnet([6, 12]);
  return {
    student,
    imageShape,
    hardLoss: HARD_LOSS,
    optimizer: plainAdam(),
    regularization: { l1: 0, l2: 0 },
    clipNorm: null,
    ...(name === 'distillation'
      ? {
          distillation: {
            teacher: { ...teacher, theta: goldensTheta(2, teacher.specs) },
            terms: [KD],
          },
        }
      : {}),
  };
}

const engine = await createNodeEngine({ threads: 1 });
if (engine.block === 0)
  console.info('skipped: no blocked kernels on this machine, so only the plain lowering is compared');

it('names and shapes the parameters in the documented order', () => {
  expect(student.specs.map(({ name, shape }) => ({ name, shape }))).toEqual(goldens.parameters);
});

describe.each(goldens.cases)('$name', golden => {
  const { imageShape } = golden;
  const image = goldensImage(3, imageShape);

  describe.each([...new Set([0, engine.block])])('lowered with block %i', block => {
    let outcomes: readonly StepOutcome[] = [];

    beforeAll(async () => {
      const label = goldensLabel(4, imageShape, 3);
      outcomes = await runSteps(engine, stepOptions(golden), {
        block,
        steps: 2,
        theta,
        image,
        label,
        hyper: HYPER,
      });
    });

    it('gives the logits of PyTorch', async () => {
      const session = await engine.load(encodeModel(lower(buildForward(student, imageShape), { block })));
      const { logits } = await session.run({
        image: tensor('float32', image, imageShape),
        theta: tensor('float32', theta, [theta.length]),
      });
      await session.dispose();
      expect(differences('logits', logits?.data as Float32Array, golden.logits, 1e-5)).toEqual([]);
    });

    it('gives every loss term and the gradient norm', () => {
      const { losses } = outcomes[0]!;
      expect(Object.keys(losses)).toEqual(Object.keys(golden.losses));
      for (const [name, expected] of Object.entries(golden.losses)) {
        expect(Math.abs(losses[name]! / expected - 1), name).toBeLessThan(5e-6);
      }
    });

    it('gives the gradient of every parameter, read from the first moment of Adam', () => {
      const gradient = outcomes[0]!.state['m']!.map(value => value / (1 - BETA1));
      expect(parameterDifferences(gradient, golden.gradients, 1e-5)).toEqual([]);
    });

    // Adam divides by the gradient's own size, which magnifies the rounding of entries near zero. After more steps the
    // rounding of one form can take another side of a kink (max-pooling, leaky ReLU): gradients at the same parameters
    // still agree to 1e-6 then, and those of the two paths do not
    it('moves every parameter as two steps of Adam do', () => {
      const moved = outcomes[1]!.theta.map((value, index) => value - theta[index]!);
      expect(parameterDifferences(moved, golden.movedBy2Steps, 2e-4)).toEqual([]);
    });
  });
});
