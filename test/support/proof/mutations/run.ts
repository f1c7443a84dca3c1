/**
 * Mutations by the thousand, in processes beside this one: what is thrown, how long it takes, how much memory, and what
 * is written.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Order, Reading } from './worker.ts';

/** What is promised for an input of less than 1 MB. */
interface Bounds {
  readonly cpuMs: number;
  readonly bytes: number;
  /** A process that says nothing for so long hangs; other processes may keep this machine busy. */
  readonly silenceMs: number;
}

/** Loading the readers is no reading. */
const LONGEST_START_MS = 300_000;
const PROMISED: Bounds = { cpuMs: 5000, bytes: 512e6, silenceMs: 90_000 };

/** A mutation that broke a promise; `seed`, kind and index make it again. */
interface Fault {
  readonly kind: string;
  readonly index: number;
  readonly what: 'uncoded' | 'outside' | 'slow' | 'large' | 'hang' | 'death';
  readonly message: string;
}

export interface Tally {
  readonly kind: string;
  readonly count: number;
  readonly read: number;
  readonly refused: number;
  readonly longestMs: number;
  readonly grownBytes: number;
  readonly faults: readonly Fault[];
}

export interface MutationOptions {
  readonly count: number;
  readonly seed: number;
  /** The module that has the kinds; those of voxstill if not given. */
  readonly module?: string;
  readonly bounds?: Bounds;
}

const KINDS = new URL('kinds.ts', import.meta.url).href;
const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

/** Runs one process; returns what it told, and the index that it had begun where it ended before its time. */
function runWorker(
  order: Order,
  { silenceMs }: Bounds,
): Promise<{ readonly readings: readonly Reading[]; readonly lost?: Omit<Fault, 'kind'> }> {
  return new Promise((resolve, reject) => {
    const execArgv = ['--import', 'tsx', '--expose-gc'];
    const child = fork(WORKER, [], { execArgv, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const readings: Reading[] = [];
    let begun: number | undefined;
    let said = '';
    let isHanging = false;
    const watch = (ms = silenceMs): NodeJS.Timeout =>
      setTimeout(() => {
        isHanging = true;
        child.kill('SIGKILL');
      }, ms);
    let timer = watch(LONGEST_START_MS);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
    child.on('message', message => {
      clearTimeout(timer);
      timer = watch();
      if ('started' in (message as object)) begun = (message as { started: number }).started;
      else readings.push(message as Reading);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const isDone = code === 0 && readings.length === order.end - order.first;
      if (isDone) return resolve({ readings });
      if (begun === undefined) return reject(new Error(`the readers of ${order.kind} did not start: ${said}`));
      const what = isHanging ? 'hang' : 'death';
      resolve({ readings, lost: { index: begun, what, message: `${signal ?? code}: ${said}` } });
    });
    child.send(order);
  });
}

function faultOf(kind: string, { index, end, message, cpuMs }: Reading, bounds: Bounds): readonly Fault[] {
  if (end === 'uncoded' || end === 'outside') return [{ kind, index, what: end, message }];
  if (cpuMs > bounds.cpuMs) return [{ kind, index, what: 'slow', message: `${cpuMs.toFixed(0)} ms` }];
  return [];
}

/** Damages inputs of one kind and reads them. */
export async function tallyMutations(kind: string, options: MutationOptions): Promise<Tally> {
  const { count, seed, module = KINDS, bounds = PROMISED } = options;
  const readings: Reading[] = [];
  const faults: Fault[] = [];
  for (let first = 0; first < count; ) {
    const { readings: told, lost } = await runWorker({ kind, seed, first, end: count, module }, bounds);
    readings.push(...told);
    const highest = told.find(({ grownBytes }) => grownBytes > bounds.bytes);
    if (highest !== undefined) {
      faults.push({
        kind,
        index: highest.index,
        what: 'large',
        message: `${(highest.grownBytes / 1e6).toFixed(0)} MB`,
      });
    }
    if (lost === undefined) break;
    faults.push({ kind, ...lost });
    first = lost.index + 1;
  }
  faults.push(...readings.flatMap(reading => faultOf(kind, reading, bounds)));
  return {
    kind,
    count,
    read: readings.filter(({ end }) => end === 'read').length,
    refused: readings.filter(({ end }) => end === 'refused').length,
    longestMs: readings.reduce((longest, { cpuMs }) => Math.max(longest, cpuMs), 0),
    grownBytes: readings.reduce((most, { grownBytes }) => Math.max(most, grownBytes), 0),
    faults,
  };
}
