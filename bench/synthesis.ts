/**
 * Processor time of training patches that are painted of a label map: `npx tsx bench/synthesis.ts [SIDE] [PATCHES]`,
 * by default 15 patches of 96 x 96 x 96 voxels at 1 and at 2 mm. It is the time of one thread, with cutting, moving,
 * painting and normalising; a wall clock would show other load on the machine. The map is a ball of eleven shells.
 */
import { cpus, loadavg } from 'node:os';
import { medianOf } from '../src/core/percentile.ts';
import { createBatchMaker, type TrainingCase } from '../src/data/loader.ts';
import { synthesizeSchema } from '../src/recipe/schema/synthesize.ts';

const [side, patches] = [Number(process.argv[2] ?? 96), Number(process.argv[3] ?? 15)];
/** Patches before the code is compiled. */
const WARM_UP = 3;
const SHELLS = 11;

function ball(length: number): Uint8Array {
  const half = length / 2;
  return Uint8Array.from({ length: length ** 3 }, (_, i) => {
    const at = [i % length, Math.floor(i / length) % length, Math.floor(i / length ** 2)];
    const distance = Math.hypot(...at.map(one => (one - half) / half));
    return distance > 1 ? 0 : 1 + Math.min(SHELLS - 1, Math.floor(distance * SHELLS));
  });
}

const settings = synthesizeSchema.parse({ classes: { inside: '1-6' }, others: '7-11' });
if (settings === null) throw new Error('settings were given');

for (const mm of [1, 2]) {
  const map: TrainingCase = {
    id: 'ball',
    image: new Float32Array(0),
    label: ball(side),
    sizeVoxels: [side, side, side],
    spacingMm: [mm, mm, mm],
    channels: 1,
    synthesis: { settings, normalize: 'percentile' },
  };
  const make = createBatchMaker([map], {
    seed: 1,
    batch: 1,
    patchSize: [side, side, side],
    foreground: 0.33,
    padding: 'constant',
  });
  const times = Array.from({ length: WARM_UP + patches }, (_, step) => {
    const before = process.cpuUsage();
    make(step);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  console.log(`${side}^3 at ${mm} mm: ${medianOf(times.slice(WARM_UP)).toFixed(0)} ms per patch`);
}
console.log(`${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}`);
