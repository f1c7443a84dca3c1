/**
 * The tests that mutants of the code are shown to: those of the parts, without the check of the sources' text and
 * without one on real data that takes seconds, which would be run for almost every mutant of its room.
 */
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/unit/inference/plausibility-real.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
