/** The tests that mutants of the code are shown to: those of the parts, without the check of the sources' text. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
