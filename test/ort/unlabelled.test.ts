/** Unlabelled samples behind the labelled ones of a batch: the hard loss does not know them, soft terms do. */
import { expect, it } from 'vitest';
import { random } from '../../src/core/random.ts';
import { elementCount } from '../../src/core/shape.ts';
import type { DistillationTerm } from '../../src/distillation/terms.ts';
import { initialize } from '../../src/nn/parameters.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import type { StepOptions } from '../../src/training/step.ts';
import { HARD_LOSS, KD, plainAdam, runSteps, smallUnet } from '../support/training-steps.ts';

const engine = await createNodeEngine({ threads: 1 });
const student = smallUnet([4, 8]);
const teacher = smallUnet([6]);
const theta = initialize(student.specs, name => random(3, name));
const teacherTheta = initialize(teacher.specs, name => random(5, name));
const sample = [1, 8, 8, 8];
const voxels = elementCount(sample);
const numbers = random(1, 'unlabelled');
/** Two labelled samples, then two without labels. */
const image = Float32Array.from({ length: 4 * voxels }, () => numbers.normal());
const label = Int32Array.from({ length: 2 * voxels }, () => numbers.integer(3));

/** One step on samples from..to of the four. */
async function stepOn(
  from: number,
  to: number,
  softWeight: number,
  block: number,
  { unlabelled = Math.max(0, to - 2), hardLoss = HARD_LOSS, terms = [KD] as readonly DistillationTerm[] } = {},
) {
  const options: StepOptions = {
    student,
    imageShape: [to - from, ...sample],
    unlabelled,
    hardLoss,
    optimizer: plainAdam(),
    regularization: { l1: 0, l2: 0 },
    clipNorm: null,
    distillation: { teacher: { ...teacher, theta: teacherTheta }, terms },
  };
  const [outcome] = await runSteps(engine, options, {
    block,
    steps: 1,
    theta,
    image: image.slice(from * voxels, to * voxels),
    label: label.slice(from * voxels, (to - unlabelled) * voxels),
    hyper: Object.fromEntries([
      ['learningRate', 0.01],
      ...terms.flatMap(({ name }) => [
        [`${name}.weight`, softWeight],
        [`${name}.temperature`, 3],
      ]),
    ]),
  });
  return outcome!;
}

it.each([0, engine.block])('the hard terms are those of the labelled samples alone (block %i)', async block => {
  const labelled = await stepOn(0, 2, 0, block);
  const all = await stepOn(0, 4, 0, block);
  for (const name of ['crossEntropy', 'dice', 'total', 'gradientNorm']) {
    expect(all.losses[name]! / labelled.losses[name]!, name).toBeCloseTo(1, 4);
  }
  const [gradient, other] = [labelled, all].map(({ state }) => Object.values(state)[0]!) as [
    Float32Array,
    Float32Array,
  ];
  const scale = Math.max(...gradient.map(Math.abs));
  const difference = Math.max(...gradient.map((value, index) => Math.abs(value - other[index]!)));
  expect(difference).toBeLessThan(1e-4 * scale);
});

it.each([0, engine.block])('the soft term is the mean over all samples (block %i)', async block => {
  const kd: number[] = [];
  for (const at of [0, 1]) kd.push((await stepOn(at, at + 1, 1, block)).losses['kd']!);
  const first = (await stepOn(0, 2, 1, block)).losses['kd']!;
  const all = (await stepOn(0, 4, 1, block)).losses['kd']!;
  const three = (await stepOn(0, 3, 1, block)).losses['kd']!;
  expect(first).toBeCloseTo((kd[0]! + kd[1]!) / 2, 5);
  // sample 3 by what it adds to samples 0 to 2, and again by a step of samples 1 to 3
  const fourth = 4 * all - 3 * three;
  const others = (await stepOn(1, 4, 1, block)).losses['kd']!;
  expect((kd[1]! + (3 * three - kd[0]! - kd[1]!) + fourth) / 3).toBeCloseTo(others, 4);
  expect(fourth).toBeGreaterThan(0);
});

it.each([0, engine.block])('without labelled samples nothing but the soft terms counts (block %i)', async block => {
  const alone = await stepOn(0, 2, 1, block, { unlabelled: 2 });
  expect(Object.keys(alone.losses)).toEqual(['total', 'kd', 'gradientNorm']);
  // the same samples with labels that weigh next to nothing
  const { crossEntropy, dice } = HARD_LOSS;
  const light = { crossEntropy: { ...crossEntropy, weight: 1e-9 }, dice: { ...dice, weight: 0 } };
  const labelled = await stepOn(0, 2, 1, block, { unlabelled: 0, hardLoss: { ...HARD_LOSS, ...light } });
  for (const name of ['kd', 'total', 'gradientNorm']) {
    expect(alone.losses[name]! / labelled.losses[name]!, name).toBeCloseTo(1, 4);
  }
});

it('asks the teacher for the classes where no sample has a label', async () => {
  const options = {
    weight: 1,
    temperature: 1,
    classWeights: 'uniform',
    foregroundWeight: 1,
    boundaryWeight: 1,
  } as const;
  const dkd = (reference: 'label' | 'teacher'): readonly DistillationTerm[] => [
    { method: 'dkd', name: 'dkd', ...options, targetWeight: 1, nonTargetWeight: 2, reference },
  ];
  const [byLabel, byTeacher] = [
    await stepOn(0, 2, 1, 0, { unlabelled: 2, terms: dkd('label') }),
    await stepOn(0, 2, 1, 0, { unlabelled: 2, terms: dkd('teacher') }),
  ];
  expect(byLabel.losses['dkd']).toBeGreaterThan(0);
  expect(byLabel.losses).toEqual(byTeacher.losses);
});
