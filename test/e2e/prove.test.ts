/**
 * A short part of `npm run prove`: kills, damages and a flat training; each of them, run at length, prints its figures.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../support/program.ts';
import { believedFiles, damageFile, makeHalf } from '../support/proof/damages.ts';
import { growth, watchTraining } from '../support/proof/flatness.ts';
import { type Ground, type Held, makeGround, makeWhole, WORKS } from '../support/proof/ground.ts';
import { killChain } from '../support/proof/kills.ts';

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

it('a history that is damaged half-way through a run is not believed', async () => {
  const of = await makeHalf(ground, held, 0.6);
  const path = believedFiles(ground, of, false).find(one => one.endsWith('student/history.csv')) as string;
  const damaged = await damageFile(ground, held, { of, path, damage: 'one bit flipped', seed: SEED });
  expect(damaged).toMatchObject({ end: 'named', message: expect.stringMatching(/E_HISTORY/) });
});

it('a training leaves nothing open, and its memory stays', async () => {
  const recipe = join(folder, 'flat.yaml');
  writeFileSync(recipe, readFileSync(ground.recipe, 'utf8').replaceAll('steps: 12', 'steps: 90'));
  const flat = await watchTraining({ recipe, out: join(folder, 'flat'), arm: 'teacher', looks: 30 });
  expect(growth(flat.handles)).toBe(0);
  expect(growth(flat.descriptors)).toBe(0);
  expect(growth(flat.rss)).toBeLessThan(0.2);
});
