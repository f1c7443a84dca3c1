/**
 * Times one training step beside PyTorch eager on the same cores: `node --import tsx bench/step.ts [--size D,H,W]
 * [--json]`. Ours and PyTorch's run in child processes that take turns, so that both meet the same load; medians over
 * all rounds. Peak memory is the child's own VmHWM, so it needs Linux. PyTorch comes from the interpreter of --python,
 * by default Debian's.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { random } from '../src/core/random.ts';
import { elementCount } from '../src/core/shape.ts';
import { type Tensor, tensor } from '../src/core/tensor.ts';
import { initialize, parameterCount } from '../src/nn/parameters.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { lower } from '../src/onnx/lower.ts';
import { adam, biasCorrections } from '../src/optim/adam.ts';
import { createNodeEngine } from '../src/platform/node/engine.ts';
import type { Engine } from '../src/runtime/engine.ts';
import { buildForward } from '../src/training/forward.ts';
import { buildTrainingStep } from '../src/training/step.ts';
import { CLASSES, flat, plainUnet } from './subject.ts';

/** What a child is asked to do; bench/step.py takes the same. */
interface Job {
  readonly task: 'train' | 'infer';
  readonly features: readonly number[];
  /** Features of a frozen teacher, for a distillation step. */
  readonly teacher: readonly number[] | null;
  readonly batch: number;
  /** D, H, W. */
  readonly size: readonly number[];
  readonly warmup: number;
  readonly steps: number;
  readonly threads: number;
}

/** What a child says. */
interface Timing {
  readonly name: string;
  readonly stepMs: readonly number[];
  readonly peakMb: number;
}

interface Side {
  readonly name: string;
  readonly medianMs: number;
  readonly roundMediansMs: readonly number[];
  readonly peakMb: number;
}

interface Row {
  readonly configuration: string;
  readonly ours: Side;
  readonly torch: Side | null;
  /** Ours divided by PyTorch's; below 1 is faster. */
  readonly ratio: number | null;
}

const TEACHER = [16, 32, 64];
const STUDENT = [4, 8, 16];
const LEARNING_RATE = 0.001;
/** Weight and temperature are told by name in every step; no schedule is asked. */
const SOFT = { weight: 0.5, temperature: 2 };

type Configuration = Pick<Job, 'task' | 'features' | 'teacher'> & { readonly name: string };

const TRAINING: readonly Configuration[] = [
  { name: 'step, teacher 16-32-64', task: 'train', features: TEACHER, teacher: null },
  { name: 'step, student 4-8-16', task: 'train', features: STUDENT, teacher: null },
  { name: 'distillation step, frozen teacher and student', task: 'train', features: STUDENT, teacher: TEACHER },
];
const INFERENCE: readonly Configuration[] = [
  { name: 'inference, teacher', task: 'infer', features: TEACHER, teacher: null },
  { name: 'inference, student', task: 'infer', features: STUDENT, teacher: null },
];

/** A function that does one training step, each from where the last one ended. */
async function trainer(engine: Engine, job: Job, image: Tensor): Promise<() => Promise<void>> {
  const student = plainUnet(job.features, image.shape);
  const teacher = job.teacher === null ? undefined : plainUnet(job.teacher, image.shape);
  const optimizer = adam({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }, size => new Float32Array(size));
  const step = buildTrainingStep({
    student,
    imageShape: image.shape,
    hardLoss: {
      crossEntropy: { weight: 1, kind: 'categorical', classWeights: 'uniform' },
      dice: { weight: 1, batch: false, background: false, squared: false, smooth: 1e-5 },
    },
    optimizer,
    regularization: { l1: 0, l2: 0 },
    clipNorm: null,
    ...(teacher && {
      distillation: {
        teacher: { ...teacher, theta: initialize(teacher.specs, name => random(2, name)) },
        terms: [
          {
            method: 'kd',
            name: 'kd',
            weight: 1,
            temperature: 1,
            classWeights: 'uniform',
            foregroundWeight: 1,
            boundaryWeight: 1,
          },
        ],
      },
    }),
  });
  const session = await engine.load(encodeModel(lower(step.graph, { block: engine.block })));
  const source = random(4, 'label');
  const labelShape = image.shape.with(1, 1);
  const label = tensor(
    'int32',
    Int32Array.from({ length: elementCount(labelShape) }, () => source.integer(CLASSES)),
    labelShape,
  );
  const count = parameterCount(student.specs);
  let theta = flat(initialize(student.specs, name => random(1, name)));
  let [m, v] = [flat(new Float32Array(count)), flat(new Float32Array(count))];
  let done = 0;
  return async () => {
    const [biasCorrection1, biasCorrection2] = biasCorrections(optimizer, done++);
    const numbers: Record<string, number> = {
      learningRate: LEARNING_RATE,
      biasCorrection1,
      biasCorrection2,
      dropoutKey: 0,
      'kd.weight': SOFT.weight,
      'kd.temperature': SOFT.temperature,
    };
    const hyper = flat(Float32Array.from(step.hyperNames, name => numbers[name] ?? Number.NaN));
    const next = await session.run({ image, label, theta, m, v, hyper });
    [theta, m, v] = [next['theta.next']!, next['m.next']!, next['v.next']!];
    if (!Number.isFinite(next['losses']!.data[0])) throw new Error('the loss is not finite');
  };
}

/** A function that does one forward pass. */
async function predictor(engine: Engine, job: Job, image: Tensor): Promise<() => Promise<void>> {
  const network = plainUnet(job.features, image.shape);
  const theta = flat(initialize(network.specs, name => random(1, name)));
  const graph = buildForward(network, image.shape);
  const session = await engine.load(encodeModel(lower(graph, { block: engine.block })));
  return async () => void (await session.run({ image, theta }));
}

function peakMb(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1]) / 1024;
}

/** Our side, in a process of its own. */
async function measure(job: Job): Promise<Timing> {
  const engine = await createNodeEngine({ threads: job.threads });
  const imageShape = [job.batch, 1, ...job.size];
  const source = random(3, 'image');
  const image = tensor(
    'float32',
    Float32Array.from({ length: elementCount(imageShape) }, () => source.uniform()),
    imageShape,
  );
  const run = await (job.task === 'train' ? trainer : predictor)(engine, job, image);
  const stepMs: number[] = [];
  for (let step = 0; step < job.warmup + job.steps; step++) {
    const started = performance.now();
    await run();
    if (step >= job.warmup) stepMs.push(performance.now() - started);
  }
  return { name: `voxstill on ${engine.name}, block ${engine.block}`, stepMs, peakMb: peakMb() };
}

/** Runs a child and reads its last line. */
function child(command: string, args: readonly string[]): Timing {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function side(timings: readonly Timing[]): Side {
  return {
    name: timings[0]!.name,
    medianMs: median(timings.flatMap(({ stepMs }) => stepMs)),
    roundMediansMs: timings.map(({ stepMs }) => median(stepMs)),
    peakMb: Math.max(...timings.map(timing => timing.peakMb)),
  };
}

/** Alternates ours and PyTorch's, round after round. */
function compare(configuration: Configuration, job: Job, rounds: number, python: string | null): Row {
  const [ours, torch]: [Timing[], Timing[]] = [[], []];
  const text = JSON.stringify(job);
  for (let round = 0; round < rounds; round++) {
    ours.push(child(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), '--child', text]));
    if (python !== null) {
      torch.push(child(python, [fileURLToPath(new URL('step.py', import.meta.url)), text]));
    }
    process.stderr.write(`${configuration.name}: round ${round + 1} of ${rounds}\n`);
  }
  const [left, right] = [side(ours), python === null ? null : side(torch)];
  return {
    configuration: configuration.name,
    ours: left,
    torch: right,
    ratio: right === null ? null : left.medianMs / right.medianMs,
  };
}

function table(rows: readonly Row[]): string {
  const cells = rows.map(({ configuration, ours, torch, ratio }) => [
    configuration,
    ours.medianMs.toFixed(1),
    torch?.medianMs.toFixed(1) ?? '-',
    ratio?.toFixed(2) ?? '-',
    ours.peakMb.toFixed(0),
    torch?.peakMb.toFixed(0) ?? '-',
  ]);
  const all = [['configuration', 'ours ms', 'PyTorch ms', 'ratio', 'ours peak MB', 'PyTorch peak MB'], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map(row => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ');
  return all.map(line).join('\n');
}

/** The interpreter if it has PyTorch, else null and a clear word about it. */
function torchPython(python: string): string | null {
  if (spawnSync(python, ['-c', 'import torch']).status === 0) return python;
  process.stderr.write(
    `${python} has no PyTorch, so there is nothing to compare with: install python3-torch (Debian), or name an interpreter ` +
      'that has it with --python\n',
  );
  return null;
}

const { values: flags } = parseArgs({
  options: {
    size: { type: 'string', default: '40,56,40' },
    batch: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string', default: '/usr/bin/python3' },
    inference: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
});

if (flags.child !== undefined) {
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(flags.child)))}\n`);
} else {
  const settings = {
    batch: Number(flags.batch),
    size: flags.size.split(',').map(Number),
    warmup: 2,
    steps: Number(flags.steps),
    threads: Number(flags.threads),
  };
  const python = torchPython(flags.python);
  const configurations = flags.inference ? [...TRAINING, ...INFERENCE] : TRAINING;
  const rows = configurations.map(({ name, ...task }) =>
    compare({ name, ...task }, { ...task, ...settings }, Number(flags.rounds), python),
  );
  const processor = cpus()[0]?.model ?? 'unknown processor';
  if (flags.json) {
    process.stdout.write(
      `${JSON.stringify({ processor, node: process.version, rounds: Number(flags.rounds), ...settings, rows }, null, 1)}\n`,
    );
  } else {
    const { ours, torch } = rows[0]!;
    process.stdout.write(
      `${processor}, ${settings.threads} threads, batch ${settings.batch} of 1x${settings.size.join('x')}; medians of ` +
        `${flags.rounds} rounds of ${settings.steps} steps\n${ours.name}; ${torch?.name ?? 'no PyTorch'}\n\n${table(rows)}\n`,
    );
  }
}
