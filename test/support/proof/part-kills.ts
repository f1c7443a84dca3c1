/** Part `kills` of `npm run prove`: chains of kills by signal 9 over every kind of study, spread evenly. */
import { servePage } from '../../../src/platform/node/page.ts';
import { hasBrowser } from '../browser.ts';
import { hasSlurm, startSlurm } from '../slurm.ts';
import { makeWhole, SWEEP, WORKS } from './ground.ts';
import { type KilledChain, killChain, killOnCluster, killPool } from './kills.ts';
import { killPage, makeWholePage } from './page-kills.ts';
import { countBy, type Part } from './part.ts';

/** `--chains` for each kind of study, `--kills` at most in each chain. */
export const kills: Part = async (ground, { chains, kills, seed, only, say }) => {
  let isProven = true;
  let all = 0;
  const asked = (name: string): boolean => only === undefined || only === name;
  const tell = async (name: string, chain: (seed: number) => Promise<KilledChain>): Promise<void> => {
    const ended: KilledChain[] = [];
    for (let i = 0; i < chains; i++) {
      const one = await chain(seed + i);
      ended.push(one);
      const isWrong = one.end === 'different' || one.end === 'fault';
      if (isWrong) isProven = false;
      if (one.end !== 'identical') say(`  ${name}, chain ${seed + i}: ${one.end}: ${one.message}`);
    }
    const count = ended.reduce((sum, one) => sum + one.kills, 0);
    all += count;
    say(`kills, ${name}: ${count} in ${chains} chains: ${countBy(ended, one => one.end)}`);
  };
  for (const work of WORKS.filter(({ name }) => asked(name))) {
    const held = await makeWhole(ground, work);
    const chain = work.name === 'pool' ? killPool : killChain;
    await tell(work.name, one => chain(ground, held, { seed: one, kills }));
  }
  if (asked('slurm') && hasSlurm) {
    const held = await makeWhole(ground, { ...SWEEP, name: 'slurm' });
    const slurm = await startSlurm();
    try {
      await tell('slurm', one => killOnCluster(ground, held, { seed: one, kills, slurm }));
    } finally {
      await slurm.stop();
    }
  }
  if (asked('page') && hasBrowser) {
    const server = await servePage({ port: 0 });
    try {
      const held = await makeWholePage(ground, server.url);
      await tell('page', one => killPage(ground, held, { seed: one, kills }));
    } finally {
      await server.close();
    }
  }
  say(`kills: ${all} in all`);
  return isProven;
};
