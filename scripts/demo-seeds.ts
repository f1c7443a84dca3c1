/**
 * The demo over ten seeds: phantoms, splits and training of each seed are its own, as in `voxstill demo --seed N`.
 * Prints the table of docs/comparing.md and ends with 1 where fewer than eight seeds have the student above its
 * baseline with p < 0.05. A seed that is finished in the folder is not run again. Needs the built program.
 * Usage: npm run demo:seeds [-- --out FOLDER] [--seeds 1,2,3]
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatDice, formatInterval, formatPValue, formatSigned } from '../src/core/format.ts';
import type { Comparison } from '../src/study/comparison/comparison.ts';

const NEEDED = 8;

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'runs/demo-seeds' },
    seeds: { type: 'string', default: '1,2,3,4,5,6,7,8,9,10' },
  },
});
const seeds = values.seeds.split(',').map(Number);

function comparisonOf(seed: number): Comparison {
  const out = `${values.out}/${seed}`;
  if (!existsSync(`${out}/comparison.json`)) {
    execFileSync(process.execPath, ['dist/cli/main.js', 'demo', '--out', out, '--seed', String(seed), '--quiet'], {
      stdio: 'inherit',
    });
  }
  return JSON.parse(readFileSync(`${out}/comparison.json`, 'utf8'));
}

let better = 0;
console.log('| seed | teacher | student | baseline | student minus baseline (95 % CI) | p after Holm |');
console.log('|---|---|---|---|---|---|');
for (const seed of seeds) {
  const { arms, pairs } = comparisonOf(seed);
  const test = pairs.find(({ a, b, metric }) => a === 'student' && b === 'baseline' && metric === 'meanDice');
  if (test === undefined) throw new Error(`seed ${seed} has no test of student against baseline`);
  const { meanDifference, ci95, pValueHolm } = test;
  if (meanDifference > 0 && pValueHolm < 0.05) better++;
  const means = ['teacher', 'student', 'baseline'].map(arm => formatDice(arms[arm]?.meanDice));
  const difference = `${formatSigned(meanDifference)} (${formatInterval(ci95, formatSigned)})`;
  console.log(
    `| ${seed} | ${means.join(' | ')} | ${difference} | ${formatPValue(pValueHolm).replace('p = ', '').replace('p < ', '< ')} |`,
  );
}
console.log(`\nThe student is above its baseline with p < 0.05 in ${better} of ${seeds.length} seeds.`);
if (better < Math.min(NEEDED, seeds.length)) process.exitCode = 1;
