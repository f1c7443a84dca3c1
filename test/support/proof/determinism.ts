/**
 * One recipe under other circumstances: again, with more threads, in a pool, on a cluster, from another checkout and
 * folder, in other languages and time zones. Its results are compared with the first run.
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type CallOptions, ROOT } from '../program.ts';
import { type Slurm, until } from '../slurm.ts';
import { differences, type Ground, makeGround, makeWhole, perform, SWEEP, WORKS, type Work } from './ground.ts';

/** What came of a repetition. */
interface Repeated {
  readonly name: string;
  /** Paths of results that differ. */
  readonly differing: readonly string[];
  /** Largest relative difference of a loss, where histories differ. */
  readonly lossDifference: number;
}

/** Settings of the environment that programs take language, numbers, order and time from. */
export const SURROUNDINGS = {
  'Turkish, Kiribati': { LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', TZ: 'Pacific/Kiritimati' },
  'Arabic of Egypt, Nepal': { LANG: 'ar_EG.UTF-8', LC_ALL: 'ar_EG.UTF-8', TZ: 'Asia/Kathmandu' },
  'German, Newfoundland': { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8', TZ: 'America/St_Johns' },
  'no language': { LANG: 'C', LC_ALL: 'C', TZ: '' },
} as const satisfies Readonly<Record<string, NodeJS.ProcessEnv>>;

const VALID_NETWORK =
  '{ generalizedUnet: { padding: valid, normalization: batch, features: [[[2], [2]], [[2], []]] }, ' +
  'train: { steps: 12, batch: 2, validateEvery: 6 } }';

/** Networks outside of the fast kernels: valid padding and batch normalisation. */
const VALID: Work = {
  name: 'valid padding, batch normalisation',
  words: ({ recipe }) => [
    ...['run', recipe, '--set', `student=${VALID_NETWORK}`, '--set', `teacher=${VALID_NETWORK}`],
    ...['--set', 'patch.size=[24, 24, 24]', '--set', 'baseline=false'],
  ],
  again: ['--resume'],
};

function numbersOf(path: string): readonly (readonly number[])[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(1);
  // without step, epoch, seconds and learning rate
  return lines.map(line => line.split(',').slice(4).filter(Boolean).map(Number));
}

function lossDifference(left: string, right: string, paths: readonly string[]): number {
  const pairs = paths
    .filter(path => path.endsWith('history.csv'))
    .flatMap(path => {
      const [one, other] = [left, right].map(study => numbersOf(join(study, path)).flat()) as [number[], number[]];
      return one.map((value, index) => Math.abs(value - other[index]!) / Math.max(1e-6, Math.abs(value)));
    });
  return Math.max(0, ...pairs);
}

/** A checkout of its own: the built program and what it needs, elsewhere. */
export function otherCheckout({ folder }: Ground): string {
  const checkout = join(folder, 'another checkout');
  mkdirSync(checkout);
  cpSync(join(ROOT, 'dist'), join(checkout, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(checkout, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  return join(checkout, 'dist/cli/main.js');
}

/** The same work with other words. */
function withWords(work: Work, name: string, ...words: readonly string[]): Work {
  return { ...work, name, words: (...args) => [...work.words(...args), ...words] };
}

/** Runs a study once more under other circumstances. */
export async function repeat(
  ground: Ground,
  held: { readonly out: string },
  { name, work, ...more }: { readonly name: string; readonly work: Work } & Partial<CallOptions>,
): Promise<Repeated> {
  const out = `repeated ${name}`;
  const { code, stderr } = await perform(ground, work, { out, ...more });
  if (code !== 0) throw new Error(`${name}: ${stderr}`);
  const [left, right] = [held.out, out].map(study => join(ground.folder, study)) as [string, string];
  const differing = differences(left, right);
  return { name, differing, lossDifference: lossDifference(left, right, differing) };
}

/** Repeats a run, a sweep, and a training outside of the fast kernels. @param slurm where there is one */
export async function* repeatAll(ground: Ground, slurm?: Slurm): AsyncGenerator<Repeated> {
  const run = WORKS[0];
  const held = await makeWhole(ground, run);
  yield await repeat(ground, held, { name: 'again', work: run });
  yield await repeat(ground, held, { name: 'two threads', work: withWords(run, 'threads', '--set', 'threads=2') });
  yield await repeat(ground, held, { name: 'another checkout', work: run, program: otherCheckout(ground) });
  for (const [name, environment] of Object.entries(SURROUNDINGS)) {
    yield await repeat(ground, held, { name, work: run, environment: { ...process.env, ...environment } });
  }
  const moved = await makeGround(join(ground.folder, 'moved data'));
  const elsewhere = await makeWhole(moved, run);
  const differing = differences(join(ground.folder, held.out), join(moved.folder, elsewhere.out));
  yield { name: 'data and study in other folders', differing, lossDifference: 0 };
  const sweep = await makeWhole(ground, SWEEP);
  const pool = withWords(SWEEP, 'pool', '--set', 'threads=2', '--concurrency', '2');
  yield await repeat(ground, sweep, { name: 'a pool of two processes', work: pool });
  if (slurm !== undefined) yield await onCluster(ground, sweep, slurm);
  const valid = await makeWhole(ground, VALID);
  yield await repeat(ground, valid, { name: `${VALID.name}, again`, work: VALID });
  const threads = withWords(VALID, 'threads', '--set', 'threads=2');
  yield await repeat(ground, valid, { name: `${VALID.name}, two threads`, work: threads });
}

/** Submits, waits for the last job, and looks. */
async function onCluster(ground: Ground, held: { readonly out: string }, slurm: Slurm): Promise<Repeated> {
  const [name, environment] = ['Slurm', slurm.environment];
  const work = withWords(SWEEP, name, '--executor', 'slurm');
  const { code, stderr } = await perform(ground, work, { out: name, environment });
  if (code !== 0) throw new Error(`${name}: ${stderr}`);
  const study = join(ground.folder, name);
  const statusOf = (): string => JSON.parse(readFileSync(join(study, 'sweep.json'), 'utf8')).status;
  await until('the last job has collected', () => statusOf() !== 'running', 900_000);
  const differing = differences(join(ground.folder, held.out), study);
  return { name, differing, lossDifference: 0 };
}
