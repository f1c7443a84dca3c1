/**
 * Whether a long training stays as it was: memory, handles and step time in the first third after its warm-up and in
 * the last. Warm-up are the first steps, in which the engine takes memory for its first steps and its first validation.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { medianOf } from '../../../src/core/percentile.ts';
import { ROOT } from '../program.ts';

interface Watched {
  readonly steps: readonly { readonly step: number; readonly ms: number; readonly cpuMs: number }[];
  readonly watched: readonly {
    readonly step: number;
    readonly rss: number;
    readonly heapUsed: number;
    readonly external: number;
    readonly handles: number;
    readonly descriptors: number;
  }[];
}

/** Medians of the first third of a training after its warm-up and of the last. */
export interface Thirds {
  readonly first: number;
  readonly last: number;
}

/** What is held against each other. */
export const MEASURES = ['rss', 'heapUsed', 'external', 'handles', 'descriptors', 'ms', 'cpuMs'] as const;
export type Flatness = Readonly<Record<(typeof MEASURES)[number], Thirds>>;

/** Share of the steps that are warm-up; a training that is watched validates for the first time in it. */
export const WARM_UP = 0.2;

/** Medians by thirds of what comes after the warm-up. */
function thirdsOf(all: readonly number[]): Thirds {
  const values = all.slice(Math.floor(all.length * WARM_UP));
  const third = Math.floor(values.length / 3);
  return { first: medianOf(values.slice(0, third)), last: medianOf(values.slice(-third)) };
}

/** By how much the last third lies above the first, as a share. */
export function growth({ first, last }: Thirds): number {
  return last / first - 1;
}

/** Trains an arm and measures. @param looks at memory, of which the first third counts too */
export async function watchTraining(options: {
  readonly recipe: string;
  readonly out: string;
  readonly arm: string;
  readonly looks: number;
}): Promise<Flatness> {
  const { recipe, out, arm, looks } = options;
  const child = join(ROOT, 'test/support/proof/watched-training.mjs');
  const words = ['--expose-gc', child, recipe, out, arm, String(looks)];
  const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: 1e9 });
  const { steps, watched } = JSON.parse(stdout) as Watched;
  const ofMemory = ['rss', 'heapUsed', 'external', 'handles', 'descriptors'] as const;
  return Object.fromEntries([
    ...ofMemory.map(name => [name, thirdsOf(watched.map(one => one[name]))]),
    ...(['ms', 'cpuMs'] as const).map(name => [name, thirdsOf(steps.map(one => one[name]))]),
  ]) as Flatness;
}
