/** Part `mutations` of `npm run prove`: damaged inputs of every kind, with a table. */
import { INPUT_KINDS } from './mutations/kinds.ts';
import { type Tally, tallyMutations } from './mutations/run.ts';
import type { Part } from './part.ts';

const MOST_SHOWN = 8;

function row({ kind, count, read, refused, longestMs, grownBytes, faults }: Tally): string {
  const cells = [count, read, refused, faults.length, longestMs.toFixed(0), (grownBytes / 1e6).toFixed(0)];
  return `  ${kind.padEnd(12)}${cells.map(cell => String(cell).padStart(10)).join('')}`;
}

/** `--mutations` for each kind. */
export const mutations: Part = async (_ground, { mutations: count, seed, only, say }) => {
  const titles = ['inputs', 'read', 'refused', 'faults', 'CPU ms', 'MB'];
  say(`  ${'kind'.padEnd(12)}${titles.map(title => title.padStart(10)).join('')}`);
  let isProven = true;
  for (const { name } of INPUT_KINDS.filter(kind => only === undefined || only === kind.name)) {
    const tally = await tallyMutations(name, { count, seed });
    say(row(tally));
    if (tally.faults.length > 0) isProven = false;
    for (const { index, what, message } of tally.faults.slice(0, MOST_SHOWN)) say(`    ${index} ${what}: ${message}`);
  }
  return isProven;
};
