/** Part `power` of `npm run prove`: power goes at any call to the disk, over files, checkpoints, models and claims. */
import type { Part } from './part.ts';
import { type PowerCheck, powerInTraining, powerOnClaims, powerOnFiles, powerOnModel } from './power.ts';

const CHECKS: readonly (readonly [string, PowerCheck])[] = [
  ['replaced files', powerOnFiles],
  ['checkpoints of a training', powerInTraining],
  ['exported models', powerOnModel],
  ['claims', powerOnClaims],
];
/** How often each is written. */
const ROUNDS = 20;

/** Every check, with every state. */
export const power: Part = async (_ground, { only, say }) => {
  let isProven = true;
  for (const [name, check] of CHECKS.filter(([one]) => only === undefined || only === one)) {
    const { states, problems } = await check(ROUNDS);
    if (problems.length > 0) isProven = false;
    for (const problem of problems) say(`  ${name}: ${problem}`);
    say(`loss of power, ${name}: ${states} states, ${problems.length} wrong`);
  }
  return isProven;
};
