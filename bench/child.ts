/**
 * One network on one engine in a process of its own: `node --import tsx bench/child.ts JOB`, JOB as JSON. Prints its
 * times and its peak memory as the last line. Wall time and processor time (user and system, all threads) of every step
 * are taken; on a machine that others use too, processor time with one thread says more. Peak memory is the process's
 * own VmHWM, so it needs Linux.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { random } from '../src/core/random.ts';
import { elementCount, type Triple } from '../src/core/shape.ts';
import { type Tensor, tensor } from '../src/core/tensor.ts';
import { initialize, parameterCount } from '../src/nn/parameters.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { lower } from '../src/onnx/lower.ts';
import { adam, biasCorrections } from '../src/optim/adam.ts';
import { createNodeEngine } from '../src/platform/node/engine.ts';
import type { Engine } from '../src/runtime/engine.ts';
import { buildForward } from '../src/training/forward.ts';
import { benchStep, CLASSES, flat, plainUnet } from './subject.ts';

/** What a child is asked to do; bench/step.py takes the same. */
export interface Job {
  readonly task: 'train' | 'infer';
  readonly features: readonly number[];
  /** Features of a frozen teacher, for a distillation step. */
  readonly teacher: readonly number[] | null;
  /** Kernel per level and factors per level after the first, D, H, W; 3x3x3 and halves if not given. */
  readonly kernels?: readonly Triple[];
  readonly pooling?: readonly Triple[];
  readonly batch: number;
  /** D, H, W. */
  readonly size: readonly number[];
  readonly warmup: number;
  readonly steps: number;
  readonly threads: number;
}

/** What a child says. */
export interface Timing {
  readonly name: string;
  readonly stepMs: readonly number[];
  /** Processor time of each step. */
  readonly processorMs?: readonly number[];
  readonly peakMb: number;
}

const LEARNING_RATE = 0.001;
/** Weight and temperature are given by name in every step; no schedule is asked. */
const SOFT = { weight: 0.5, temperature: 2 };

/** A function that does one training step, each from where the last one ended. */
async function trainer(engine: Engine, job: Job, image: Tensor): Promise<() => Promise<void>> {
  const student = plainUnet(job.features, image.shape, job);
  const teacher = job.teacher === null ? undefined : plainUnet(job.teacher, image.shape);
  const optimizer = adam({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }, size => new Float32Array(size));
  const step = benchStep({ student, teacher, imageShape: image.shape, optimizer });
  const session = await engine.load(encodeModel(lower(step.graph, engine)));
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
  const network = plainUnet(job.features, image.shape, job);
  const theta = flat(initialize(network.specs, name => random(1, name)));
  const graph = buildForward(network, image.shape);
  const session = await engine.load(encodeModel(lower(graph, { ...engine, frozen: true })));
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
  const [stepMs, processorMs]: [number[], number[]] = [[], []];
  for (let step = 0; step < job.warmup + job.steps; step++) {
    const [started, before] = [performance.now(), process.cpuUsage()];
    await run();
    if (step < job.warmup) continue;
    stepMs.push(performance.now() - started);
    const { user, system } = process.cpuUsage(before);
    processorMs.push((user + system) / 1000);
  }
  return { name: `voxstill on ${engine.name}, block ${engine.block}`, stepMs, processorMs, peakMb: peakMb() };
}

/** Our side of a job, in a process of its own. */
export function ours(job: Job): Timing {
  return child(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), JSON.stringify(job)]);
}

/** Runs a child and reads its last line. */
export function child(command: string, args: readonly string[]): Timing {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(process.argv[2]!)))}\n`);
}
