import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isLabelled, openDataset } from '../../../src/data/dataset.ts';
import { labelValues } from '../../../src/data/dataset-json.ts';
import { loadCase } from '../../../src/data/loaded-case.ts';
import { indexForeground } from '../../../src/data/patches.ts';
import type { Files } from '../../../src/runtime/files.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';
import { niftiOnly } from '../../support/laboratory.ts';
import { realDataFolder } from '../../support/real-data.ts';

type Tree = Readonly<Record<string, Uint8Array | string>>;

function memoryFiles(tree: Tree): Files {
  const refuse = async (): Promise<never> => {
    throw new Error('a data set is only read');
  };
  return {
    read: async path => {
      const content = tree[path];
      if (content === undefined) throw new Error(`read of ${path}, which does not exist`);
      return typeof content === 'string' ? new TextEncoder().encode(content) : content;
    },
    list: async folder => {
      const prefix = `${folder}/`;
      const below = Object.keys(tree).filter(path => path.startsWith(prefix));
      return [...new Set(below.map(path => path.slice(prefix.length).split('/')[0] ?? ''))].sort();
    },
    exists: async path => path in tree,
    realPath: refuse,
    write: refuse,
    remove: refuse,
  };
}

const SIZE: Xyz = [3, 2, 2];

function nifti(values: readonly number[], sizeVoxels: Xyz = SIZE, originMm = 0): Uint8Array {
  const channels = values.length / (sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2]);
  const affine = [1, 0, 0, originMm, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const volume: Volume = { data: Float32Array.from(values), sizeVoxels, channels, spacingMm: [1, 1, 1], affine };
  return encodeNiftiImage(volume, createNiftiHeader(volume));
}

const ramp = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);
const LABEL = [0, 0, 1, 1, 2, 0, 0, 0, 0, 0, 0, 1];

const DECATHLON = {
  name: 'Toy',
  modality: { '0': 'MRI' },
  labels: { '0': 'background', '2': 'Tail', '1': 'Head' },
  training: [
    { image: './imagesTr/b.nii.gz', label: './labelsTr/b.nii.gz' },
    { image: './imagesTr/a.nii.gz', label: './labelsTr/a.nii.gz' },
  ],
};

function decathlon(changes: object = {}, files: Tree = {}): Files {
  return memoryFiles({
    'd/dataset.json': JSON.stringify({ ...DECATHLON, ...changes }),
    'd/imagesTr/a.nii.gz': nifti(ramp(12)),
    'd/imagesTr/b.nii.gz': nifti(ramp(12, 100)),
    'd/imagesTr/._a.nii.gz': 'resource fork',
    'd/labelsTr/a.nii.gz': nifti(LABEL),
    'd/labelsTr/b.nii.gz': nifti(LABEL),
    ...files,
  });
}

const NNUNET = {
  channel_names: { '0': 'T1', '1': 'T2' },
  labels: { background: 0, Head: 1, Tail: 2 },
  numTraining: 2,
  file_ending: '.nii.gz',
};

const REGIONS = { background: 0, whole: [1, 2], core: 2 };

function regionJson(changes: object = {}): string {
  return JSON.stringify({ ...NNUNET, labels: REGIONS, regions_class_order: [1, 2], ...changes });
}

const NNUNET_TREE: Tree = {
  'n/Dataset007_Toy/dataset.json': JSON.stringify(NNUNET),
  'n/Dataset007_Toy/imagesTr/p_2_0000.nii.gz': nifti(ramp(12)),
  'n/Dataset007_Toy/imagesTr/p_2_0001.nii.gz': nifti(ramp(12, 50)),
  'n/Dataset007_Toy/imagesTr/p_1_0000.nii.gz': nifti(ramp(12)),
  'n/Dataset007_Toy/imagesTr/p_1_0001.nii.gz': nifti(ramp(12)),
  'n/Dataset007_Toy/imagesTr/._p_1_0000.nii.gz': 'resource fork',
  'n/Dataset007_Toy/labelsTr/p_1.nii.gz': nifti(LABEL),
  'n/Dataset007_Toy/labelsTr/p_2.nii.gz': nifti(LABEL),
  'n/Dataset007_Toy/labelsTr/._p_2.nii.gz': 'resource fork',
};

function without(tree: Tree, ...paths: string[]): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !paths.some(end => path.endsWith(end))));
}

describe('openDataset', () => {
  test('reads a Decathlon folder, cases by id and labels by value', async () => {
    const dataset = await openDataset(decathlon(), 'd/');
    expect(dataset).toEqual({
      name: 'Toy',
      folder: 'd',
      channels: ['MRI'],
      labels: [
        { value: 0, name: 'background' },
        { value: 1, name: 'Head' },
        { value: 2, name: 'Tail' },
      ],
      cases: [
        { id: 'a', images: ['d/imagesTr/a.nii.gz'], label: 'd/labelsTr/a.nii.gz' },
        { id: 'b', images: ['d/imagesTr/b.nii.gz'], label: 'd/labelsTr/b.nii.gz' },
      ],
    });
  });

  test('reads an nnU-Net raw folder with a file per channel', async () => {
    const dataset = await openDataset(memoryFiles(NNUNET_TREE), 'n/Dataset007_Toy');
    expect(dataset.name).toBe('Dataset007_Toy');
    expect(dataset.channels).toEqual(['T1', 'T2']);
    expect(dataset.labels.map(({ name }) => name)).toEqual(['background', 'Head', 'Tail']);
    expect(dataset.cases.map(({ id }) => id)).toEqual(['p_1', 'p_2']);
    expect(dataset.cases[1]).toEqual({
      id: 'p_2',
      images: ['n/Dataset007_Toy/imagesTr/p_2_0000.nii.gz', 'n/Dataset007_Toy/imagesTr/p_2_0001.nii.gz'],
      label: 'n/Dataset007_Toy/labelsTr/p_2.nii.gz',
    });
  });

  test("finds the numbered channels that nnU-Net's first version leaves out of its list", async () => {
    const json = JSON.stringify({
      modality: { '0': 'T1', '1': 'T2' },
      labels: DECATHLON.labels,
      training: [{ image: './imagesTr/p_1.nii.gz', label: './labelsTr/p_1.nii.gz' }],
      test: ['./imagesTs/p_9.nii.gz'],
    });
    const dataset = await openDataset(
      memoryFiles({ ...NNUNET_TREE, 'n/Dataset007_Toy/dataset.json': json }),
      'n/Dataset007_Toy',
    );
    expect(dataset.cases).toEqual([
      {
        id: 'p_1',
        images: ['n/Dataset007_Toy/imagesTr/p_1_0000.nii.gz', 'n/Dataset007_Toy/imagesTr/p_1_0001.nii.gz'],
        label: 'n/Dataset007_Toy/labelsTr/p_1.nii.gz',
      },
    ]);
  });

  test("reads the table of files that nnU-Net's second version may have", async () => {
    const table = {
      q: { images: ['imagesTr/p_1_0000.nii.gz', 'imagesTr/p_2_0001.nii.gz'], label: 'labelsTr/p_2.nii.gz' },
    };
    const json = JSON.stringify({ ...NNUNET, dataset: table });
    const dataset = await openDataset(
      memoryFiles({ ...NNUNET_TREE, 'n/Dataset007_Toy/dataset.json': json }),
      'n/Dataset007_Toy',
    );
    expect(dataset.cases).toEqual([
      {
        id: 'q',
        images: ['n/Dataset007_Toy/imagesTr/p_1_0000.nii.gz', 'n/Dataset007_Toy/imagesTr/p_2_0001.nii.gz'],
        label: 'n/Dataset007_Toy/labelsTr/p_2.nii.gz',
      },
    ]);
  });

  test('reads regions: their label values, and the value that each is written as', async () => {
    const text = regionJson({
      labels: { background: 0, whole: [3, 1, 2], core: [2, 3], tip: 3 },
      regions_class_order: [1, 2, 3],
    });
    const dataset = await openDataset(
      memoryFiles({ ...NNUNET_TREE, 'n/Dataset007_Toy/dataset.json': text }),
      'n/Dataset007_Toy',
    );
    expect(dataset.labels).toEqual([
      { value: 0, name: 'background' },
      { value: 1, name: 'whole', region: [1, 2, 3] },
      { value: 2, name: 'core', region: [2, 3] },
      { value: 3, name: 'tip', region: [3] },
    ]);
    expect(labelValues(dataset.labels)).toEqual([0, 1, 2, 3]);
  });

  test('a channel more than dataset.json names is refused', async () => {
    const files = memoryFiles({ ...NNUNET_TREE, 'n/Dataset007_Toy/imagesTr/p_1_0002.nii.gz': nifti(ramp(12)) });
    await expect(openDataset(files, 'n/Dataset007_Toy')).rejects.toMatchObject({ code: 'E_CHANNELS' });
  });

  test('an nnU-Net folder without any labels has cases without labels', async () => {
    const files = memoryFiles(without(NNUNET_TREE, 'labelsTr/p_1.nii.gz', 'labelsTr/p_2.nii.gz'));
    const dataset = await openDataset(files, 'n/Dataset007_Toy');
    expect(dataset.cases.map(one => 'label' in one)).toEqual([false, false]);
  });

  test('an nnU-Net case without a label is listed as unlabelled', async () => {
    const files = memoryFiles(without(NNUNET_TREE, 'labelsTr/p_2.nii.gz'));
    const dataset = await openDataset(files, 'n/Dataset007_Toy');
    expect(dataset.cases.map(item => [item.id, isLabelled(item)])).toEqual([
      ['p_1', true],
      ['p_2', false],
    ]);
  });

  test.each(['_2_0001.nii.gz', '_1_0000.nii.gz'])('an nnU-Net folder that lacks %s is refused', async missing => {
    const opened = openDataset(memoryFiles(without(NNUNET_TREE, missing)), 'n/Dataset007_Toy');
    await expect(opened).rejects.toMatchObject({ code: 'E_CASE_MISSING', message: expect.stringContaining(missing) });
  });

  test('a label whose images are all missing is noticed', async () => {
    const files = memoryFiles(without(NNUNET_TREE, 'p_2_0000.nii.gz', 'p_2_0001.nii.gz'));
    await expect(openDataset(files, 'n/Dataset007_Toy')).rejects.toMatchObject({ code: 'E_CASE_MISSING' });
  });

  test('a folder without dataset.json is refused', async () => {
    await expect(openDataset(decathlon(), 'elsewhere')).rejects.toMatchObject({
      code: 'E_DATASET_MISSING',
      message: expect.stringContaining('elsewhere'),
    });
  });

  test('lists five missing files and counts the rest', async () => {
    const training = ramp(7).map(i => ({ image: `./imagesTr/c${i}.nii.gz` }));
    await expect(openDataset(decathlon({ training }), 'd')).rejects.toMatchObject({
      code: 'E_CASE_MISSING',
      message: expect.stringMatching(/c0\.nii\.gz is missing.*c4\.nii\.gz is missing; 2 more.*voxstill validate d/),
    });
  });

  test.each(['../../escape', 'a/b', 'a\\b', '..', 'line\nbreak'])('refuses the case id %j of a table', async id => {
    const table = { [id]: { images: ['imagesTr/a_0000.nii.gz'], label: 'labelsTr/a.nii.gz' } };
    const files = memoryFiles({
      'd/dataset.json': JSON.stringify({
        channel_names: { 0: 'MRI' },
        labels: { background: 0, blob: 1 },
        file_ending: '.nii.gz',
        dataset: table,
      }),
      'd/imagesTr/a_0000.nii.gz': '',
      'd/labelsTr/a.nii.gz': '',
    });
    await expect(openDataset(files, 'd')).rejects.toMatchObject({
      code: 'E_CASE_ID',
      message: expect.stringContaining(JSON.stringify(id)),
    });
  });

  test.each(['../x.nii.gz', 'imagesTr/../../x.nii.gz', '/etc/x.nii.gz', 'C:/x.nii.gz', 'a\\..\\x.nii.gz', './'])(
    'refuses the file name %s',
    async image => {
      const opened = openDataset(decathlon({ training: [{ image }] }), 'd');
      await expect(opened).rejects.toMatchObject({ code: 'E_DATASET_PATH', message: expect.stringContaining(image) });
    },
  );

  test.each([
    ['broken JSON', '{"name": ', 'E_DATASET_FORMAT'],
    ['a list', '[1]', 'E_DATASET_FORMAT'],
    ['nothing', 'null', 'E_DATASET_FORMAT'],
    ['no training list', JSON.stringify({ ...DECATHLON, training: undefined }), 'E_DATASET_FORMAT'],
    ['an unnumbered channel', JSON.stringify({ ...DECATHLON, modality: { MRI: '0' } }), 'E_DATASET_FORMAT'],
    ['images of another format', JSON.stringify({ ...NNUNET, file_ending: '.tif' }), 'E_DATASET_FORMAT'],
    ['a gap in the labels', JSON.stringify({ ...DECATHLON, labels: { '0': 'b', '2': 'x' } }), 'E_DATASET_LABELS'],
    ['no background', JSON.stringify({ ...DECATHLON, labels: { '1': 'b', '2': 'x' } }), 'E_DATASET_LABELS'],
    ['one label', JSON.stringify({ ...DECATHLON, labels: { '0': 'b' } }), 'E_DATASET_LABELS'],
    ['a name twice', JSON.stringify({ ...DECATHLON, labels: { '0': 'b', '1': 'b' } }), 'E_DATASET_LABELS'],
    ['regions without an order', JSON.stringify({ ...NNUNET, labels: REGIONS }), 'E_DATASET_LABELS'],
    ['an order of unknown labels', regionJson({ regions_class_order: [1, 4] }), 'E_DATASET_LABELS'],
    ['an order that is too short', regionJson({ regions_class_order: [1] }), 'E_DATASET_LABELS'],
    ['a region with a fraction', regionJson({ labels: { ...REGIONS, core: [1.5] } }), 'E_DATASET_LABELS'],
    [
      'an ignore label that is not the last',
      JSON.stringify({ ...NNUNET, labels: { background: 0, a: 2, ignore: 1 } }),
      'E_DATASET_LABELS',
    ],
    [
      'two ignore labels',
      JSON.stringify({ ...NNUNET, labels: { background: 0, a: 1, ignore: [2, 3] } }),
      'E_DATASET_LABELS',
    ],
  ])('refuses a dataset.json with %s', async (_, text, code) => {
    const opened = openDataset(memoryFiles({ 'd/dataset.json': text }), 'd');
    await expect(opened).rejects.toMatchObject({ code, message: expect.stringContaining('d/dataset.json') });
  });

  test('refuses a case that is listed twice, and an image without channel number', async () => {
    const training = [DECATHLON.training[0], DECATHLON.training[0]];
    await expect(openDataset(decathlon({ training }), 'd')).rejects.toMatchObject({ code: 'E_DATASET_CASES' });
    const odd = memoryFiles({ ...NNUNET_TREE, 'n/Dataset007_Toy/imagesTr/q.nii.gz': nifti(ramp(12)) });
    await expect(openDataset(odd, 'n/Dataset007_Toy')).rejects.toMatchObject({ code: 'E_DATASET_FORMAT' });
  });
});

describe('loadCase', () => {
  async function load(files: Files, folder: string, index: number) {
    const dataset = await openDataset(files, folder);
    return loadCase({ files, images: niftiOnly }, dataset, dataset.cases[index]!);
  }

  test('reads image, label and header', async () => {
    const loaded = await load(decathlon(), 'd', 1);
    expect(loaded.id).toBe('b');
    expect(Array.from(loaded.image.data)).toEqual(ramp(12, 100));
    expect(Array.from(loaded.label?.data ?? [])).toEqual(LABEL);
    expect(loaded.header.sizeVoxels).toEqual(SIZE);
  });

  test('an ignore label is a value that labels may have, and no class', async () => {
    const labels = { ...NNUNET.labels, ignore: 3 };
    const known = nifti(LABEL.map((value, index) => (index === 2 ? 3 : value)));
    const tree = { ...NNUNET_TREE, 'n/Dataset007_Toy/dataset.json': JSON.stringify({ ...NNUNET, labels }) };
    const path = Object.keys(NNUNET_TREE).find(name => name.includes('/labelsTr/')) as string;
    const files = memoryFiles({ ...tree, [path]: known });
    const dataset = await openDataset(files, 'n/Dataset007_Toy');
    expect(dataset).toMatchObject({ ignore: 3, labels: [{ value: 0 }, { value: 1 }, { value: 2 }] });
    const item = dataset.cases.find(({ label }) => label === path)!;
    const { label } = await loadCase({ files, images: niftiOnly }, dataset, item);
    expect(label).toMatchObject({ ignore: 3 });
    expect(label!.data[2]).toBe(3);
    expect(indexForeground(label!.data, 3).map(({ value }) => value)).not.toContain(3);
    expect(indexForeground(label!.data).map(({ value }) => value)).toContain(3);
  });

  test('stacks the channels of several files in order', async () => {
    const { image } = await load(memoryFiles(NNUNET_TREE), 'n/Dataset007_Toy', 1);
    expect(image.channels).toBe(2);
    expect(Array.from(image.data)).toEqual([...ramp(12), ...ramp(12, 50)]);
  });

  test('takes the channels of one four-dimensional file', async () => {
    const files = decathlon({ modality: { '0': 'T1', '1': 'T2' } }, { 'd/imagesTr/a.nii.gz': nifti(ramp(24)) });
    expect((await load(files, 'd', 0)).image).toMatchObject({ channels: 2, sizeVoxels: SIZE });
  });

  test('refuses another number of channels than dataset.json names', async () => {
    const files = decathlon({}, { 'd/imagesTr/a.nii.gz': nifti(ramp(24)) });
    await expect(load(files, 'd', 0)).rejects.toMatchObject({
      code: 'E_SHAPE_MISMATCH',
      message: expect.stringMatching(/"a" has 2 channel.*names 1 \(MRI\)/),
    });
  });

  test('refuses a label on another grid, with both sizes and paths', async () => {
    const files = decathlon({}, { 'd/labelsTr/a.nii.gz': nifti(LABEL, [2, 3, 2]) });
    await expect(load(files, 'd', 0)).rejects.toMatchObject({
      code: 'E_SHAPE_MISMATCH',
      message: expect.stringMatching(/d\/labelsTr\/a.nii.gz has 2x3x2 .*d\/imagesTr\/a.nii.gz has 3x2x2/),
    });
  });

  test('refuses channels on different grids', async () => {
    const tree = { ...NNUNET_TREE, 'n/Dataset007_Toy/imagesTr/p_1_0001.nii.gz': nifti(ramp(12), [2, 2, 3]) };
    await expect(load(memoryFiles(tree), 'n/Dataset007_Toy', 0)).rejects.toMatchObject({ code: 'E_SHAPE_MISMATCH' });
  });

  test('refuses a label or a channel in another place of the world, and warns of rounding', async () => {
    const mismatch = { code: 'E_GEOMETRY_MISMATCH', message: expect.stringMatching(/a\.nii\.gz are up to 5 mm apart/) };
    const apart = decathlon({}, { 'd/labelsTr/a.nii.gz': nifti(LABEL, SIZE, 5) });
    await expect(load(apart, 'd', 0)).rejects.toMatchObject(mismatch);
    const tree = { ...NNUNET_TREE, 'n/Dataset007_Toy/imagesTr/p_1_0001.nii.gz': nifti(ramp(12), SIZE, -5) };
    await expect(load(memoryFiles(tree), 'n/Dataset007_Toy', 0)).rejects.toMatchObject({ code: 'E_GEOMETRY_MISMATCH' });
    const rounded = decathlon({}, { 'd/labelsTr/a.nii.gz': nifti(LABEL, SIZE, 0.01) });
    expect((await load(rounded, 'd', 0)).warnings).toMatchObject([{ code: 'W_GEOMETRY_ROUNDING' }]);
  });

  test('refuses a label value that dataset.json does not name, with its count', async () => {
    const files = decathlon({}, { 'd/labelsTr/a.nii.gz': nifti(LABEL.map(value => (value === 1 ? 7 : value))) });
    await expect(load(files, 'd', 0)).rejects.toMatchObject({
      code: 'E_LABEL_UNKNOWN',
      message: expect.stringMatching(/value 7 in 3 voxel.*0 \(background\), 1 \(Head\), 2 \(Tail\)/),
    });
  });

  test('keeps NaN in an image', async () => {
    const files = decathlon({}, { 'd/imagesTr/a.nii.gz': nifti([Number.NaN, ...ramp(11)]) });
    expect((await load(files, 'd', 0)).image.data[0]).toBeNaN();
  });
});

const real = realDataFolder();

test.skipIf(real === undefined)(
  'the hippocampus data set: 200 cases, both classes in a case, as its README says',
  async () => {
    const refuse = async (): Promise<never> => {
      throw new Error('a data set is only read');
    };
    const disk: Files = {
      read: async path => new Uint8Array(readFileSync(path)),
      list: async folder => readdirSync(folder).sort(),
      exists: async path => path.endsWith('dataset.json'),
      realPath: refuse,
      write: refuse,
      remove: refuse,
    };
    const dataset = await openDataset(disk, real ?? '');
    expect(dataset.cases.length).toBe(200);
    expect(dataset.labels.map(({ name }) => name)).toEqual(['background', 'Anterior', 'Posterior']);
    const first = await loadCase({ files: disk, images: niftiOnly }, dataset, dataset.cases[0]!);
    expect(first.image.sizeVoxels).toEqual(first.label?.sizeVoxels);
    expect(first.image.spacingMm).toEqual([1, 1, 1]);
    expect(new Set(first.label?.data)).toEqual(new Set([0, 1, 2]));
  },
);
