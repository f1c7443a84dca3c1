/**
 * Damage of the files of a study, seeded: every file of a finished run, and of one that was killed half-way, in four
 * ways. A person looks and goes on; what is wrong must be named or made again, never believed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, random } from '../../../src/core/random.ts';
import { contentsOf, MAIN, sha256Of } from '../program.ts';
import { differences, type Ground, type Held, KILL_AT_EVENT, wordsOf } from './ground.ts';
import { callInside } from './inside.ts';

/** What may happen to a file on a disk. */
export const DAMAGES = {
  'one bit flipped': (path: string, stream: Random): void => {
    const bytes = readFileSync(path);
    if (bytes.length > 0) bytes[stream.integer(bytes.length)]! ^= 1 << stream.integer(8);
    writeFileSync(path, bytes);
  },
  'cut off': (path: string, stream: Random): void => truncateSync(path, stream.integer(readFileSync(path).length)),
  emptied: (path: string): void => truncateSync(path, 0),
  removed: (path: string): void => rmSync(path),
} as const;

/** What came of a damage. */
export interface DamagedFile {
  /**
   * `named`: status or the resume says so; `made again`: the resume came to the same without a word; `silent` and
   * `fault` are wrong.
   */
  readonly end: 'named' | 'made again' | 'silent' | 'fault';
  readonly message: string;
}

/** Files that only inform people or are made anew by every collect, and logs. */
const MADE_ANEW =
  /(^|\/)(report\.html|comparison\.json|model-card\.(md|json)|bom\.cdx\.json|CLAIM\.md|cases\.csv|executor\.json)$|(^|\/)work\/log/;
/** Files of a study that are the same in every study of its recipe. */
const SAME_EVERYWHERE = /(^|\/)(recipe\.yaml|splits\.json|units\.json)$/;

/** Files of a study that are to be believed. @param isFinished the checkpoints of a finished one are no longer read */
export function believedFiles({ folder }: Ground, out: string, isFinished: boolean): readonly string[] {
  return Object.entries(contentsOf(join(folder, out)))
    .filter(([path, hash]) => hash !== 'folder' && !MADE_ANEW.test(path))
    .map(([path]) => path)
    .filter(path => !isFinished || !/checkpoint\/|work\/claim/.test(path))
    .sort();
}

/** Makes a study that was killed at a share of its calls that change files. */
export async function makeHalf(ground: Ground, { work, events }: Held, share: number): Promise<string> {
  const out = `half ${share}`;
  const at = Math.round(share * events);
  const env = { ...process.env, NODE_OPTIONS: KILL_AT_EVENT, PROOF_KILL_AT: String(at) };
  const child = spawn(process.execPath, [MAIN, ...wordsOf(ground, work, out), '--quiet'], { stdio: 'ignore', env });
  await once(child, 'close');
  return out;
}

/** How a person goes on: with the recipe, which writes the list of units anew, or from the folder alone. */
export type Way = 'resume' | 'retry';

/** Damages one file of a copy of a study, and looks and goes on as a person would. */
export async function damageFile(
  ground: Ground,
  held: Held,
  options: {
    readonly of: string;
    readonly path: string;
    readonly damage: keyof typeof DAMAGES;
    readonly way: Way;
    readonly seed: number;
  },
): Promise<DamagedFile> {
  const { folder } = ground;
  const { of, path, damage, way, seed } = options;
  const out = `damaged ${seed}`;
  const study = join(folder, out);
  cpSync(join(folder, of), study, { recursive: true });
  DAMAGES[damage](join(study, path), random(seed, 'damage'));
  const looked = await callInside(['status', study]);
  const resumed = await callInside(way === 'retry' ? ['retry', study, '--failed'] : wordsOf(ground, held.work, out));
  const isSame =
    differences(join(folder, held.out), study).length === 0 &&
    (!SAME_EVERYWHERE.test(path) ||
      (existsSync(join(study, path)) && sha256Of(join(study, path)) === sha256Of(join(folder, held.out, path))));
  rmSync(study, { recursive: true });
  const said = [looked, resumed].map(({ stderr }) => stderr).join('\n');
  const isFault = [looked, resumed].some(({ code, stderr }) => code === null || stderr.includes('E_INTERNAL'));
  const isNamed = /changed after it was finished|is damaged; the training goes on|^E_[A-Z_]+: /m.test(said);
  const end = isFault ? 'fault' : isNamed ? 'named' : isSame && resumed.code === 0 ? 'made again' : 'silent';
  return { end, message: said.trim().split('\n').at(-1) ?? '' };
}
