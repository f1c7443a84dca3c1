/**
 * What proofs of reliability stand on: phantoms, a recipe that trains in seconds, finished studies that nothing
 * happened to, and the comparison of others with them.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePhantomDataset } from '../../../src/data/phantom.ts';
import { nodeFiles } from '../../../src/platform/node/files.ts';
import { type Call, type CallOptions, contentsOf, ROOT, voxstill } from '../program.ts';

/** A folder with phantoms and a recipe. */
export interface Ground {
  readonly folder: string;
  readonly recipe: string;
}

/** A kind of study: how it is begun, and how a person goes on with it. */
export interface Work {
  readonly name: string;
  /** Words of the command, but for `--out`. */
  readonly words: (ground: Ground, out: string) => readonly string[];
  /** Words that are added to go on. */
  readonly again: readonly string[];
}

/** One sample, few channels, one thread: the work around the training counts. */
function groundRecipe(dataset: string): string {
  const train = '{ steps: 12, batch: 1, validateEvery: 3 }';
  return `data: { dataset: ${JSON.stringify(dataset)}, splits: { seed: 1, train: 0.6, val: 0.2, test: 0.2 } }
patch: { size: [16, 16, 16] }
augment: { rotateDegrees: 10, noise: 0.05 }
teacher: { unet: { features: [2, 4] }, train: ${train} }
student: { unet: { features: [1, 2] }, train: ${train} }
evaluate: { overlap: 0 }
postprocess: none
threads: 1
`;
}

/** Makes the ground in a folder. */
export async function makeGround(folder: string): Promise<Ground> {
  mkdirSync(folder, { recursive: true });
  await writePhantomDataset(nodeFiles, join(folder, 'data'), { seed: 5, cases: 5 });
  const recipe = join(folder, 'tiny.yaml');
  writeFileSync(recipe, groundRecipe(join(folder, 'data')));
  return { folder, recipe };
}

const FEATURES = 'student.unet.features=[[1,2],[2,2]]';

/** A sweep of two students. */
export const SWEEP: Work = {
  name: 'sweep',
  words: ({ recipe }) => ['sweep', recipe, '--grid', FEATURES],
  again: [],
};

/** Every kind of study that runs on this machine. */
export const WORKS = [
  { name: 'run', words: ({ recipe }) => ['run', recipe], again: ['--resume'] },
  {
    name: 'folds',
    words: ({ recipe }) => ['run', recipe, '--set', 'data.splits={ seed: 1, folds: 2, val: 0.2 }'],
    again: ['--resume'],
  },
  {
    name: 'soft labels',
    words: ({ recipe, folder }, out) => [
      ...['run', recipe, '--set', 'distill.softLabels=cache'],
      ...['--set', `distill.cache.folder=${join(folder, `${out}-labels`)}`],
    ],
    again: ['--resume'],
  },
  SWEEP,
  {
    name: 'pool',
    words: ({ recipe }) => ['sweep', recipe, '--grid', FEATURES, '--set', 'threads=2', '--concurrency', '2'],
    again: [],
  },
] as const satisfies readonly Work[];

/** The words that begin a study in a folder of the ground, or go on with it. */
export function wordsOf(ground: Ground, work: Work, out: string): readonly string[] {
  const path = join(ground.folder, out);
  return [...work.words(ground, out), '--out', path, ...(existsSync(path) ? work.again : [])];
}

/** Begins a study, or goes on with it, to its end. */
export function perform(
  ground: Ground,
  work: Work,
  options: { readonly out: string } & Partial<CallOptions>,
): Promise<Call> {
  const { out, ...more } = options;
  return voxstill(wordsOf(ground, work, out), { cwd: ground.folder, longestMs: 600_000, ...more });
}

/** A study that nothing happened to. */
export interface Held {
  readonly work: Work;
  readonly out: string;
  /** How long it took. */
  readonly wholeMs: number;
  /** How many calls of its process changed files, see kill-at-event.mjs. */
  readonly events: number;
}

/** For NODE_OPTIONS: kills a process at the call whose number PROOF_KILL_AT has, or counts its calls. */
export const KILL_AT_EVENT = `--import=${join(ROOT, 'test/support/proof/kill-at-event.mjs')}`;

/** Makes the study that others of its kind are held against. @throws if it fails */
export async function makeWhole(ground: Ground, work: Work): Promise<Held> {
  const [out, count] = [`whole ${work.name}`, join(ground.folder, `events of ${work.name}`)];
  const environment = { ...process.env, PROOF_COUNT: count };
  const started = performance.now();
  const { code, stderr } = await perform(ground, work, { out, environment, nodeOptions: KILL_AT_EVENT });
  if (code !== 0) throw new Error(`the ${work.name} that others are held against failed: ${stderr}`);
  return { work, out, wholeMs: performance.now() - started, events: Number(readFileSync(count, 'utf8')) };
}

/** Fields of scores that say how long something took or where it lay. */
const SURROUNDINGS = ['secondsPerCase', 'peakBytes', 'path', 'dataset'];

/** A result without what two runs of one program differ in: times, memory of the process, folders. */
function resultOf(path: string, content: Buffer): string {
  if (path.endsWith('history.csv')) {
    const lines = content.toString('utf8').trim().split('\n');
    return lines.map(line => line.split(',').toSpliced(2, 1).join()).join('\n');
  }
  const text = content.toString('utf8');
  try {
    return JSON.stringify(JSON.parse(text, (key, value) => (SURROUNDINGS.includes(key) ? undefined : value)));
  } catch {
    // a damaged one is another result
    return text;
  }
}

/**
 * What a study came to, by path: models and segmentations as hashes, histories without seconds, scores without
 * durations. Folders of soft labels are no results.
 */
function resultsIn(folder: string): Readonly<Record<string, string>> {
  const all = Object.entries(contentsOf(folder)).sort();
  return Object.fromEntries(
    all.flatMap(([path, hash]) => {
      if (/(^|\/)(model\.onnx|splits\.json)$|\.nii\.gz$/.test(path)) return [[path, hash]];
      if (!/(^|\/)(history\.csv|evaluation\.json|validation\.json)$/.test(path)) return [];
      return [[path, resultOf(path, readFileSync(join(folder, path)))]];
    }),
  );
}

/** The paths at which two studies came to something else. */
export function differences(left: string, right: string): readonly string[] {
  const [one, other] = [resultsIn(left), resultsIn(right)];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter(path => one[path] !== other[path]);
}
