/**
 * Proofs of reliability, seeded: what is done to the built program and its files, and what came of it. The tests run a
 * short part of each; `npm run prove` runs as many as it is told and prints the figures.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, random } from '../../src/core/random.ts';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { type Call, contentsOf, MAIN, voxstill } from './program.ts';
import { tinyRecipe } from './tiny-recipe.ts';

/** A folder with phantoms, a tiny recipe and a finished run of it. */
export interface Ground {
  readonly folder: string;
  readonly recipe: string;
  /** How long the run took, ms. */
  readonly wholeMs: number;
}

/** Makes the ground: everything else is held against its run, `whole`. */
export async function makeGround(folder: string): Promise<Ground> {
  await writePhantomDataset(nodeFiles, join(folder, 'data'), { seed: 5, cases: 5 });
  const recipe = join(folder, 'tiny.yaml');
  writeFileSync(recipe, tinyRecipe(join(folder, 'data')));
  const started = performance.now();
  const { code, stderr } = await run({ folder, recipe }, 'whole');
  if (code !== 0) throw new Error(`the run that all is held against failed: ${stderr}`);
  return { folder, recipe, wholeMs: performance.now() - started };
}

function run(
  { folder, recipe }: Pick<Ground, 'folder' | 'recipe'>,
  out: string,
  words: readonly string[] = [],
): Promise<Call> {
  return voxstill(['run', recipe, '--out', join(folder, out), ...words], { cwd: folder });
}

/**
 * What a run came to, without times: models and segmentations by their hashes, histories without seconds, scores
 * without durations.
 */
function resultsOf(folder: string): Readonly<Record<string, string>> {
  const kept = Object.entries(contentsOf(folder)).filter(([path]) => /\.(onnx|nii\.gz)$|splits\.json$/.test(path));
  const histories = Object.keys(contentsOf(folder))
    .filter(path => path.endsWith('history.csv'))
    .map(path => {
      const lines = readFileSync(join(folder, path), 'utf8').trim().split('\n');
      return [path, lines.map(line => line.split(',').toSpliced(2, 1).join()).join('\n')] as const;
    });
  return Object.fromEntries([...kept, ...histories]);
}

/** Whether two runs came to the same. */
function isSame(left: string, right: string): boolean {
  return JSON.stringify(resultsOf(left)) === JSON.stringify(resultsOf(right));
}

/** Starts the run, or goes on with it, and kills it by signal 9 after a time, unless it has ended before. */
async function killAfter({ folder, recipe }: Ground, out: string, ms: number): Promise<boolean> {
  const words = [
    'run',
    recipe,
    '--out',
    join(folder, out),
    '--quiet',
    ...(existsSync(join(folder, out)) ? ['--resume'] : []),
  ];
  const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder, stdio: 'ignore' });
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return code === null;
}

/** What came of a chain of kills. */
export interface KilledChain {
  readonly kills: number;
  /**
   * `identical`: the run that went on came to the same; `reported`: it ended in one coded message; else what is wrong.
   */
  readonly end: 'identical' | 'reported' | 'different' | 'fault';
  readonly message: string;
}

/** Kills a run again and again at random times, then lets it go on to its end. */
export async function killChain(ground: Ground, seed: number, kills: number): Promise<KilledChain> {
  const stream: Random = random(seed, 'kills');
  const out = `killed-${seed}`;
  let done = 0;
  for (let i = 0; i < kills; i++) {
    if (!(await killAfter(ground, out, stream.uniform() * ground.wholeMs))) break;
    done++;
  }
  const { code, stderr } = await run(ground, out, existsSync(join(ground.folder, out)) ? ['--resume'] : []);
  const end = endOf(code, stderr, isSame(join(ground.folder, 'whole'), join(ground.folder, out)));
  rmSync(join(ground.folder, out), { recursive: true });
  return { kills: done, end, message: stderr.trim().split('\n').at(-1) ?? '' };
}

function endOf(code: number | null, stderr: string, isIdentical: boolean): KilledChain['end'] {
  if (code === 0) return isIdentical ? 'identical' : 'different';
  return /^E_(?!INTERNAL)[A-Z_]+: /m.test(stderr) ? 'reported' : 'fault';
}

/** What may happen to a file on a disk. */
export const DAMAGES = {
  'one bit flipped': (path: string, stream: Random): void => {
    const bytes = readFileSync(path);
    bytes[stream.integer(bytes.length)]! ^= 1 << stream.integer(8);
    writeFileSync(path, bytes);
  },
  'cut off': (path: string, stream: Random): void => truncateSync(path, stream.integer(readFileSync(path).length)),
  emptied: (path: string): void => truncateSync(path, 0),
  removed: (path: string): void => rmSync(path),
} as const;

/** What came of a damage. */
export interface DamagedFile {
  readonly path: string;
  readonly damage: keyof typeof DAMAGES;
  /**
   * `named`: status, collect or the resume says so; `made again`: the resume came to the same without a word;
   * `harmless`: the file does not count for anything; `silent` is a fault.
   */
  readonly end: 'named' | 'made again' | 'silent' | 'fault';
  readonly message: string;
}

/** Files that only inform people or are made anew by every collect, and logs. */
const MADE_ANEW =
  /(^|\/)(report\.html|comparison\.json|model-card\.(md|json)|bom\.cdx\.json|CLAIM\.md|cases\.csv|units\.json|executor\.json)$|(^|\/)work\//;

/** Files of the finished run that are to be believed. */
export function believedFiles({ folder }: Ground): readonly string[] {
  return Object.keys(contentsOf(join(folder, 'whole'))).filter(
    path =>
      contentsOf(join(folder, 'whole'))[path] !== 'folder' && !MADE_ANEW.test(path) && !path.includes('checkpoint/'),
  );
}

/** Damages one file of a copy of the finished run, and looks and resumes as a person would. */
export async function damageFile(
  ground: Ground,
  path: string,
  { damage, seed }: { readonly damage: keyof typeof DAMAGES; readonly seed: number },
): Promise<DamagedFile> {
  const { folder } = ground;
  const out = join(folder, `damaged-${seed}`);
  cpSync(join(folder, 'whole'), out, { recursive: true });
  DAMAGES[damage](join(out, path), random(seed, 'damage'));
  const looked = await voxstill(['status', out], { cwd: folder });
  const resumed = await run(ground, `damaged-${seed}`, ['--resume']);
  const isIdentical = isSame(join(folder, 'whole'), out);
  rmSync(out, { recursive: true });
  const said = [looked, resumed].map(({ stderr }) => stderr).join('\n');
  const fault = [looked, resumed].some(({ code, stderr }) => code === null || stderr.includes('E_INTERNAL'));
  const isNamed = /changed after it was finished|^E_[A-Z_]+: /m.test(said);
  const end = fault ? 'fault' : isNamed ? 'named' : isIdentical && resumed.code === 0 ? 'made again' : 'silent';
  return { path, damage, end, message: said.trim().split('\n').at(-1) ?? '' };
}
