/**
 * Power that goes at any moment: a file is old or new and whole, what was promised is there, and a training or a claim
 * goes on. `npm run prove -- --part power` does the same at length.
 */
import { describe, expect, it } from 'vitest';
import { crashDisk } from '../../support/crash-disk.ts';
import { powerInTraining, powerOnClaims, powerOnFiles, powerOnModel } from '../../support/proof/power.ts';

describe('in every state that a loss of power leaves', () => {
  it.each([
    ['a file that is replaced is the old one or the new one, whole', powerOnFiles, ['new', 'old']],
    ['a training goes on from a checkpoint that was written', powerInTraining, ['step 0', 'step 2', 'step 4']],
    ['a model is whole, or not there', powerOnModel, ['nothing', 'model 0', 'model 1']],
    ['a claim is whole, and one process takes the unit over', powerOnClaims, ['0 claims', '1 claims', '2 claims']],
  ])('%s', async (_, check, kinds) => {
    const { states, found, problems } = await check(2);
    expect(problems).toEqual([]);
    expect(states).toBeGreaterThan(15);
    // each of them came about
    expect(new Set(found.keys())).toEqual(new Set(kinds));
  });
});

it('a file would be lost without the sync of its folder', async () => {
  const { files, states } = crashDisk();
  await files.write('run/a', 'first');
  const returned = states().filter(({ after }) => after === 'syncing the folder run');
  for (const state of returned) expect(await state.files.exists('run/a')).toBe(true);
  const renamed = states().filter(({ after }) => after.startsWith('renaming'));
  const isThere = await Promise.all(renamed.map(state => state.files.exists('run/a')));
  expect(new Set(isThere)).toEqual(new Set([true, false]));
});

it('a file that is made is whole or not there, and there from the moment that it is made', async () => {
  const { files, states } = crashDisk();
  expect(await files.create('unit/claim', 'whole')).toBe(true);
  const found = await Promise.all(
    states().map(async ({ files: left }) => ((await left.exists('unit/claim')) ? left.text('unit/claim') : 'none')),
  );
  expect(new Set(found)).toEqual(new Set(['none', 'whole']));
  const after = states().length;
  await files.write('other', 'x');
  for (const state of states().slice(after)) expect(state.files.text('unit/claim')).toBe('whole');
});
