/** The estimate of memory against the peak of a fresh process, in the cheapest cases of bench/memory.mjs. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const bench = fileURLToPath(new URL('../../bench/memory.mjs', import.meta.url));

it('is within a quarter of what training and inference take, by both lowerings', () => {
  if (!existsSync('/proc/self/status')) return console.info('skipped: only Linux tells a peak in /proc');
  const lines = execFileSync(process.execPath, [bench, 'unet 4-8, small'], { encoding: 'utf8' }).trim().split('\n');
  const ratios = lines.slice(1).map(line => Number(line.split(/\s+/).at(-1)));
  expect(ratios.length).toBe(4);
  for (const [index, ratio] of ratios.entries()) {
    expect(ratio, lines[index + 1]).toBeGreaterThan(0.75);
    expect(ratio, lines[index + 1]).toBeLessThan(1.25);
  }
});
