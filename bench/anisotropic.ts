/**
 * What anisotropic kernels cost per voxel beside 3x3x3: `node --import tsx bench/anisotropic.ts [--features
 * 16,32,64,128] [--rounds 3]`. All networks take turns, each in a process of its own, on equally many voxels with one
 * thread. The ratios are of the forward pass's multiply-adds, of a step's processor time, which other users of the
 * machine disturb less than wall time, and of peak resident memory, the process's own share included.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Triple } from '../src/core/shape.ts';
import { elementCount } from '../src/core/shape.ts';
import { multiplyAdds } from '../src/training/export.ts';
import { type Job, median, ours, type Timing } from './child.ts';
import { plainUnet } from './subject.ts';

type Shape = Pick<Job, 'kernels' | 'pooling' | 'size'>;

const CUBE: Triple = [3, 3, 3];
const PLANE: Triple = [1, 3, 3];
const LINE: Triple = [3, 1, 1];
const HALVES: Triple = [2, 2, 2];
const IN_PLANE: Triple = [1, 2, 2];

/** Name and geometry of each network, D, H, W; the first is what the others are compared with. */
const NETWORKS: readonly (readonly [string, Shape])[] = [
  ['3x3x3', { size: [32, 64, 64] }],
  [
    '1x3x3, 1x3x3, then 3x3x3',
    { kernels: [PLANE, PLANE, CUBE, CUBE], pooling: [IN_PLANE, IN_PLANE, HALVES], size: [8, 128, 128] },
  ],
  [
    '1x3x3, then 3x3x3',
    { kernels: [PLANE, CUBE, CUBE, CUBE], pooling: [IN_PLANE, HALVES, HALVES], size: [8, 128, 128] },
  ],
  ['1x3x3', { kernels: [PLANE, PLANE, PLANE, PLANE], pooling: [IN_PLANE, IN_PLANE, IN_PLANE], size: [8, 128, 128] }],
  [
    '3x1x1, then 3x3x3; halves',
    { kernels: [LINE, CUBE, CUBE, CUBE], pooling: [HALVES, HALVES, HALVES], size: [32, 64, 64] },
  ],
  [
    '3x1x1, then 3x3x3',
    { kernels: [LINE, CUBE, CUBE, CUBE], pooling: [[2, 1, 1], HALVES, HALVES], size: [128, 32, 32] },
  ],
];

const { values: flags } = parseArgs({
  options: {
    features: { type: 'string', default: '16,32,64,128' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '4' },
    batch: { type: 'string', default: '2' },
  },
});

const jobs = NETWORKS.map(
  ([, geometry]): Job => ({
    task: 'train',
    features: flags.features.split(',').map(Number),
    teacher: null,
    batch: Number(flags.batch),
    warmup: 1,
    steps: Number(flags.steps),
    threads: 1,
    ...geometry,
  }),
);
const timings = jobs.map((): Timing[] => []);
for (let round = 0; round < Number(flags.rounds); round++) {
  for (const [index, job] of jobs.entries()) timings[index]!.push(ours(job));
  process.stderr.write(`round ${round + 1} of ${flags.rounds}\n`);
}

const rows = timings.map((rounds, index) => {
  const { batch, features, size } = jobs[index]!;
  const voxels = batch * elementCount(size);
  const imageShape = [1, 1, ...size];
  return {
    work: multiplyAdds(plainUnet(features, imageShape, jobs[index]!), imageShape) / elementCount(size),
    processor: (median(rounds.flatMap(({ processorMs }) => processorMs ?? [])) * 1e6) / voxels,
    wall: (median(rounds.flatMap(({ stepMs }) => stepMs)) * 1e6) / voxels,
    bytes: (Math.max(...rounds.map(({ peakMb }) => peakMb)) * 2 ** 20) / voxels,
  };
});
const [cube] = rows;
process.stdout.write(
  `${cpus()[0]?.model}, 1 thread, features ${flags.features}, batch ${flags.batch} of ${elementCount(jobs[0]!.size)} voxels; per voxel, medians of ${flags.rounds} rounds\n\n` +
    `${'kernels'.padEnd(26)}  work ratio  processor ns  ratio  wall ns  ratio  bytes  ratio\n`,
);
rows.forEach(({ work, processor, wall, bytes }, index) => {
  const ratio = (value: number, reference: number): string => (value / reference).toFixed(2).padStart(5);
  process.stdout.write(
    `${NETWORKS[index]![0].padEnd(26)}  ${ratio(work, cube!.work).padStart(10)}  ${processor.toFixed(0).padStart(12)}  ${ratio(processor, cube!.processor)}  ` +
      `${wall.toFixed(0).padStart(7)}  ${ratio(wall, cube!.wall)}  ${bytes.toFixed(0).padStart(5)}  ${ratio(bytes, cube!.bytes)}\n`,
  );
});
