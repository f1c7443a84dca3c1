/** The data set of a distillation in the page: found among what was opened, or paired by names, and its recipe. */
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/data/dataset.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { arrangeData } from '../../../web/distil/arrange-data.ts';
import { blobFiles } from '../../../web/distil/blob-files.ts';
import type { Choices } from '../../../web/distil/protocol.ts';
import { type RecipeOptions, recipeText } from '../../../web/distil/recipe-text.ts';
import { teacherAloneSplits } from '../../../web/distil/teacher-alone.ts';

const CLASSES = ['background', 'Anterior', 'Posterior'].map((name, value) => ({ name, value }));

const opened = (...paths: readonly string[]) => paths.map(path => ({ path, file: new File(['x'], path) }));

describe('arrangeData', () => {
  it('takes the files of the cases of a folder with dataset.json, wherever it lies, and nothing else', async () => {
    const json = JSON.stringify({
      name: 'Hippocampus',
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: 'Anterior' },
      training: [{ image: './imagesTr/a.nii.gz', label: './labelsTr/a.nii.gz' }],
    });
    const files = [
      ...opened('top/Task04/imagesTr/a.nii.gz', 'top/Task04/labelsTr/a.nii.gz', 'top/Task04/imagesTs/b.nii.gz'),
      ...opened('top/Task04/imagesTr/._a.nii.gz', 'top/.DS_Store', 'top/notes.txt'),
      { path: 'top/Task04/dataset.json', file: new File([json], 'dataset.json') },
    ];
    const { title, contents, dataset, isPaired } = await arrangeData(files, CLASSES);
    expect({ title, isPaired, channels: dataset.channels }).toEqual({
      title: 'Task04',
      isPaired: false,
      channels: ['MRI'],
    });
    const paths = ['dataset.json', 'imagesTr/a.nii.gz', 'labelsTr/a.nii.gz'].map(path => `data/Task04/${path}`);
    expect([...contents.keys()].sort()).toEqual(paths);
  });

  it.each([
    ['endings of names', ['mri/a.nii.gz', 'mri/a_label.nii.gz', 'mri/b.nii.gz', 'mri/b_label.nii.gz']],
    ['beginnings of names', ['mri/a.nii.gz', 'mri/seg_a.nii.gz', 'mri/b.nii.gz', 'mri/seg_b.nii.gz']],
    ['folders', ['mri/images/a.nii.gz', 'mri/labels/a.nii.gz', 'mri/images/b.nii.gz', 'mri/labels/b.nii.gz']],
    ['formats', ['mri/a.mgz', 'mri/a-seg.nii.gz', 'mri/b.nii', 'mri/b-seg.mgz']],
  ])('pairs images and labels by %s, with the classes of the teacher', async (_, paths) => {
    const { title, dataset, contents, isPaired } = await arrangeData(opened(...paths), CLASSES);
    expect({ title, isPaired }).toEqual({ title: 'mri', isPaired: true });
    expect(dataset.labels).toEqual(CLASSES);
    expect(dataset.cases.map(({ id, images, label }) => [id, images.length, label !== undefined])).toEqual([
      ['a', 1, true],
      ['b', 1, true],
    ]);
    // what is written lies beside them, so that the person's own folder becomes the same data set by it
    expect(await openDataset(blobFiles(contents), 'data/mri')).toEqual(dataset);
    expect(contents.size).toBe(paths.length + 1);
  });

  it('stacks channels, and keeps images without labels', async () => {
    const paths = ['a_0000.nii.gz', 'a_0001.nii.gz', 'a_label.nii.gz', 'b_0000.nii.gz', 'b_0001.nii.gz'];
    const { title, dataset } = await arrangeData(opened(...paths), CLASSES);
    expect(title).toBe('data');
    expect(dataset.channels).toEqual(['channel 0', 'channel 1']);
    expect(dataset.cases).toEqual([
      { id: 'a', images: ['data/data/a_0000.nii.gz', 'data/data/a_0001.nii.gz'], label: 'data/data/a_label.nii.gz' },
      { id: 'b', images: ['data/data/b_0000.nii.gz', 'data/data/b_0001.nii.gz'] },
    ]);
  });

  it.each([
    [['x/readme.txt'], 'E_DATASET_MISSING', 'no images'],
    [['x/a.nii.gz', 'x/c_label.nii.gz'], 'E_CASE_MISSING', 'c_label.nii.gz'],
    [['x/one/a.nii.gz', 'x/two/a.nii.gz'], 'E_DATASET_CASES', 'one/a.nii.gz and two/a.nii.gz'],
    [['a_0000.nii.gz', 'a_0001.nii.gz', 'b_0000.nii.gz'], 'E_CHANNELS', '"b" has 1'],
  ])('refuses %j: %s', async (paths, code, text) => {
    await expect(arrangeData(opened(...paths), CLASSES)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });
});

describe('recipeText', () => {
  const choices: Choices = { size: 'medium', steps: 100, baseline: false };
  const labelled = (count: number, without = 0) =>
    Array.from({ length: count + without }, (_, index) => ({
      id: `c${index}`,
      images: [`c${index}.nii.gz`],
      ...(index < count && { label: `c${index}_label.nii.gz` }),
    }));
  const options: RecipeOptions = {
    version: '1.2.3',
    teacherPath: 'teacher/big.onnx',
    teacher: {
      labels: CLASSES,
      patch: [16, 24, 32],
      spacingMm: [1, 1, 1],
      orientation: 'RAS',
      imageInterpolation: 'linear',
      normalize: 'z-score',
      axes: 'NCZYX',
    },
    dataset: { name: 'mri', folder: 'data/mri', channels: ['image'], labels: CLASSES, cases: labelled(10) },
    grids: [{ sizeVoxels: [64, 64, 64], spacingMm: [1, 1, 1] }],
    choices,
    threads: 2,
    engine: { device: 'cpu', block: 0 },
    freeBytes: 1e10,
  };
  const recipe = (more: Partial<RecipeOptions> = {}) =>
    parseRecipe(recipeText({ ...options, ...more }), { path: 'recipe' });

  it('prepares images as the teacher was trained, with its window as the patch', () => {
    const { preprocess, patch, teacher, student, threads, distill } = recipe();
    expect(preprocess).toMatchObject({ spacingMm: [1, 1, 1], orientation: 'canonical', normalize: 'z-score' });
    // x, y, z of a window that is stored as z, y, x
    expect(patch.size).toEqual([32, 24, 16]);
    expect(teacher).toMatchObject({ onnx: 'teacher/big.onnx' });
    expect(student).toMatchObject({ unet: { features: [4, 8, 16] }, train: { steps: 100, batch: 2 } });
    expect(threads).toBe(2);
    // all answers of the teacher: 100 steps of 2 patches of 3 classes in float16, and a tenth
    expect(distill).toMatchObject({
      softLabels: 'cache',
      cache: { limitMB: Math.ceil(1.1 * 100 * 2 * 3 * 12_288 * 2e-6) + 1 },
    });
  });

  it('names the graphics card that its steps were tried on, and nothing for the processor', () => {
    expect(recipe({ engine: { device: 'webgpu', block: 0, folded: true } }).device).toBe('webgpu');
    expect(recipeText(options)).not.toContain('device:');
    expect(recipe().device).toBe('cpu');
  });

  it('takes a smaller patch for small cases, and fewer levels where it has no room for more', () => {
    const grids = [{ sizeVoxels: [10, 24, 40], spacingMm: [1, 1, 1] }] as const;
    const { patch, student } = recipe({ grids });
    expect(patch.size.every((size, axis) => size <= [32, 24, 16][axis]!)).toBe(true);
    expect(patch.size[0]).toBeLessThanOrEqual(12);
    expect(student).toHaveProperty('unet.features');
  });

  it('asks in every step where the storage has no room for the answers', () => {
    const { distill, patch } = recipe({ freeBytes: 1e6, choices: { ...choices, steps: 800 } });
    expect({ ...distill, repeatAfter: patch.repeatAfter }).toMatchObject({ softLabels: 'step', repeatAfter: null });
  });

  it('lets the patches of a quarter of the steps come again where the answers to them are kept, and says so', () => {
    const long = { choices: { ...choices, steps: 800 } };
    const { distill, patch } = recipe(long);
    expect(patch.repeatAfter).toBe(200);
    expect(distill.cache.limitMB).toBe(Math.ceil(1.1 * 200 * 2 * 3 * 12_288 * 2e-6) + 1);
    expect(recipeText({ ...options, ...long })).toContain('the teacher answers 200 times and not 800');
    expect(recipe({ choices: { ...choices, steps: 150 } }).patch.repeatAfter).toBe(100);
    // a short training has patches of its own in every step
    expect(recipe().patch.repeatAfter).toBeNull();
  });

  it('learns from images without labels by the teacher', () => {
    const dataset = { ...options.dataset, cases: labelled(10, 4) };
    expect(recipe({ dataset }).distill.unlabelled.batch).toBe(1);
  });

  it('keeps the axes of the files and the given numbers of a teacher that wants them', () => {
    const normalize = { ct: { low: -100, high: 300, mean: 50, deviation: 60 } };
    const teacher = { ...options.teacher, orientation: null, spacingMm: null, normalize, crop: 'nonzero' as const };
    const { preprocess } = recipe({ teacher });
    expect(preprocess).toMatchObject({ orientation: 'stored', spacingMm: null, normalize, crop: 'nonzero' });
  });

  it.each([0, 2])('learns from the teacher alone with %i labelled cases', count => {
    const dataset = { ...options.dataset, cases: labelled(count, 5) };
    const text = recipeText({ ...options, dataset, choices: { ...choices, baseline: true } });
    const { data, student, distill, baseline } = parseRecipe(text, { path: 'recipe' });
    expect(data.splits).toMatchObject({ file: 'splits.json' });
    expect({ own: student.train.batch, others: distill.unlabelled.batch, baseline }).toEqual({
      own: 0,
      others: 2,
      baseline: false,
    });
    expect(text).toContain('npx voxstill train recipe.yaml --arm student');
  });
});

describe('teacherAloneSplits', () => {
  const cases = (labelled: number, without: number) =>
    Array.from({ length: labelled + without }, (_, index) => ({
      id: `c${index}`,
      images: ['i'],
      ...(index < labelled && { label: 'l' }),
    }));

  it('keeps a fifth apart where nothing has a label, chosen by chance but always the same', () => {
    const { unlabelled, ...others } = teacherAloneSplits({ cases: cases(0, 10) })!;
    expect(others).toEqual({ train: [], val: [], test: [] });
    expect(unlabelled).toHaveLength(8);
    expect(teacherAloneSplits({ cases: cases(0, 10).reverse() })?.unlabelled).toHaveLength(8);
    expect(teacherAloneSplits({ cases: cases(0, 10) })?.unlabelled).toEqual(unlabelled);
  });

  it('keeps the labelled ones apart where there are some, and none of a single case', () => {
    expect(teacherAloneSplits({ cases: cases(2, 3) })?.unlabelled).toEqual(['c2', 'c3', 'c4']);
    expect(teacherAloneSplits({ cases: cases(0, 1) })?.unlabelled).toEqual(['c0']);
    expect(teacherAloneSplits({ cases: cases(3, 3) })).toBeUndefined();
  });
});
