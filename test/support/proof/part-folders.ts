/**
 * Part `folders` of `npm run prove`: a slow and flaky shared folder under writes, claims, trainings and whole units.
 */
import { type FlakyCheck, flakyClaims, flakyTraining, flakyUnit, flakyWrites } from './flaky.ts';
import type { Part } from './part.ts';

const CHECKS: readonly (readonly [string, FlakyCheck])[] = [
  ['writes', flakyWrites],
  ['claims', flakyClaims],
  ['trainings', flakyTraining],
  ['units', flakyUnit],
];

/** `--folders` seeds for each check. */
export const folders: Part = async (_ground, { folders: count, seed, only, say }) => {
  let isProven = true;
  for (const [name, check] of CHECKS.filter(([one]) => only === undefined || only === one)) {
    let [failures, wrong] = [0, 0];
    for (let index = 0; index < count; index++) {
      const found = await check(seed + index);
      failures += found.failures;
      if (found.problems.length === 0) continue;
      wrong++;
      isProven = false;
      say(`  ${name}, seed ${seed + index}: ${found.problems.join('; ')}`);
    }
    say(`flaky folder, ${name}: ${count} seeds, ${failures} failed calls, ${wrong} corrupt or doubled`);
  }
  return isProven;
};
