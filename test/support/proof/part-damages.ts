/**
 * Part `damages` of `npm run prove`: every file of a finished run and of three that were killed half-way, damaged in
 * four ways; half of them are gone on with by `--resume`, half by `retry`.
 */
import { random, shuffle } from '../../../src/core/random.ts';
import { believedFiles, DAMAGES, type DamagedFile, damageFile, makeHalf } from './damages.ts';
import { makeWhole, WORKS } from './ground.ts';
import { countBy, type Part } from './part.ts';

/** Shares of the calls that change files: the teacher is being trained, the student, and the last arm is scored. */
const HALF_WAY = [0.3, 0.6, 0.9];

/** `--damages` at most, for each of the four; one of them with `--only finished`, `--only 0.3` and so on. */
export const damages: Part = async (ground, { damages: most, seed, only, say }) => {
  const held = await makeWhole(ground, WORKS[0]);
  const asked = (name: string): boolean => only === undefined || only === name;
  const runs = asked('finished') ? [held.out] : [];
  for (const share of HALF_WAY) if (asked(String(share))) runs.push(await makeHalf(ground, held, share));
  let isProven = true;
  for (const of of runs) {
    const startedMs = performance.now();
    const before = process.cpuUsage();
    const kinds = Object.keys(DAMAGES) as (keyof typeof DAMAGES)[];
    const every = believedFiles(ground, of, of === held.out).flatMap(path => kinds.map(damage => ({ path, damage })));
    // fewer than all are spread over all
    const plans = shuffle(every, random(seed, 'damages', of));
    const done: DamagedFile[] = [];
    for (const [index, { path, damage }] of plans.slice(0, most).entries()) {
      const way = index % 2 === 0 ? 'resume' : 'retry';
      const one = await damageFile(ground, held, { of, path, damage, way, seed: seed + index });
      done.push(one);
      if (one.end !== 'silent' && one.end !== 'fault') continue;
      isProven = false;
      say(`  ${of}, ${path}, ${damage}, ${way}: ${one.end}: ${one.message}`);
    }
    const { user, system } = process.cpuUsage(before);
    const [seconds, computing] = [(performance.now() - startedMs) / 1000, (user + system) / 1e6];
    const took = `${seconds.toFixed(0)} s, ${computing.toFixed(0)} s of computing`;
    say(`damages, ${of}: ${done.length} of ${plans.length}: ${countBy(done, ({ end }) => end)}; ${took}`);
  }
  return isProven;
};
