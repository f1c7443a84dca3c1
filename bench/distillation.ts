/**
 * What each distillation method adds to a step: `node --import tsx bench/distillation.ts [--size D,H,W] [--batch N]
 * [--rounds R] [--steps S]`. Batch 2 of 1x40x56x40, 3 classes, teacher U-Net 16-32-64 frozen in the step, student
 * 4-8-16, Adam. Methods take turns, round after round; the ratio is that of processor time to a step with one plain kd
 * term, which on one thread holds under other load too (threads that wait spin, and count).
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { random } from '../src/core/random.ts';
import { elementCount } from '../src/core/shape.ts';
import { type Tensor, tensor } from '../src/core/tensor.ts';
import type { DistillationTerm } from '../src/distillation/terms.ts';
import { initialize } from '../src/nn/parameters.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { lower } from '../src/onnx/lower.ts';
import { adam, biasCorrections } from '../src/optim/adam.ts';
import { createNodeEngine } from '../src/platform/node/engine.ts';
import type { Engine } from '../src/runtime/engine.ts';
import { ADAPTERS } from '../src/training/update.ts';
import { benchStep, CLASSES, flat, plainUnet } from './subject.ts';

const SOFT = { weight: 1, temperature: 1, classWeights: 'uniform', foregroundWeight: 1, boundaryWeight: 1 } as const;
const layers = (name: string) => ({ studentLayer: name, teacherLayer: name });

/** A plain step, then one term each beside the hard loss. */
const CONFIGURATIONS: Readonly<Record<string, readonly DistillationTerm[]>> = {
  kd: [{ method: 'kd', name: 'kd', ...SOFT }],
  'kd, balanced classes': [{ method: 'kd', name: 'kd', ...SOFT, classWeights: 'balanced' }],
  'kd, boundaries': [{ method: 'kd', name: 'kd', ...SOFT, boundaryWeight: 3 }],
  logitRegression: [{ method: 'logitRegression', name: 'logitRegression', ...SOFT, centred: true }],
  dkd: [{ method: 'dkd', name: 'dkd', ...SOFT, targetWeight: 1, nonTargetWeight: 2, reference: 'label' }],
  dist: [{ method: 'dist', name: 'dist', ...SOFT, interWeight: 1, intraWeight: 1 }],
  softDice: [{ method: 'softDice', name: 'softDice', ...SOFT, background: false }],
  'hint, decoder0': [{ method: 'hint', name: 'hint', ...SOFT, ...layers('decoder0') }],
  'hint, encoder2': [{ method: 'hint', name: 'hint', ...SOFT, ...layers('encoder2') }],
  'attention, decoder0': [{ method: 'attention', name: 'attention', ...SOFT, ...layers('decoder0') }],
  'attention, encoder2': [{ method: 'attention', name: 'attention', ...SOFT, ...layers('encoder2') }],
  'channelWise, logits': [{ method: 'channelWise', name: 'channelWise', ...SOFT, ...layers('logits') }],
  'channelWise, decoder0': [{ method: 'channelWise', name: 'channelWise', ...SOFT, ...layers('decoder0') }],
  'regionAffinity, decoder0': [
    { method: 'regionAffinity', name: 'regionAffinity', ...SOFT, ...layers('decoder0'), reference: 'label' },
  ],
};

/** One step in milliseconds. */
interface StepTime {
  readonly wallMs: number;
  readonly processorMs: number;
}

/** Times of single steps, after two that do not count. */
async function stepTimes(
  engine: Engine,
  terms: readonly DistillationTerm[],
  { imageShape, steps }: { readonly imageShape: readonly number[]; readonly steps: number },
): Promise<readonly StepTime[]> {
  const [student, teacher] = [plainUnet([4, 8, 16], imageShape), plainUnet([16, 32, 64], imageShape)];
  const optimizer = adam({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }, size => new Float32Array(size));
  const { graph, hyperNames, adapters } = benchStep({ student, teacher, imageShape, optimizer, terms });
  const session = await engine.load(encodeModel(lower(graph, engine)));
  const source = random(3, 'batch');
  const labelShape = imageShape.with(1, 1);
  const batch = {
    image: tensor(
      'float32',
      new Float32Array(elementCount(imageShape)).map(() => source.uniform()),
      imageShape,
    ),
    label: tensor(
      'int32',
      new Int32Array(elementCount(labelShape)).map(() => source.integer(CLASSES)),
      labelShape,
    ),
  };
  const theta = initialize(student.specs, name => random(1, name));
  const extra = initialize(adapters, name => random(4, name));
  const count = theta.length + extra.length;
  let state: Readonly<Record<string, Tensor>> = {
    theta: flat(theta),
    m: flat(new Float32Array(count)),
    v: flat(new Float32Array(count)),
    ...(extra.length > 0 && { [ADAPTERS]: flat(extra) }),
  };
  const times: StepTime[] = [];
  for (let step = -2; step < steps; step++) {
    const [first, second] = biasCorrections(optimizer, step + 2);
    const hyper: Readonly<Record<string, number>> = {
      learningRate: 1e-3,
      biasCorrection1: first,
      biasCorrection2: second,
    };
    const [started, before] = [performance.now(), process.cpuUsage()];
    const results = await session.run({
      ...batch,
      ...state,
      hyper: flat(Float32Array.from(hyperNames, name => hyper[name] ?? 1)),
    });
    const { user, system } = process.cpuUsage(before);
    if (step >= 0) times.push({ wallMs: performance.now() - started, processorMs: (user + system) / 1000 });
    if (!Number.isFinite(results['losses']?.data[0])) throw new Error('the loss is not finite');
    state = Object.fromEntries(Object.keys(state).map(name => [name, results[`${name}.next`] as Tensor]));
  }
  await session.dispose();
  return times;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[sorted.length >> 1] as number;
}

const { values: flags } = parseArgs({
  options: {
    size: { type: 'string', default: '40,56,40' },
    batch: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
  },
});
const imageShape = [Number(flags.batch), 1, ...flags.size.split(',').map(Number)];
const engine = await createNodeEngine({ threads: Number(flags.threads) });
const times = new Map<string, StepTime[]>(Object.keys(CONFIGURATIONS).map(name => [name, []]));
for (let round = 0; round < Number(flags.rounds); round++) {
  for (const [name, terms] of Object.entries(CONFIGURATIONS)) {
    times.get(name)?.push(...(await stepTimes(engine, terms, { imageShape, steps: Number(flags.steps) })));
    process.stderr.write(`round ${round + 1} of ${flags.rounds}: ${name}\n`);
  }
}
const medians = [...times].map(([name, all]) => ({
  name,
  wallMs: median(all.map(time => time.wallMs)),
  processorMs: median(all.map(time => time.processorMs)),
}));
const plain = medians[0]?.processorMs as number;
process.stdout.write(
  `${cpus()[0]?.model}, ${flags.threads} threads, ${imageShape.join('x')}, block ${engine.block}; medians of ` +
    `${flags.rounds} rounds of ${flags.steps} steps\n\n${'term'.padEnd(28)} wall ms  processor ms  ratio\n`,
);
for (const { name, wallMs, processorMs } of medians) {
  const cells = [
    wallMs.toFixed(0).padStart(8),
    processorMs.toFixed(0).padStart(14),
    (processorMs / plain).toFixed(2).padStart(7),
  ];
  process.stdout.write(`${name.padEnd(28)}${cells.join('')}\n`);
}
