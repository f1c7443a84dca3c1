/** Data sets of label maps alone: what trains, validates and tests, and what is refused. */
import { describe, expect, it } from 'vitest';
import { tensor } from '../../../src/core/tensor.ts';
import { openDataset } from '../../../src/data/dataset.ts';
import { loadCase } from '../../../src/data/loaded-case.ts';
import { makeBatch } from '../../../src/data/loader.ts';
import { withPaintedCases } from '../../../src/data/synthesis/painted-cases.ts';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import { prepareData } from '../../../src/experiment/prepare.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Volume } from '../../../src/volume/volume.ts';
import { createLaboratory, functionEngine, modelBytes, thresholdModel } from '../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../support/memory-files.ts';
import { synthesisOf } from '../../support/synthesis.ts';

const IDS = ['a', 'b', 'c', 'd'];
const RECIPE = `
data:
  dataset: maps
  splits: { train: 0.5, val: 0.25, test: 0.25 }
  synthesize: { classes: { one: 1, two: [2, 3] }, others: 7-9, paintings: 2 }
preprocess: { spacingMm: [1, 1, 1] }
patch: { size: [4, 4, 4] }
teacher: { unet: { features: [2, 2] }, train: { steps: 1, batch: 1 } }
student: { unet: { features: [2, 2] }, train: { steps: 1, batch: 1 } }
`;

/** A map whose first axis runs from right to left: the class 1 lies on the right of the body. */
function mapOf(valueAt: (x: number, index: number) => number, channels = 1): Volume {
  const affine = [-1, 0, 0, 10, 0, 2, 0, -20, 0, 0, 0.5, 30, 0, 0, 0, 1];
  const data = Float32Array.from({ length: 8 * 6 * 8 * channels }, (_, index) => valueAt(index % 8, index));
  return { data, sizeVoxels: [8, 6, 8], channels, spacingMm: [1, 2, 0.5], affine };
}

const VALUES = [1, 1, 1, 2, 3, 7, 9, 0];

function mapFiles(change: (id: string) => Volume | undefined = () => undefined): MemoryFiles {
  const files = memoryFiles({ 'maps/README.md': 'Label maps.' });
  for (const id of IDS) {
    const map = change(id) ?? mapOf((x, index) => (index % 11 === IDS.indexOf(id) ? 8 : VALUES[x]!));
    files.contents.set(`maps/${id}.nii.gz`, encodeNiftiImage(map, createNiftiHeader(map)));
  }
  return files;
}

async function prepared(files: MemoryFiles, overrides: readonly string[] = []) {
  const laboratory = createLaboratory(functionEngine(thresholdModel), files);
  return { laboratory, data: await prepareData(laboratory, parseRecipe(RECIPE, { path: 'r.yaml', overrides })) };
}

describe('a folder of label maps', () => {
  it('trains on the maps, and validates and tests on images that are painted of other maps', async () => {
    const { data } = await prepared(mapFiles());
    const { train, val, splits, dataset } = data;
    expect(dataset.labels.map(({ name }) => name)).toEqual(['background', 'one', 'two']);
    expect(dataset.channels).toEqual(['painted']);
    expect(splits.train).toHaveLength(2);
    const [map = ''] = IDS.filter(id => splits.val.includes(`${id}-p01`));
    expect(splits.val).toEqual([`${map}-p01`, `${map}-p02`]);
    expect(splits.test).toHaveLength(2);
    expect(train.map(one => [one.image.length, one.sizeVoxels])).toEqual([
      [0, [8, 12, 4]],
      [0, [8, 12, 4]],
    ]);
    expect(val.map(one => one.image.length)).toEqual([384, 384]);
    expect(val[0]!.image).not.toEqual(val[1]!.image);
    expect(val[0]!.label).toEqual(val[1]!.label);
    expect(new Set(val[0]!.label)).toEqual(new Set([0, 1, 2]));
    expect(Object.keys(data.hashes).sort()).toEqual(IDS.map(id => `${id}.nii.gz`));
    expect(data.settingHashes).toEqual({});
  });

  it('paints the same images at every start, whatever the seed of the recipe, and patches that differ by seed', async () => {
    const [first, second] = [await prepared(mapFiles()), await prepared(mapFiles(), ['seeds=[7]'])];
    expect(second.data.val).toEqual(first.data.val);
    expect(second.data.images).toEqual(first.data.images);
    const settings = { batch: 1, patchSize: [4, 4, 4], foreground: 0, padding: 'constant' } as const;
    const batch = (seed: number) => makeBatch(first.data.train, { ...settings, seed }, 0);
    expect(batch(1)).toEqual(batch(1));
    expect(batch(2).image).not.toEqual(batch(1).image);
  });

  it('may have more images of a test map than of a validation map', async () => {
    const { data } = await prepared(mapFiles(), ['data.synthesize.paintings={ val: 1, test: 3 }']);
    const [first, second] = [await prepared(mapFiles()), data.splits];
    expect([second.val.length, second.test.length]).toEqual([1, 3]);
    expect(second.test.slice(0, 2)).toEqual(first.data.splits.test);
    expect(data.val[0]).toEqual(first.data.val[0]);
  });

  it('is cut to the region that a coarse model finds in an image of it, as painted images are', async () => {
    const [start, end] = [
      [2, 1, 2],
      [5, 4, 6],
    ] as const;
    const isIn = (x: number, index: number): boolean => {
      const place = [x, Math.floor(index / 8) % 6, Math.floor(index / 48)];
      return place.every((value, axis) => value >= start[axis]! && value < end[axis]!);
    };
    const files = mapFiles(() => mapOf((x, index) => (isIn(x, index) ? (x === 2 ? 1 : 2) : 7)));
    const shape = (channels: number) => ['N', channels, 8, 6, 8] as const;
    const labels = [
      { value: 0, name: 'background' },
      { value: 1, name: 'body' },
    ];
    const facts = { labels, normalize: 'none', activation: 'softmax', channels: 1, patch: [8, 6, 8] } as const;
    const metadata = formatModelMetadata({ ...facts, labels });
    files.contents.set('coarse.onnx', modelBytes(metadata, shape(1), shape(2)));
    // whatever is painted
    const body = Float32Array.from({ length: 384 }, (_, index) => (isIn(index % 8, index) ? 9 : -9));
    const finder = functionEngine(({ shape: [n = 1] }) =>
      tensor(
        'float32',
        Float32Array.from({ length: n * 768 }, (_, i) => (i % 768 < 384 ? 0 : body[i % 384]!)),
        [n, 2, 8, 6, 8],
      ),
    );
    const recipe = parseRecipe(RECIPE, { path: 'r.yaml', overrides: ['cascade={ coarse: coarse.onnx, marginMm: 0 }'] });
    const { train, val } = await prepareData(createLaboratory(finder, files), recipe);
    // 3 x 3 x 4 voxels of 1 x 2 x 0.5 mm
    expect(new Set([...train, ...val].map(one => one.sizeVoxels.join()))).toEqual(new Set(['3,6,2']));
    expect(val[0]!.image).toHaveLength(36);
    // the map keeps its own values, and the class 1 lies on the right of the body
    expect(train[0]!.label.slice(0, 6)).toEqual(Uint8Array.from([2, 2, 1, 2, 2, 1]));
    const { image, label } = makeBatch(
      train,
      { batch: 1, patchSize: [4, 4, 4], foreground: 0, padding: 'constant', seed: 1 },
      0,
    );
    expect(new Set(image).size).toBeGreaterThan(10);
    expect(new Set(label)).toEqual(new Set([0, 1, 2]));
  });

  it('is turned to canonical axes before it is painted', async () => {
    const { data } = await prepared(mapFiles());
    // along x the stored map has 1 first; from left to right it is last
    const along = (x: number) => new Set(data.train[0]!.label.filter((_, index) => index % 8 === x));
    expect([along(0), along(7)]).toEqual([new Set([0, 8]), new Set([1, 8])]);
  });

  it('gives the reference of a painted image on the grid of the map, unchanged', async () => {
    const files = mapFiles();
    const sources = createLaboratory(functionEngine(thresholdModel), files);
    const dataset = withPaintedCases(await openDataset(files, 'maps', { synthesize: synthesisOf({ paintings: 3 }) }));
    expect(dataset.cases.map(({ id }) => id).slice(0, 4)).toEqual(['a', 'a-p01', 'a-p02', 'a-p03']);
    const loaded = await Promise.all(dataset.cases.slice(1, 4).map(one => loadCase(sources, dataset, one)));
    const expected = Uint8Array.from(
      mapOf((x, index) => (index % 11 === 0 ? 8 : VALUES[x]!)).data,
      value => [0, 1, 2, 2][value] ?? 0,
    );
    for (const { label, image, map } of loaded) {
      expect(label?.data).toEqual(expected);
      expect(image.affine).toEqual(label?.affine);
      expect(image.sizeVoxels).toEqual([8, 6, 8]);
      expect(map).toBeUndefined();
    }
    expect(new Set(loaded.map(({ image }) => image.data.join())).size).toBe(3);
  });

  it.each([
    [
      'a value without a rule',
      (): Volume => mapOf(x => (x === 0 ? 12 : 1)),
      'E_LABEL_RULE',
      /maps\/b\.nii\.gz has label values without a rule for painting: 12 \(48 voxels\)/,
    ],
    [
      'a value that is no whole number',
      (): Volume => mapOf(x => x / 2),
      'E_LABEL_VALUE',
      /maps\/b\.nii\.gz has the label value 0\.5/,
    ],
    ['several volumes', (): Volume => mapOf(() => 1, 2), 'E_LABEL_CHANNELS', /maps\/b\.nii\.gz has 2 channels/],
  ])('with %s is refused', async (_, wrong, code, message) => {
    const files = mapFiles(id => (id === 'b' ? wrong() : undefined));
    await expect(prepared(files)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it('is refused where the recipe paints nothing', async () => {
    await expect(prepared(mapFiles(), ['data.synthesize=null'])).rejects.toThrow(
      expect.objectContaining({ code: 'E_DATASET_MISSING', message: expect.stringMatching(/needs data\.synthesize/) }),
    );
  });
});

describe('a dataset.json', () => {
  const decathlon = (files: MemoryFiles): MemoryFiles => {
    const training = IDS.map(id =>
      id === 'a' ? { image: 'image.nii.gz', label: 'a.nii.gz' } : { label: `${id}.nii.gz` },
    );
    const image = mapOf((_, index) => index / 100);
    files.contents.set('maps/image.nii.gz', encodeNiftiImage(image, createNiftiHeader(image)));
    const content = { modality: { 0: 'T1' }, labels: { 0: 'background', 1: 'x' }, training };
    files.contents.set('maps/dataset.json', new TextEncoder().encode(JSON.stringify(content)));
    return files;
  };

  it('may have cases with an image beside label maps alone; both have the classes of the recipe', async () => {
    const files = decathlon(mapFiles());
    const dataset = await openDataset(files, 'maps', { synthesize: synthesisOf() });
    expect(dataset.cases.map(({ id, images }) => [id, images.length])).toEqual([
      ['b', 0],
      ['c', 0],
      ['d', 0],
      ['image', 1],
    ]);
    const sources = createLaboratory(functionEngine(thresholdModel), files);
    const loaded = await loadCase(sources, dataset, dataset.cases[3]!);
    expect(loaded.image.data[100]).toBe(1);
    expect(new Set(loaded.label?.data)).toEqual(new Set([0, 1, 2]));
    expect(withPaintedCases(dataset).cases.filter(({ id }) => id.startsWith('image'))).toHaveLength(1);
  });

  it('says which case lacks an image where nothing is painted', async () => {
    await expect(openDataset(decathlon(mapFiles()), 'maps')).rejects.toThrow(
      expect.objectContaining({
        code: 'E_CASE_MISSING',
        message: expect.stringMatching(/"b" is a label map without an image.*data\.synthesize/s),
      }),
    );
  });
});

describe('a recipe that paints', () => {
  const problem =
    (...overrides: string[]) =>
    () =>
      parseRecipe(RECIPE, { path: 'r.yaml', overrides });

  it('has the defaults of SynthSeg', () => {
    expect(parseRecipe(RECIPE, { path: 'r.yaml' }).data.synthesize).toMatchObject({
      means: [0, 250],
      deviations: [0, 30],
      rotateDegrees: 15,
      scale: 0.2,
      shear: 0.012,
      elasticMm: 4,
      elasticSpacingMm: 25,
      biasField: 0.7,
      biasSpacingMm: 40,
      gamma: 0.5,
      coarseMm: 4,
      thickMm: 8,
    });
  });

  it.each([
    ['data.synthesize.others=3-9', /holds the value 3, which another class/],
    ['data.synthesize.classes={ left: 1 }', /named after one side of the body/],
    ['data.synthesize.others=[9-7]', /needs label values/],
    ['data.synthesize.darkAir=0.99', /must not exceed 1 together/],
    ['preprocess.normalize=ct', /painted images .* have no unit/],
    ['preprocess.orientation=stored', /needs canonical axes/],
    ['preprocess.crop=nonzero', /cannot be combined with data\.synthesize/],
    ['data.synthesize.means=[9, 3]', /must not exceed the second/],
  ])('is refused with %s', (override, message) => {
    expect(problem(override)).toThrow(
      expect.objectContaining({ code: 'E_RECIPE_VALUE', message: expect.stringMatching(message) }),
    );
  });
});
