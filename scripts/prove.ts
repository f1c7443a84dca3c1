/**
 * `npm run prove -- [--chains N] [--kills N] [--damages N] [--seed N]`: kills runs by signal 9 at random times and
 * damages every file of a finished run, and prints what came of it. Exit code 1 if anything was different or silent.
 * See docs/reliability.md.
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { temporaryFolder } from '../test/support/program.ts';
import { believedFiles, DAMAGES, damageFile, killChain, makeGround } from '../test/support/proof.ts';

const { values } = parseArgs({
  options: {
    chains: { type: 'string', default: '10' },
    kills: { type: 'string', default: '5' },
    damages: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
  },
});
const [chains, kills, damages, seed] = [values.chains, values.kills, values.damages, values.seed].map(Number) as [
  number,
  number,
  number,
  number,
];

function countBy<T>(items: readonly T[], key: (item: T) => string): string {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
}

const folder = temporaryFolder();
let isProven = true;
try {
  const ground = await makeGround(folder);
  const killed = [];
  for (let i = 0; i < chains; i++) {
    const chain = await killChain(ground, seed + i, kills);
    killed.push(chain);
    if (chain.end === 'different' || chain.end === 'fault') {
      isProven = false;
      process.stdout.write(`chain ${seed + i}: ${chain.end}: ${chain.message}\n`);
    }
  }
  const all = killed.reduce((sum, one) => sum + one.kills, 0);
  process.stdout.write(`kills: ${all} in ${chains} chains: ${countBy(killed, ({ end }) => end)}\n`);
  const plans = believedFiles(ground).flatMap(path =>
    (Object.keys(DAMAGES) as (keyof typeof DAMAGES)[]).map(damage => ({ path, damage })),
  );
  const damaged = [];
  for (const [index, { path, damage }] of plans.slice(0, damages).entries()) {
    const one = await damageFile(ground, path, { damage, seed: seed + index });
    damaged.push(one);
    if (one.end !== 'silent' && one.end !== 'fault') continue;
    isProven = false;
    process.stdout.write(`${path}, ${damage}: ${one.end}: ${one.message}\n`);
  }
  process.stdout.write(`damages: ${damaged.length}: ${countBy(damaged, ({ end }) => end)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = isProven ? 0 : 1;
