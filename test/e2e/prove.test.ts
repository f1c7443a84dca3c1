/**
 * A short part of `npm run prove`, and a full disk: kills, damages and trainings, run at length, print their figures.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { servePage } from '../../src/platform/node/page.ts';
import { hasBrowser } from '../support/browser.ts';
import { MAIN, readJson, temporaryFolder } from '../support/program.ts';
import { believedFiles, damageFile, makeHalf } from '../support/proof/damages.ts';
import { otherCheckout, repeat, SURROUNDINGS } from '../support/proof/determinism.ts';
import { growth, watchTraining } from '../support/proof/flatness.ts';
import {
  differences,
  type Ground,
  type Held,
  makeGround,
  makeWhole,
  perform,
  WORKS,
  wordsOf,
} from '../support/proof/ground.ts';
import { killChain } from '../support/proof/kills.ts';
import { killPage, makeWholePage } from '../support/proof/page-kills.ts';
import { canHideFolders } from '../support/slurm.ts';

const SEED = 20261128;
const folder = temporaryFolder();
let ground: Ground;
let held: Held;
beforeAll(async () => {
  ground = await makeGround(folder);
  held = await makeWhole(ground, WORKS[0]);
});
afterAll(() => rmSync(folder, { recursive: true }));

it('a run that is killed three times comes to the same, or says why not', async () => {
  const { kills, end, message } = await killChain(ground, held, { seed: SEED, kills: 3 });
  expect([kills, end, message]).toEqual([expect.any(Number), expect.stringMatching(/^(identical|reported)$/), message]);
  expect(kills).toBeGreaterThan(0);
});

it.skipIf(!hasBrowser)('a distillation in the page whose browser is killed comes to the same', async () => {
  const server = await servePage({ port: 0 });
  try {
    const whole = await makeWholePage(ground, server.url);
    const chain = await killPage(ground, whole, { seed: SEED, kills: 1 });
    expect(chain).toEqual({ kills: 1, end: 'identical', message: '' });
  } finally {
    await server.close();
  }
});

it('a run from another checkout, in another language and time zone, comes to the same', async () => {
  const environment = { ...process.env, ...SURROUNDINGS['Turkish, Kiribati'] };
  const elsewhere = { name: 'elsewhere', work: held.work, environment, program: otherCheckout(ground) };
  expect(await repeat(ground, held, elsewhere)).toMatchObject({ differing: [] });
});

it('a history that is damaged half-way through a run is not believed', async () => {
  const of = await makeHalf(ground, held, 0.6);
  const path = believedFiles(ground, of, false).find(one => one.endsWith('student/history.csv')) as string;
  const damaged = await damageFile(ground, held, { of, path, damage: 'one bit flipped', way: 'resume', seed: SEED });
  expect(damaged).toMatchObject({ end: 'named', message: expect.stringMatching(/E_HISTORY/) });
});

it.skipIf(!canHideFolders)(
  'a run on a disk of 200 kB names the file that was first, and goes on elsewhere',
  async () => {
    const out = join(folder, 'full');
    const words = wordsOf(ground, held.work, 'full');
    // what is on the small disk is gone with the command, so it is copied
    const script =
      `mkdir -p "$0" "$0.kept" && mount -t tmpfs -o size=200k none "$0" || exit 9; ` +
      '"$@"; code=$?; "$1" "$2" status "$0" >&2 || exit 8; cp -r "$0/." "$0.kept"; exit $code';
    const call = ['--mount', 'sh', '-c', script, out, process.execPath, MAIN, ...words];
    const { status, stderr } = spawnSync('unshare', call, { encoding: 'utf8' });
    expect(status, stderr).toBe(1);
    const named = stderr.match(/(?<=E_DISK_FULL: .*cannot write )\S+(?=: the disk)/g) ?? [];
    const said = /^E_DISK_FULL: .*cannot write (\S+): the disk/m.exec(stderr)?.[1];
    expect(said, stderr).toBe(named[0]);
    expect(readJson(`${out}.kept/run.json`)).toMatchObject({
      status: 'stopped',
      error: expect.stringContaining(`${said}`),
    });
    rmSync(out, { recursive: true });
    renameSync(`${out}.kept`, out);
    expect(await perform(ground, held.work, { out: 'full' })).toMatchObject({ code: 0 });
    expect(differences(join(folder, held.out), out)).toEqual([]);
    rmSync(out, { recursive: true });
  },
);

it('a training leaves nothing open, and its memory stays', async () => {
  const recipe = join(folder, 'flat.yaml');
  writeFileSync(recipe, readFileSync(ground.recipe, 'utf8').replaceAll('steps: 12', 'steps: 90'));
  const flat = await watchTraining({ recipe, out: join(folder, 'flat'), arm: 'teacher', looks: 30 });
  expect(growth(flat.handles)).toBe(0);
  expect(growth(flat.descriptors)).toBe(0);
  expect(growth(flat.rss)).toBeLessThan(0.2);
});
