/**
 * Times one forward pass of exported networks beside PyTorch: `node --import tsx bench/inference.ts --python PATH
 * [--networks A,B] [--forms A,B] [--size D,H,W] [--rounds R] [--json]`. PATH is an interpreter that has torch, monai
 * and nnunetv2. PyTorch exports every network to ONNX; ours runs the file as it is and recompiled, as `predict` and
 * teachers do, and PyTorch runs it in each of its forms, with one thread each. All take turns, so that they meet the
 * same load, and processor time is taken, since a machine may have other work. The ratio is that of medians, to
 * PyTorch's best form; the difference is the largest one from PyTorch's logits, relative to the largest of them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Tensor, tensor } from '../src/core/tensor.ts';
import { blockedForm } from '../src/onnx/blocked-form.ts';
import { createNodeEngine } from '../src/platform/node/engine.ts';
import type { Engine, Session } from '../src/runtime/engine.ts';
import { median } from './child.ts';

const NETWORKS = ['unet 16-32-64', 'unet 4-8-16', 'dynunet', 'nnunet plain', 'nnunet residual encoder'];
const FORMS = ['eager', 'channels_last_3d', 'compile'];
const CLASSES = 3;

/** One form of a network. */
interface Contender {
  readonly name: string;
  /** One forward pass; the processor time that it took, in milliseconds. */
  run(): Promise<number>;
}

interface Row {
  readonly network: string;
  /** Median processor time by form. */
  readonly processorMs: Readonly<Record<string, number>>;
  readonly bestOfTorch: string;
  /** Ours, recompiled, to PyTorch's best; below 1 is faster. */
  readonly ratio: number;
  readonly difference: number;
}

/** A process of PyTorch that has exported a network and waits for names of forms. */
class Torch {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(python: string, job: object) {
    const script = fileURLToPath(new URL('inference.py', import.meta.url));
    this.#process = spawn(python, [script, JSON.stringify(job)], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async answer(): Promise<{ readonly name?: string; readonly ms?: number }> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('PyTorch ended; run bench/inference.py by itself to see why');
    return JSON.parse(value);
  }

  contender(form: string): Contender {
    const run = async (): Promise<number> => {
      this.#process.stdin!.write(`${form}\n`);
      return (await this.answer()).ms as number;
    };
    return { name: form, run };
  }

  end(): void {
    this.#process.stdin!.end();
  }
}

const floats = (path: string): Float32Array => {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
};

function ours(name: string, session: Session, image: Tensor): Contender & { logits(): Promise<Float32Array> } {
  const ask = async (): Promise<Float32Array> => (await session.run({ image }))['logits']?.data as Float32Array;
  const run = async (): Promise<number> => {
    const before = process.cpuUsage();
    await ask();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  return { name, run, logits: ask };
}

/** Largest difference, relative to the largest value. */
function difference(left: Float32Array, right: Float32Array): number {
  const largest = right.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return left.reduce((most, value, index) => Math.max(most, Math.abs(value - right[index]!)), 0) / largest;
}

interface Settings {
  readonly size: readonly number[];
  readonly rounds: number;
  readonly forms: readonly string[];
  readonly python: string;
}

async function compare(engine: Engine, network: string, { size, rounds, forms, python }: Settings): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), 'voxstill-bench-'));
  const file = join(folder, 'network.onnx');
  const torch = new Torch(python, { network, size, batch: 1, file, forms });
  try {
    await torch.answer();
    const shape = [1, 1, ...size];
    const [bytes, image] = [readFileSync(file), tensor('float32', floats(`${file}.image`), shape)];
    const form = blockedForm(bytes, { block: engine.block, input: { name: 'image', shape }, outputs: ['logits'] });
    const sessions = [await engine.load(bytes), form instanceof Uint8Array ? await engine.load(form) : undefined];
    const [asItIs, fast] = sessions.map(
      (session, index) => session && ours(index === 0 ? 'as exported' : 'recompiled', session, image),
    );
    const contenders = [asItIs, fast, ...forms.map(name => torch.contender(name))].filter(one => one !== undefined);
    const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
    for (let round = -1; round < rounds; round++) {
      for (const { name, run } of contenders) {
        const ms = await run();
        if (round >= 0) times.get(name)!.push(ms);
      }
      process.stderr.write(`${network}: round ${round + 1} of ${rounds}\n`);
    }
    const processorMs = Object.fromEntries([...times].map(([name, values]) => [name, median(values)]));
    const bestOfTorch = forms.reduce((best, name) => (processorMs[name]! < processorMs[best]! ? name : best));
    const used = fast ?? asItIs!;
    const row = {
      network,
      processorMs,
      bestOfTorch,
      ratio: processorMs[used.name]! / processorMs[bestOfTorch]!,
      difference: difference(
        await used.logits(),
        floats(`${file}.logits`).subarray(0, CLASSES * shape.reduce((a, b) => a * b)),
      ),
    };
    for (const session of sessions) await session?.dispose();
    return row;
  } finally {
    torch.end();
    rmSync(folder, { recursive: true });
  }
}

const { values: flags } = parseArgs({
  options: {
    python: { type: 'string' },
    networks: { type: 'string', default: NETWORKS.join() },
    forms: { type: 'string', default: FORMS.join() },
    size: { type: 'string', default: '64,64,64' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
if (flags.python === undefined) throw new Error('--python PATH: an interpreter that has torch, monai and nnunetv2');
const settings = {
  size: flags.size.split(',').map(Number),
  rounds: Number(flags.rounds),
  forms: flags.forms.split(','),
  python: flags.python,
};
const engine = await createNodeEngine({ threads: 1 });
const rows: Row[] = [];
for (const network of flags.networks.split(',')) rows.push(await compare(engine, network, settings));
if (flags.json) {
  process.stdout.write(
    `${JSON.stringify({ processor: cpus()[0]?.model, engine: engine.name, ...settings, rows }, null, 1)}\n`,
  );
} else {
  process.stdout.write(`${cpus()[0]?.model}, one thread, ${settings.size.join('x')}; ${engine.name}\n`);
  for (const { network, processorMs, bestOfTorch, ratio, difference: apart } of rows) {
    const times = Object.entries(processorMs).map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`);
    process.stdout.write(
      `${network}: ${times.join(', ')}; ${ratio.toFixed(2)} of PyTorch's best (${bestOfTorch}), difference ${apart.toExponential(1)}\n`,
    );
  }
}
