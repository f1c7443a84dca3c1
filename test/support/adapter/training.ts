/**
 * Program: the demo's student is trained for a few steps by the demo's teacher, which is part of the step, once by the
 * plain form on the processor and once by WebGPU, as `--device webgpu` trains it. Words: number of steps, size of the
 * patches, and learning rate; at the demo's own, 0.01, the forms of one training part by more than 1e-4 within five
 * steps on the processor too. Every step has new patches. Prints the losses of every step of both, the warnings on
 * WebGPU, and its engine.
 */
import { argv, exit, stdout } from 'node:process';
import { random } from '../../../src/core/random.ts';
import { elementCount } from '../../../src/core/shape.ts';
import type { Batch } from '../../../src/data/loader.ts';
import { planArm } from '../../../src/experiment/arm-plan.ts';
import { initialize } from '../../../src/nn/parameters.ts';
import { createNodeLaboratory } from '../../../src/platform/node/laboratory.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import type { Engine } from '../../../src/runtime/engine.ts';
import { silent } from '../../../src/runtime/progress.ts';
import { demoRecipe } from '../../../src/study/demo.ts';
import { labelShape } from '../../../src/training/hard-loss.ts';
import { train } from '../../../src/training/trainer.ts';

const LABELS = 3;
const steps = Number(argv[2]);
const recipe = parseRecipe(demoRecipe('data', { quick: true, seed: 1, device: 'webgpu' }), {
  path: 'the recipe of the demo',
  overrides: [`patch.size=[${argv[3]}]`, `student.train.learningRate=${argv[4]}`],
});
const teacher = planArm(recipe, 'teacher', { channels: 1, labels: LABELS }).model;
const theta = initialize(teacher.specs, name => random(1, 'teacher', name));
const plan = planArm(recipe, 'student', { channels: 1, labels: LABELS, teacher: { ...teacher, theta } });

/** A ball within a ball at a random place of each sample, with a little noise. */
function batchOf(step: number): Batch {
  const { imageShape, unlabelled = 0 } = plan.step;
  const [batch, , depth, height, width] = imageShape as readonly [number, number, number, number, number];
  const source = random('batch', step);
  const image: number[] = [];
  const label: number[] = [];
  for (let sample = 0; sample < batch; sample++) {
    const centre = [depth, height, width].map(size => size * (0.35 + 0.3 * source.uniform()));
    for (let index = 0; index < depth * height * width; index++) {
      const place = [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
      const radius = Math.hypot(...place.map((value, axis) => value - (centre[axis] as number))) / depth;
      const value = radius < 0.15 ? 2 : Number(radius < 0.35);
      label.push(value);
      image.push(value / 2 + 0.1 * source.uniform());
    }
  }
  const labels = label.slice(0, elementCount(labelShape(imageShape, unlabelled)));
  return { image: Float32Array.from(image), label: Int32Array.from(labels), caseIds: [], epoch: 0 };
}

async function lossesOn(engine: Engine): Promise<readonly Readonly<Record<string, number>>[]> {
  const { records } = await train({
    engine,
    step: plan.step,
    seed: 1,
    initialTheta: initialize(plan.model.specs, name => random(1, 'student', name)),
    initialAdapters: specs => initialize(specs, name => random(1, 'adapter', name)),
    batches: { next: async step => batchOf(step), close: async () => {} },
    steps,
    learningRate: plan.learningRate,
    schedule: { kind: 'constant', warmupSteps: 0, power: 1 },
    validateEvery: steps,
    validate: undefined,
    store: { load: async () => undefined, saveLast: async () => {}, saveBest: async () => {} },
    fingerprint: '',
    progress: silent,
    label: '',
    now: () => performance.now(),
  });
  return records.map(({ losses }) => losses);
}

const warnings: string[] = [];
const progress = { ...silent, warn: (text: string): void => void warnings.push(text) };
const { engine: cpu } = await createNodeLaboratory({ threads: 2 });
const { engine: card } = await createNodeLaboratory({ threads: 2, device: recipe.device, progress });
const found = {
  plain: await lossesOn({ ...cpu, block: 0 }),
  card: await lossesOn(card),
  warnings,
  engine: { name: card.name, device: card.device },
};
// ONNX Runtime's WebGPU may hold up the end of a process
stdout.write(JSON.stringify(found), () => exit(0));
