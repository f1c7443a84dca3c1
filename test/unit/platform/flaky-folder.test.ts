/**
 * A slow and flaky shared folder: delays, EIO, ESTALE, answers that are lost and writes that stop half-way corrupt and
 * double nothing. `npm run prove -- --part folders` does the same for thousands of seeds.
 */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { flakyClaims, flakyTraining, flakyUnit, flakyWrites } from '../../support/proof/flaky.ts';
import { flakyFiles } from '../../support/proof/flaky-files.ts';

describe('on a flaky folder', () => {
  it.each([
    ['files that are replaced', flakyWrites, 30],
    ['claims of one unit', flakyClaims, 30],
    ['checkpoints and histories', flakyTraining, 15],
    ['a unit that two processes do', flakyUnit, 4],
  ])('%s stay whole and single', async (_, check, seeds) => {
    let failures = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const found = await check(seed);
      expect([seed, found.problems]).toEqual([seed, []]);
      failures += found.failures;
    }
    expect(failures).toBeGreaterThan(seeds);
  });

  it('a write may have been done although it failed, or be half of a temporary file, but no more', async () => {
    const under = memoryFiles();
    const files = flakyFiles(under, random(1, 'flaky'), 0.3);
    const ends = new Set<string>();
    for (let index = 0; index < 200; index++) {
      under.contents.clear();
      const error = await files.write('run/a', 'whole').catch((reason: unknown) => reason);
      const code = error === undefined ? 'done' : (error as { readonly code: string }).code;
      ends.add(`${code}, ${under.contents.has('run/a') ? under.text('run/a') : 'nothing'}`);
    }
    const kinds = ['done, whole', 'E_FILE_WRITE, nothing', 'E_FILE_WRITE, whole'];
    expect(ends).toEqual(new Set([...kinds, 'E_FOLDER_GONE, nothing', 'E_FOLDER_GONE, whole']));
  });
});
