/**
 * Times the surface distances of pairs of 256^3 masks beside SciPy's distance transform: `node --import tsx
 * bench/surface.ts [--size N] [--rounds N] [--python PATH | --python none]`. Both take the minimum of all rounds, one
 * after the other on the same machine, so that both meet the same load; results must agree. Seconds of the processor
 * stand beside those of the clock, for a machine that is shared.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { random } from '../src/core/random.ts';
import { surfaceDistance } from '../src/metrics/surface-distance.ts';
import type { Xyz } from '../src/volume/volume.ts';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
const side = Number(values.size);
const rounds = Number(values.rounds);
const sizeVoxels: Xyz = [side, side, side];
const spacingMm: Xyz = [0.8, 1, 1.5];

function mask(inside: (x: number, y: number, z: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: side ** 3 }, (_, i) =>
    inside(i % side, Math.floor(i / side) % side, Math.floor(i / side ** 2)) ? 1 : 0,
  );
}

/** Radii and shifts are in shares of the side. */
function ellipsoid(centre: Xyz, radius: Xyz): Uint8Array {
  const at = (value: number, axis: 0 | 1 | 2): number => (value / side - centre[axis]) / radius[axis];
  return mask((x, y, z) => at(x, 0) ** 2 + at(y, 1) ** 2 + at(z, 2) ** 2 <= 1);
}

/** Removes and adds single voxels everywhere. */
function noisy(clean: Uint8Array, share: number): Uint8Array {
  const source = random(1, 'noise');
  return clean.map(value => (source.uniform() < share ? 1 - value : value));
}

const ball = ellipsoid([0.5, 0.5, 0.5], [0.39, 0.39, 0.39]);
const other = ellipsoid([0.52, 0.49, 0.5], [0.4, 0.37, 0.39]);
const box = mask(() => true);
const pairs: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
  ['two balls of radius 100', ball, other],
  ['a ball in the whole volume', ball, box],
  ['the whole volume twice', box, box],
  ['opposite corners', ellipsoid([0.2, 0.2, 0.2], [0.2, 0.2, 0.2]), ellipsoid([0.8, 0.8, 0.8], [0.2, 0.2, 0.2])],
  ['two balls, 0.1 % noise', noisy(ball, 0.001), noisy(other, 0.001)],
  ['two balls, 5 % noise', noisy(ball, 0.05), noisy(other, 0.05)],
  ['a ball against noise of 50 %', ball, noisy(box, 0.5)],
];

const folder = mkdtempSync(join(tmpdir(), 'voxstill-surface-'));
try {
  const jobs = pairs.map(([name, reference, prediction], index) => {
    const files = { reference: join(folder, `${index}a`), prediction: join(folder, `${index}b`) };
    writeFileSync(files.reference, reference);
    writeFileSync(files.prediction, prediction);
    return { name, ...files, sizeVoxels, spacingMm, rounds };
  });
  const script = fileURLToPath(new URL('surface.py', import.meta.url));
  for (const [index, [name, reference, prediction]] of pairs.entries()) {
    let [ms, cpuMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    let result = surfaceDistance(reference, prediction, { sizeVoxels, spacingMm });
    for (let round = 0; round < rounds; round++) {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      result = surfaceDistance(reference, prediction, { sizeVoxels, spacingMm });
      const { user, system } = process.cpuUsage(cpu);
      [ms, cpuMs] = [Math.min(ms, performance.now() - start), Math.min(cpuMs, (user + system) / 1000)];
    }
    const ours = `${name}: ${ms.toFixed(0)} ms (processor ${cpuMs.toFixed(0)} ms)`;
    if (values.python === 'none') {
      console.info(ours);
      continue;
    }
    const { stdout, stderr } = spawnSync(values.python, [script, JSON.stringify([jobs[index]])], { encoding: 'utf8' });
    if (stdout === '') throw new Error(stderr);
    const scipy = JSON.parse(stdout) as { ms: number; hd95Mm: number; assdMm: number };
    const difference = Math.max(Math.abs(scipy.hd95Mm - result.hd95Mm), Math.abs(scipy.assdMm - result.assdMm));
    console.info(`${ours}, SciPy ${scipy.ms.toFixed(0)} ms, largest difference ${difference.toExponential(1)} mm`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
