/**
 * How long the built program takes to start, as a multiple of Node's own start: `npm run bench:start [ROUNDS]`. Starts alternate, so that
 * other load on the machine meets all alike; the figure is the ratio of medians. The aim for --help is 2.0 at most.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const STARTS = {
  'node -e 0': ['-e', '0'],
  'voxstill --help': [PROGRAM, '--help'],
  'voxstill --version': [PROGRAM, '--version'],
  'voxstill predict --help': [PROGRAM, 'predict', '--help'],
  'voxstill run --help': [PROGRAM, 'run', '--help'],
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
