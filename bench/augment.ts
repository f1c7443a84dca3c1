/**
 * Times `augment: nnunet` beside nnU-Net's own transforms: `node --import tsx bench/augment.ts --python PATH [--size N]
 * [--rounds N] [--patches N]`. PATH is a Python with nnunetv2. Both vary one patch of two channels cut from a larger
 * case, with one thread, in turns, so that both meet the same load; figures are seconds of the processor per patch.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { medianOf } from '../src/core/percentile.ts';
import { random } from '../src/core/random.ts';
import { makeBatch, type TrainingCase } from '../src/data/loader.ts';
import { parseRecipe } from '../src/recipe/parse.ts';
import type { Xyz } from '../src/volume/volume.ts';

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    size: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    patches: { type: 'string', default: '40' },
  },
});
const side = Number(values.size);
const patches = Number(values.patches);
const caseSide = Math.ceil(side * 1.7);
const patchSize: Xyz = [side, side, side];
const { augment } = parseRecipe(
  `data: { dataset: d }
patch: { size: [${patchSize.join(', ')}] }
augment: nnunet
teacher: { onnx: t.onnx }
student: { meshnet: {}, train: { steps: 1, batch: 1 } }`,
  { path: 'bench' },
);
const voxels = caseSide ** 3;
const source = random('bench');
const image = Float32Array.from({ length: 2 * voxels }, () => source.normal());
const one: TrainingCase = {
  id: 'one',
  image,
  label: Uint8Array.from({ length: voxels }, (_, i) => Math.floor(i / caseSide) % 3),
  sizeVoxels: [caseSide, caseSide, caseSide],
  spacingMm: [1, 1, 1],
  channels: 2,
};

function ours(round: number): number {
  const before = process.cpuUsage();
  for (let patch = 0; patch < patches; patch++) {
    makeBatch([one], { seed: round, batch: 1, patchSize, foreground: 0, padding: 'constant', augment }, patch);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / patches;
}

const script = fileURLToPath(new URL('augment.py', import.meta.url));
const peer = spawn(values.python, [script, String(side), String(caseSide), String(patches)], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const lines = createInterface({ input: peer.stdout });
async function theirs(): Promise<number> {
  peer.stdin.write('go\n');
  const [line] = (await once(lines, 'line')) as [string];
  return Number(line);
}

ours(0);
await theirs();
const times: { readonly own: number; readonly peer: number }[] = [];
for (let round = 1; round <= Number(values.rounds); round++) times.push({ own: ours(round), peer: await theirs() });
peer.stdin.end();
const ms = (seconds: readonly number[]): string => `${(1000 * medianOf(seconds)).toFixed(1)} ms`;
console.info(
  `${patchSize.join('x')}, two channels: voxstill ${ms(times.map(({ own }) => own))}, batchgeneratorsv2 ${ms(times.map(({ peer: other }) => other))}, median ratio ${medianOf(times.map(({ own, peer: other }) => own / other)).toFixed(2)}`,
);
