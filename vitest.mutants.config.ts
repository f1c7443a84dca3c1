/**
 * The tests that mutants are shown to: the unit tests of the same room, which `scripts/mutants.ts` names.
 * One on real data is left out: it takes seconds and would be run for almost every mutant of its room.
 */
import { env } from 'node:process';
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [`test/unit/${env.MUTANTS_ROOM ?? '**'}/**/*.test.ts`],
    exclude: [...configDefaults.exclude, 'test/unit/inference/plausibility-real.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
