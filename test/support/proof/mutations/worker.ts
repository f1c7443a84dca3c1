/**
 * A process that reads damaged inputs one after another and tells of each, so that the process beside it sees one that
 * hangs or dies. Calls that would change a file of this machine are faults, since everything is in memory.
 */
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { InputKind } from './kind.ts';
import { type Ended, openKind } from './reading.ts';

/** What a process is told: which mutations of a kind it makes. */
export interface Order {
  readonly kind: string;
  readonly seed: number;
  readonly first: number;
  readonly end: number;
  /** The module that has the kinds, as a URL. */
  readonly module: string;
}

/** What came of one. */
export interface Reading extends Ended {
  readonly index: number;
  readonly cpuMs: number;
  /** By how much this process has grown at its highest so far, above what it had at its start. */
  readonly grownBytes: number;
}

const WRITERS =
  'writeFile writeFileSync appendFile appendFileSync mkdir mkdirSync rename renameSync rm rmSync unlink unlinkSync createWriteStream symlink';

/** From here on this machine's files stay as they are. @returns the calls that would have changed them */
function guardHost(forbidden: string[]): void {
  const refuse = (name: string, path: unknown): never => {
    forbidden.push(`${name} ${String(path)}`);
    throw new Error(`a reader called ${name}`);
  };
  for (const target of [fs, promises] as unknown as Record<string, (...args: unknown[]) => unknown>[]) {
    for (const name of WRITERS.split(' ').filter(writer => writer in target)) {
      target[name] = path => refuse(name, path);
    }
    for (const name of ['open', 'openSync'].filter(opener => opener in target)) {
      const original = target[name] as (...args: unknown[]) => unknown;
      target[name] = (path, flags = 'r', ...rest) => {
        if (flags !== 'r' && flags !== fs.constants.O_RDONLY) refuse(name, path);
        return original.call(target, path, flags, ...rest);
      };
    }
  }
  syncBuiltinESMExports();
}

/** Resolves when the process beside this one can have it, so that it knows what this one is at. */
function tell(message: Reading | { readonly started: number }): Promise<void> {
  return new Promise(resolve => process.send?.(message, () => resolve()));
}

const residentBytes = (): number => process.memoryUsage.rss();
const highestBytes = (): number => process.resourceUsage().maxRSS * 1024;
/** Garbage of others must not count for the next. */
const GARBAGE_BYTES = 100e6;

async function work({ kind, seed, first, end, module }: Order): Promise<void> {
  const { INPUT_KINDS } = (await import(module)) as { readonly INPUT_KINDS: readonly InputKind[] };
  const forbidden: string[] = [];
  const { read } = await openKind(INPUT_KINDS.find(({ name }) => name === kind) as InputKind, forbidden);
  guardHost(forbidden);
  const [start, highest] = [residentBytes(), highestBytes()];
  for (let index = first; index < end; index++) {
    await tell({ started: index });
    const before = process.cpuUsage();
    const ended = await read(seed, index);
    const { user, system } = process.cpuUsage(before);
    const grownBytes = highestBytes() - highest;
    await tell({ index, ...ended, cpuMs: (user + system) / 1000, grownBytes });
    if (residentBytes() - start > GARBAGE_BYTES) globalThis.gc?.();
  }
}

// a listener that stays keeps the process alive
process.on('message', async order => {
  await work(order as Order);
  process.disconnect();
});
