/**
 * Kills by signal 9, seeded: of runs, folds, sweeps, pools, soft labels and units on a cluster; at random times, and
 * between or within the calls that change files. After each kill a person goes on, and the results are compared with
 * a study that was never killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Random, random } from '../../../src/core/random.ts';
import { MAIN } from '../program.ts';
import type { Slurm } from '../slurm.ts';
import { differences, type Ground, type Held, KILL_AT_EVENT, perform, type Work, wordsOf } from './ground.ts';

/** What came of a chain of kills. */
export interface KilledChain {
  readonly kills: number;
  /** `identical`: what went on came to the same; `reported`: it ended in one coded message; else what is wrong. */
  readonly end: 'identical' | 'reported' | 'different' | 'fault';
  readonly message: string;
}

/** Shares of a whole study between which a kill comes; work before the first file takes the first. */
export const EARLIEST = 0.02;
const LATEST = 0.7;

/** Begins or goes on, and kills. Returns whether it was killed, and not at its end before. */
async function killOnce(
  ground: Ground,
  held: Held,
  { out, stream }: { out: string; stream: Random },
): Promise<boolean> {
  const atEvent = stream.uniform() < 0.5;
  const share = EARLIEST + (LATEST - EARLIEST) * stream.uniform();
  const env = atEvent
    ? { ...process.env, NODE_OPTIONS: KILL_AT_EVENT, PROOF_KILL_AT: String(1 + Math.floor(share * held.events)) }
    : process.env;
  const words = [...wordsOf(ground, held.work, out), '--quiet'];
  const child = spawn(process.execPath, [MAIN, ...words], { cwd: ground.folder, stdio: 'ignore', env });
  const timer = atEvent ? undefined : setTimeout(() => child.kill('SIGKILL'), share * held.wholeMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return code === null;
}

/** Kills a study that runs in one process again and again, then lets it go on to its end. */
export async function killChain(ground: Ground, held: Held, options: ChainOptions): Promise<KilledChain> {
  const stream = random(options.seed, 'kills', held.work.name);
  const out = `killed ${held.work.name} ${options.seed}`;
  let kills = 0;
  while (kills < options.kills && (await killOnce(ground, held, { out, stream }))) kills++;
  return end(ground, held, { out, kills });
}

export interface ChainOptions {
  readonly seed: number;
  /** At most. */
  readonly kills: number;
}

/** Lets a study go on to its end, judges it, and removes it. */
async function end(ground: Ground, held: Held, { out, kills }: { out: string; kills: number }): Promise<KilledChain> {
  const { code, stderr } = await perform(ground, held.work, { out });
  return judge(ground, held, { out, kills, code, stderr });
}

function judge(
  { folder }: Ground,
  held: Held,
  { out, kills, code, stderr }: { out: string; kills: number; code: number | null; stderr: string },
): KilledChain {
  const differing = differences(join(folder, held.out), join(folder, out));
  for (const name of [out, `${out}-labels`]) rmSync(join(folder, name), { recursive: true, force: true });
  if (code === 0) {
    const isSame = differing.length === 0;
    return { kills, end: isSame ? 'identical' : 'different', message: differing.join(', ') };
  }
  const coded = /^E_(?!INTERNAL)[A-Z_]+: .*/m.exec(stderr)?.[0];
  return { kills, end: coded === undefined ? 'fault' : 'reported', message: coded ?? stderr.trim() };
}

/** The processes that hold units of a study, by their claims. */
function owners(study: string): readonly number[] {
  if (!existsSync(study)) return [];
  const claims = readdirSync(study, { recursive: true, encoding: 'utf8' }).filter(path =>
    /claim-\d+\.json$/.test(path),
  );
  return claims.flatMap(path => {
    try {
      const { pid, isReleased } = JSON.parse(readFileSync(join(study, path), 'utf8'));
      process.kill(pid, 0);
      return isReleased === true ? [] : [pid as number];
    } catch {
      // it is being written, or its process has ended
      return [];
    }
  });
}

/** Kills one of the processes that hold units. */
function killOwner(study: string, stream: Random): boolean {
  const pids = owners(study).filter(pid => pid !== process.pid);
  const pid = pids[stream.integer(Math.max(1, pids.length))];
  if (pid === undefined) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Kills processes of a pool: those of units, and the one that started them, whose units others may still hold. */
export async function killPool(ground: Ground, held: Held, options: ChainOptions): Promise<KilledChain> {
  const stream = random(options.seed, 'kills', held.work.name);
  const out = `killed ${held.work.name} ${options.seed}`;
  const study = join(ground.folder, out);
  let kills = 0;
  while (kills < options.kills) {
    const words = [...wordsOf(ground, held.work, out), '--quiet'];
    const child = spawn(process.execPath, [MAIN, ...words], { cwd: ground.folder, stdio: 'ignore' });
    const closed = once(child, 'close') as Promise<[number | null]>;
    let hasEnded = false;
    void closed.then(() => {
      hasEnded = true;
    });
    // several kills of units come between two of the pool itself
    while (!hasEnded && kills < options.kills) {
      await Promise.race([closed, pause((EARLIEST + 0.4 * stream.uniform()) * held.wholeMs)]);
      if (hasEnded) break;
      if (stream.uniform() < 0.3) {
        if (child.kill('SIGKILL')) kills++;
        break;
      }
      if (killOwner(study, stream)) kills++;
    }
    if (kills >= options.kills && !hasEnded) child.kill('SIGKILL');
    const [code] = await closed;
    if (code === 0) break;
  }
  return end(ground, held, { out, kills });
}

/** A sweep on a cluster whose tasks are killed; its last job starts them again until everything is done. */
export async function killOnCluster(
  ground: Ground,
  held: Held,
  options: ChainOptions & { readonly slurm: Slurm },
): Promise<KilledChain> {
  const stream = random(options.seed, 'kills', 'slurm');
  const out = `killed slurm ${options.seed}`;
  const study = join(ground.folder, out);
  const work: Work = { ...held.work, words: (...args) => [...held.work.words(...args), '--executor', 'slurm'] };
  const environment = options.slurm.environment;
  const submitted = await perform(ground, work, { out, environment });
  if (submitted.code !== 0) return { kills: 0, end: 'fault', message: submitted.stderr };
  const statusOf = (): string => JSON.parse(readFileSync(join(study, 'sweep.json'), 'utf8')).status;
  const started = performance.now();
  let kills = 0;
  while (statusOf() === 'running' && performance.now() - started < 600_000) {
    await pause((EARLIEST + 0.2 * stream.uniform()) * held.wholeMs);
    if (kills < options.kills && killOwner(study, stream)) kills++;
  }
  const { code, stderr } = await perform(ground, held.work, { out, environment });
  return judge(ground, held, { out, kills, code, stderr });
}
