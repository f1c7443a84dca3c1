/**
 * `npm run prove -- [--part NAME]... [--only KIND] [--chains N] [--kills N] [--damages N] [--mutations N] [--folders N]
 * [--steps N] [--seed N]`: proves what docs/reliability.md promises, and prints the figures. All parts if none is
 * named. Exit code 1 if a promise was broken.
 */
import { rmSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { temporaryFolder } from '../test/support/program.ts';
import { makeGround } from '../test/support/proof/ground.ts';
import type { Part } from '../test/support/proof/part.ts';
import { damages } from '../test/support/proof/part-damages.ts';
import { determinism } from '../test/support/proof/part-determinism.ts';
import { flatness } from '../test/support/proof/part-flatness.ts';
import { folders } from '../test/support/proof/part-folders.ts';
import { kills } from '../test/support/proof/part-kills.ts';
import { mutations } from '../test/support/proof/part-mutations.ts';
import { power } from '../test/support/proof/part-power.ts';

const PARTS: Readonly<Record<string, Part>> = { kills, power, damages, mutations, determinism, folders, flatness };

const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true, default: Object.keys(PARTS) },
    only: { type: 'string' },
    chains: { type: 'string', default: '7' },
    kills: { type: 'string', default: '5' },
    damages: { type: 'string', default: '1000' },
    mutations: { type: 'string', default: '10000' },
    folders: { type: 'string', default: '2000' },
    steps: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const load = (): string => `load ${loadavg()[0]?.toFixed(1)} on ${cpus().length} cores`;
const options = {
  chains: Number(values.chains),
  kills: Number(values.kills),
  damages: Number(values.damages),
  mutations: Number(values.mutations),
  folders: Number(values.folders),
  steps: Number(values.steps),
  seed: Number(values.seed),
  only: values.only,
  say,
};

const folder = temporaryFolder();
let isProven = true;
try {
  const ground = await makeGround(folder);
  for (const name of values.part) {
    const part = PARTS[name];
    if (part === undefined) throw new Error(`there is no part ${name}; there are ${Object.keys(PARTS).join(', ')}`);
    const startedMs = performance.now();
    const isKept = await part(ground, options);
    isProven &&= isKept;
    say(`${name}: ${isKept ? 'kept' : 'BROKEN'}, ${((performance.now() - startedMs) / 1000).toFixed(0)} s, ${load()}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = isProven ? 0 : 1;
