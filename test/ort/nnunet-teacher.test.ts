/** A results folder of nnU-Net as the teacher of a run: what it is shown, and who is turned away. */
import { beforeAll, describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import type { Evaluation } from '../../src/experiment/record.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { runExperiment } from '../../src/study/run.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../src/volume/nifti.ts';
import { createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { type NnunetName, nnunetFolder } from '../support/nnunet-folders.ts';

/** Data sets by the network that teaches on them: x, y, z. */
const DATA = {
  planes: {
    size: [28, 24, 8],
    spacing: [0.9, 1.2, 3],
    channel: 'T2',
    more: { labels: { background: 0, outer: 1, inner: 2 } },
    recipe: `patch: { size: [28, 24, 4] }
student: { unet: { features: [4, 8], kernels: [[3, 3, 1], [3, 3, 1]], pooling: [[2, 2, 1]] }, train: TRAIN }`,
  },
  iso: {
    size: [20, 24, 18],
    spacing: [1.2, 1.3, 1.4],
    channel: 'MR',
    more: { labels: { background: 0, whole: [1, 2], core: 2 }, regions_class_order: [1, 2] },
    recipe: `patch: { size: [16, 24, 16] }
loss: { crossEntropy: { kind: binary } }
student: { unet: { features: [4, 8] }, train: TRAIN }`,
  },
} as const;
type DataName = keyof typeof DATA;
const CASES = 5;
const memory = memoryFiles();
// the data set and the run are in memory, the results folder is on disk
const isFixture = (path: string): boolean => path.startsWith(nnunetFolder('planes').slice(0, -'planes'.length));
const files = {
  ...memory,
  read: (path: string) => (isFixture(path) ? nodeFiles : memory).read(path),
  list: (path: string) => (isFixture(path) ? nodeFiles : memory).list(path),
  exists: (path: string) => (isFixture(path) ? nodeFiles : memory).exists(path),
};
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files);

/** A bright body with a brighter ball in it, as the fixtures were trained on, and zeros around. */
async function writeCase(name: DataName, id: string): Promise<void> {
  const numbers = random(1, id);
  const { size, spacing } = DATA[name];
  const [width, height, depth] = size;
  const affine = [spacing[0], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[2], 0, 0, 0, 0, 1];
  const geometry = { sizeVoxels: size, spacingMm: spacing, affine };
  const [data, labels] = [new Float32Array(width * height * depth), new Uint8Array(width * height * depth)];
  const middle = [12 + 2 * numbers.uniform(), 14 + 2 * numbers.uniform(), 12 + numbers.uniform()] as const;
  for (let z = 0, voxel = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, voxel++) {
        const distance = Math.hypot(x * spacing[0] - middle[0], y * spacing[1] - middle[1], z * spacing[2] - middle[2]);
        labels[voxel] = distance < 3 ? 2 : distance < 7 ? 1 : 0;
        const tissue = 100 + (labels[voxel]! > 0 ? 50 : 0) - (labels[voxel] === 2 ? 70 : 0);
        data[voxel] = distance < 11 ? tissue + 12 * numbers.normal() : 0;
      }
    }
  }
  const header = createNiftiHeader(geometry);
  await memory.write(
    `${name}/imagesTr/${id}_0000.nii.gz`,
    encodeNiftiImage({ ...geometry, data, channels: 1 }, header),
  );
  await memory.write(`${name}/labelsTr/${id}.nii.gz`, encodeNiftiLabels({ ...geometry, data: labels }, header));
}

const FITTING = ['preprocess.normalize=z-score', 'preprocess.orientation=canonical'];

function recipeOf(teacher: NnunetName, overrides: readonly string[] = FITTING, data: DataName = 'planes') {
  const text = `data: { dataset: ${data}, splits: { seed: 1, train: 0.6, val: 0.2, test: 0.2 } }
teacher: { onnx: ${JSON.stringify(nnunetFolder(teacher))} }
baseline: false
${DATA[data].recipe.replace('TRAIN', '{ steps: 12, batch: 2, validateEvery: 6 }')}
`;
  return parseRecipe(text, { path: 'recipe.yaml', overrides: [...overrides] });
}

beforeAll(async () => {
  for (const name of ['planes', 'iso'] as const) {
    const { channel, more } = DATA[name];
    const dataset = { channel_names: { '0': channel }, numTraining: CASES, file_ending: '.nii.gz', ...more };
    await memory.write(`${name}/dataset.json`, JSON.stringify(dataset));
    for (let index = 0; index < CASES; index++) await writeCase(name, `case_${index}`);
  }
});

describe('an nnU-Net folder as a teacher', () => {
  test.each([
    ['planes', FITTING, 'outer'],
    ['iso', ['preprocess.normalize=none', 'preprocess.orientation=stored'], 'whole'],
  ] as const)('%s distils into a small student by one line of a recipe', async (name, overrides, found) => {
    const recipe = recipeOf(name, overrides, name);
    const comparison = await runExperiment(laboratory, recipe, { out: `run-${name}`, resume: false });
    expect(Object.keys(comparison.arms)).toEqual(['teacher', 'student']);
    const teacher: Evaluation = JSON.parse(memory.text(`run-${name}/teacher/evaluation.json`));
    // it was trained on such images, so that it finds most of what is there
    expect(teacher.summary.classes[found]!.dice.mean).toBeGreaterThan(0.5);
    expect(memory.text(`run-${name}/student/history.csv`).split('\n')[0]).toContain('softDice');
    expect(await files.exists(`run-${name}/student/model.onnx`)).toBe(true);
  });

  test.each([
    ['planes', ['preprocess.normalize=z-score', 'preprocess.orientation=stored'], /it wants RAS axes|RAS/],
    [
      'planes',
      ['preprocess.normalize=percentile', 'preprocess.orientation=canonical'],
      /needs intensities normalised by "z-score", the recipe normalises by "percentile"/,
    ],
    [
      'planes',
      [...FITTING, 'preprocess.spacingMm=[1, 1, 3]', 'preprocess.imageInterpolation=nnunet'],
      /0\.9 x 1\.2 x any mm.*preprocess\.spacingMm to \[0\.9, 1\.2, 3/,
    ],
    ['planes', [...FITTING, 'preprocess.spacingMm=[0.9, 1.2, 2]'], /set preprocess\.imageInterpolation to nnunet/],
    ['aniso', FITTING, /takes 2 channel\(s\)/],
  ] as const)('%s says what does not fit (%#)', async (name, overrides, words) => {
    const run = runExperiment(laboratory, recipeOf(name, overrides), { out: 'refused', resume: false });
    await expect(run).rejects.toMatchObject({ code: 'E_TEACHER_FIT', message: expect.stringMatching(words) });
  });
});
