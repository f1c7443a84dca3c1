/**
 * Peak memory of plan, training and prediction of a cascade on CT-like cases, after `npm run build`:
 * `node --import tsx bench/cascade.ts [--folder DIR] [--cases N] [--size X,Y,Z] [--steps N] [--memory GB]`. Makes cases
 * of 300 x 300 x 200 voxels of 0.8 x 0.8 x 3 mm (a body in air, a spine, an organ with a lesion in it at a place of its
 * own), plans them, trains the coarse stage, the teacher and the student of one fold for a few steps, and predicts and
 * evaluates with the file of the teacher, which has both stages. A folder that is named stays, and what is finished in
 * it is not done again; needs Linux.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { mapAxes } from '../src/core/axes.ts';
import { random } from '../src/core/random.ts';
import { parseRecipe } from '../src/recipe/parse.ts';
import { encodeNiftiLabels } from '../src/volume/nifti.ts';
import { createNiftiHeader, rewriteNiftiHeader } from '../src/volume/nifti-header-writing.ts';
import type { Xyz } from '../src/volume/volume.ts';
import { measureProgram } from '../test/support/large-volumes.ts';

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    cases: { type: 'string', default: '6' },
    size: { type: 'string', default: '300,300,200' },
    steps: { type: 'string', default: '150' },
    memory: { type: 'string', default: '2' },
  },
});
const [X = 0, Y = 0, Z = 0] = values.size.split(',').map(Number);
const SIZE: Xyz = [X, Y, Z];
/** The cases as they are described below; others are the same body in other voxels. */
const DESCRIBED = [300, 300, 200] as const;
const GRID = {
  sizeVoxels: SIZE,
  spacingMm: [0.8, 0.8, 3],
  affine: [0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1],
} as const;
const [AIR, BODY, SPINE, ORGAN, LESION, NOISE] = [-1000, 40, 400, 130, 70, 15];

/** An ellipsoid in voxels; planes of it are ellipses. */
interface Ellipsoid {
  readonly centre: Xyz;
  readonly radii: Xyz;
}

/** Calls for every voxel of an ellipsoid. */
function visit(described: Ellipsoid, call: (voxel: number) => void): void {
  const scaled = (values: Xyz): Xyz => mapAxes(axis => (values[axis] * SIZE[axis]) / DESCRIBED[axis]);
  const [centre, radii] = [scaled(described.centre), scaled(described.radii)];
  const along = (axis: 0 | 1 | 2): readonly [number, number] => [
    Math.max(0, Math.ceil(centre[axis] - radii[axis])),
    Math.min(SIZE[axis] - 1, Math.floor(centre[axis] + radii[axis])),
  ];
  const [[x0, x1], [y0, y1], [z0, z1]] = [along(0), along(1), along(2)];
  for (let z = z0; z <= z1; z++) {
    for (let y = y0; y <= y1; y++) {
      const rest = 1 - ((z - centre[2]) / radii[2]) ** 2 - ((y - centre[1]) / radii[1]) ** 2;
      for (let x = x0; x <= x1; x++) {
        if (((x - centre[0]) / radii[0]) ** 2 <= rest) call((z * SIZE[1] + y) * SIZE[0] + x);
      }
    }
  }
}

function writeCase(folder: string, index: number): void {
  const source = random(index, 'ct');
  const header = createNiftiHeader(GRID);
  const start = rewriteNiftiHeader(header, { dataType: 'int16', sizeVoxels: SIZE, channels: 1 });
  const label = new Uint8Array(SIZE[0] * SIZE[1] * SIZE[2]);
  const content = new Uint8Array(start.length + 2 * label.length);
  content.set(start);
  const image = new Int16Array(content.buffer, start.length).fill(AIR);
  const about = (value: number, spread: number): number => value + spread * (2 * source.uniform() - 1);
  const organ = {
    centre: [about(100, 30), about(140, 25), about(110, 30)],
    radii: [about(38, 6), about(34, 6), about(12, 2)],
  } as const;
  const lesion = { centre: organ.centre, radii: [about(9, 3), about(9, 3), about(3, 1)] } as const;
  const fill = (where: Ellipsoid, value: number, labelled = 0): void =>
    visit(where, voxel => {
      image[voxel] = value;
      label[voxel] = labelled;
    });
  fill({ centre: [150, 150, 100], radii: [135, 110, 400] }, BODY);
  fill({ centre: [150, 220, 100], radii: [18, 18, 4000] }, SPINE);
  fill(organ, ORGAN, 1);
  fill(lesion, LESION, 2);
  let noise = index + 1;
  for (let i = 0; i < image.length; i++) {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
    image[i]! += ((noise >>> 24) / 128 - 1) * NOISE;
  }
  writeFileSync(join(folder, `imagesTr/case_${index}_0000.nii.gz`), gzipSync(content, { level: 1 }));
  writeFileSync(join(folder, `labelsTr/case_${index}.nii.gz`), encodeNiftiLabels({ ...GRID, data: label }, header));
}

function writeDataset(folder: string): void {
  for (const name of ['imagesTr', 'labelsTr']) mkdirSync(join(folder, name), { recursive: true });
  const description = {
    channel_names: { 0: 'CT' },
    labels: { background: 0, organ: 1, lesion: 2 },
    file_ending: '.nii.gz',
  };
  for (let index = 0; index < Number(values.cases); index++) writeCase(folder, index);
  writeFileSync(join(folder, 'dataset.json'), JSON.stringify(description));
}

const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'voxstill-cascade-'));
const at = (name: string): string => join(folder, name);

async function measured(what: string, args: readonly string[]): Promise<void> {
  const { code, stderr, seconds, peakBytes } = await measureProgram([...args]);
  if (code !== 0) throw new Error(`${what}: ${stderr}`);
  const load = loadavg()[0]?.toFixed(1);
  console.info(`${what}: ${(peakBytes / 1e9).toFixed(2)} GB peak, ${seconds.toFixed(0)} s (load ${load})`);
}

try {
  if (!existsSync(at('data/dataset.json'))) writeDataset(at('data'));
  if (!existsSync(at('ct.yaml'))) {
    await measured('plan', ['plan', at('data'), '--memory', values.memory, '--out', at('ct.yaml')]);
  }
  const { cascade } = parseRecipe(readFileSync(at('ct.yaml'), 'utf8'), { path: at('ct.yaml') });
  if (cascade === null) throw new Error('the plan has one stage: take larger cases (--size) or less memory (--memory)');
  const ofArm = ['teacher', 'student', 'cascade.coarse'].flatMap(arm =>
    ['steps', 'validateEvery'].map(key => `${arm}.train.${key}=${values.steps}`),
  );
  const settings = ['data.splits.fold=0', 'data.cache.limitMB=0', ...ofArm].flatMap(one => ['--set', one]);
  for (const arm of ['coarse', 'teacher', 'student']) {
    const args = ['train', at('ct.yaml'), '--arm', arm, '--out', at('run'), '--resume'];
    await measured(`train, ${arm}`, [...args, ...settings]);
  }
  const { test } = JSON.parse(readFileSync(at('run/splits.json'), 'utf8'));
  const model = ['--model', at('run/teacher/model.onnx')];
  const input = at(`data/imagesTr/${test[0]}_0000.nii.gz`);
  await measured('predict', ['predict', ...model, '--input', input, '--output', at('labels.nii.gz')]);
  const data = ['--data', at('data'), '--splits', at('run/splits.json'), '--split', 'test'];
  await measured('evaluate', ['evaluate', ...model, ...data, '--out', at('evaluation.json')]);
  const { summary } = JSON.parse(readFileSync(at('evaluation.json'), 'utf8'));
  console.info(
    `mean Dice of ${test.length} test case(s) after ${values.steps} steps: ${summary.meanDice.mean.toFixed(3)}`,
  );
} finally {
  if (values.folder === undefined) rmSync(folder, { recursive: true });
}
