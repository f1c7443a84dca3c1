/**
 * How long the built program takes to start, as a multiple of Node's own start: `npm run bench:start [ROUNDS]`. Starts
 * alternate, so that other load on the machine meets all alike; the figure is the ratio of medians. The aim for --help
 * is 2.0 at most. `predict` segments a phantom from start to end; its first window is to begin within a second.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writePhantomDataset } from '../src/data/phantom.ts';
import { nodeFiles } from '../src/platform/node/files.ts';
import { tinyModel } from '../test/support/tiny-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'voxstill-start-'));
const [model, data] = [join(folder, 'model.onnx'), join(folder, 'data')];
writeFileSync(model, tinyModel(1));
await writePhantomDataset(nodeFiles, data, { seed: 1, cases: 1 });

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const STARTS = {
  'node -e 0': ['-e', '0'],
  'voxstill --help': [PROGRAM, '--help'],
  'voxstill --version': [PROGRAM, '--version'],
  'voxstill predict --help': [PROGRAM, 'predict', '--help'],
  'voxstill run --help': [PROGRAM, 'run', '--help'],
  'voxstill predict': [
    ...[PROGRAM, 'predict', '--model', model],
    ...['--input', join(data, 'imagesTr/phantom_001.nii.gz'), '--output', join(folder, 'labels.nii.gz')],
  ],
} as const;
const rounds = Number(process.argv[2] ?? 7);

const timesMs = new Map<string, number[]>(Object.keys(STARTS).map(name => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, args] of Object.entries(STARTS)) {
    const startMs = performance.now();
    const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
    if (status !== 0) throw new Error(`${name} ended with ${status}. Run npm run build first.`);
    timesMs.get(name)!.push(performance.now() - startMs);
  }
}

const medianOf = (name: string): number => [...timesMs.get(name)!].sort((a, b) => a - b)[Math.floor(rounds / 2)]!;
for (const name of timesMs.keys()) {
  const ratio = medianOf(name) / medianOf('node -e 0');
  console.log(`${name.padEnd(24)} ${medianOf(name).toFixed(0).padStart(5)} ms ${ratio.toFixed(2).padStart(6)}`);
}
rmSync(folder, { recursive: true });
