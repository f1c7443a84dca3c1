/**
 * How much quicker a start is from kept cases (`data.cache`): `npx tsx bench/prepared-cases.ts [CASES] [ROUNDS]` makes
 * cases of BraTS size (240 x 240 x 155 voxels, two channels, a body in zeros) in a temporary folder and prepares them
 * with and without, in turn, so that other load on the machine meets both alike; the figure is the ratio of medians. It
 * ends with exit code 1 if the two differ by a bit.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { medianOf } from '../src/core/percentile.ts';
import { random } from '../src/core/random.ts';
import type { Laboratory } from '../src/experiment/laboratory.ts';
import { type PreparedData, prepareData } from '../src/experiment/prepare.ts';
import { openByteCache } from '../src/platform/node/byte-cache.ts';
import { createNodeLaboratory } from '../src/platform/node/laboratory.ts';
import { parseRecipe } from '../src/recipe/parse.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../src/volume/nifti.ts';

const [cases, rounds] = [Number(process.argv[2] ?? 10), Number(process.argv[3] ?? 3)];
const folder = mkdtempSync(join(tmpdir(), 'voxstill-prepared-'));
const SIZE = [240, 240, 155] as const;
const GRID = {
  sizeVoxels: SIZE,
  spacingMm: [1, 1, 1],
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
} as const;

/** Calls for every voxel of an ellipsoid in the middle, with its distance from there, 1 at the surface. */
function visitBody(visit: (voxel: number, distance: number) => void): void {
  const [width, height, depth] = SIZE;
  for (let z = 0, voxel = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, voxel++) {
        const distance = Math.hypot((x - 120) / 69, (y - 120) / 86, (z - 78) / 70);
        if (distance < 1) visit(voxel, distance);
      }
    }
  }
}

async function writeCases({ files }: Laboratory): Promise<void> {
  const description = {
    channel_names: { 0: 'T1', 1: 'FLAIR' },
    labels: { background: 0, tumour: 1 },
    file_ending: '.nii.gz',
  };
  await files.write(join(folder, 'data/dataset.json'), JSON.stringify(description));
  const header = createNiftiHeader(GRID);
  for (let index = 0; index < cases; index++) {
    const noise = random(index, 'noise');
    const label = new Uint8Array(SIZE[0] * SIZE[1] * SIZE[2]);
    for (const channel of [0, 1]) {
      const data = new Float32Array(label.length);
      visitBody((voxel, distance) => {
        label[voxel] = distance < 0.2 ? 1 : 0;
        data[voxel] = Math.round(300 + 200 * distance + 40 * noise.uniform() + (distance < 0.2 ? 100 * channel : 0));
      });
      const path = join(folder, `data/imagesTr/case_${index}_000${channel}.nii.gz`);
      await files.write(path, encodeNiftiImage({ ...GRID, data, channels: 1 }, header));
    }
    await files.write(
      join(folder, `data/labelsTr/case_${index}.nii.gz`),
      encodeNiftiLabels({ ...GRID, data: label }, header),
    );
  }
}

/** SHA-256 of everything that a training sees. */
function digestOf({ train, val, intensities, training, images, hashes }: PreparedData): string {
  const digest = createHash('sha256').update(JSON.stringify([[...intensities], training, [...images], hashes]));
  for (const { image, label } of [...train, ...val]) digest.update(image).update(label);
  return digest.digest('hex');
}

const laboratory = await createNodeLaboratory();
const { openCache: _openCache, ...without } = laboratory;
await writeCases(laboratory);
const recipe = parseRecipe(
  `data: { dataset: ${JSON.stringify(join(folder, 'data'))}, cache: { folder: ${JSON.stringify(join(folder, 'kept'))} } }
preprocess: { normalize: z-score-nonzero }
patch: { size: [64, 64, 64] }
teacher: { unet: { features: [4, 8] }, train: { steps: 1, batch: 1 } }
student: { unet: { features: [2, 4] }, train: { steps: 1, batch: 1 } }
`,
  { path: 'recipe' },
);
const digests = new Set<string>();
async function secondsOf(place: Laboratory): Promise<number> {
  const startMs = performance.now();
  const data = await prepareData(place, recipe);
  const seconds = (performance.now() - startMs) / 1000;
  digests.add(digestOf(data));
  return seconds;
}

const kept: Laboratory = { ...laboratory, openCache: openByteCache };
console.log(`first start, which fills the folder: ${(await secondsOf(kept)).toFixed(1)} s`);
const times: { readonly without: number; readonly from: number }[] = [];
for (let round = 0; round < rounds; round++) {
  times.push({ without: await secondsOf(without), from: await secondsOf(kept) });
  const last = times.at(-1)!;
  console.log(`without ${last.without.toFixed(1)} s, from kept cases ${last.from.toFixed(1)} s`);
}
const ratio = medianOf(times.map(one => one.without)) / medianOf(times.map(one => one.from));
console.log(
  `${cases} cases: ${ratio.toFixed(1)} times as quick; load ${loadavg()[0]!.toFixed(1)}; ${digests.size === 1 ? 'equal to the last bit' : 'DIFFERENT'}`,
);
rmSync(folder, { recursive: true });
process.exitCode = digests.size === 1 ? 0 : 1;
