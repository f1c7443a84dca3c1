/** Cases that are kept for the next start: what is found is what would be made, to the last bit, or it is made. */
import { describe, expect, it } from 'vitest';
import { joinBytes } from '../../../src/core/bytes.ts';
import { type PreparedData, prepareData } from '../../../src/experiment/prepare.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import type { ByteCache } from '../../../src/runtime/byte-cache.ts';
import { silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, decodeNifti, encodeNiftiImage, encodeNiftiLabels } from '../../../src/volume/nifti.ts';
import { createLaboratory, functionEngine, sha256, thresholdModel } from '../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../support/memory-files.ts';

/** A store in memory. */
function memoryCache(worthBytes = 0): ByteCache & { readonly entries: Map<string, Uint8Array>; hits: number } {
  const entries = new Map<string, Uint8Array>();
  const cache = {
    entries,
    hits: 0,
    worthBytes,
    read: async (name: string) => {
      const found = entries.get(name);
      if (found !== undefined) cache.hits++;
      return found;
    },
    write: async (name: string, parts: readonly Uint8Array[]) => {
      entries.set(name, joinBytes(parts));
    },
  };
  return cache;
}

const CASES = 5;
const GRID = {
  sizeVoxels: [9, 8, 10],
  spacingMm: [1, 1, 1],
  affine: [-1, 0, 0, 5, 0, 1, 0, 2, 0, 0, 1, 3, 0, 0, 0, 1],
} as const;
const HEADER = createNiftiHeader(GRID);
const IDS = Array.from({ length: CASES }, (_, index) => `case_${index}`);
const files = memoryFiles({
  'd/dataset.json': JSON.stringify({
    modality: { 0: 'MRI' },
    labels: { 0: 'background', 1: 'left', 2: 'right' },
    training: IDS.map(id => ({ image: `imagesTr/${id}.nii`, label: `labelsTr/${id}.nii` })),
  }),
});
IDS.forEach((id, number) => {
  const data = Float32Array.from({ length: 720 }, (_, i) => (i % 9 < 2 ? 0 : Math.sin(i * i + number)));
  // voxels of which JSON has no numbers
  if (number === 1) data.set([Number.NaN, Number.POSITIVE_INFINITY, -0], 300);
  const label = Uint8Array.from({ length: 720 }, (_, i) => (i % 9 < 4 ? 0 : (i + number) % 3));
  files.contents.set(`d/imagesTr/${id}.nii`, encodeNiftiImage({ ...GRID, data, channels: 1 }, HEADER));
  files.contents.set(`d/labelsTr/${id}.nii`, encodeNiftiLabels({ ...GRID, data: label }, HEADER));
});
const TRAIN = '{ steps: 1, batch: 1 }';
const RECIPE = `
data: { dataset: d, splits: { train: 0.4, val: 0.2, test: 0.4 } }
patch: { size: [8, 8, 8] }
teacher: { unet: { features: [2, 2] }, train: ${TRAIN} }
student: { unet: { features: [2, 2] }, train: ${TRAIN} }
`;

/** Everything that data are, as text: numbers to the last bit, arrays by their bytes. */
function textOf(data: PreparedData): string {
  return JSON.stringify(data, (_, value: unknown) => {
    if (ArrayBuffer.isView(value)) {
      const { buffer, byteOffset, byteLength } = value;
      return `${value.constructor.name} ${sha256(new Uint8Array(buffer, byteOffset, byteLength))}`;
    }
    if (value instanceof Map) return [...value];
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
}

interface Start {
  readonly cache?: ByteCache | undefined;
  readonly overrides?: readonly string[];
  readonly from?: MemoryFiles;
}

/** A start: its data, everything that it said, and how often it read each file. */
async function start({ cache, overrides = [], from = files }: Start) {
  const said: string[] = [];
  const reads = new Map<string, number>();
  const counting = {
    ...from,
    read: (path: string) => {
      reads.set(path, (reads.get(path) ?? 0) + 1);
      return from.read(path);
    },
  };
  const progress = { ...silent, warn: (text: string) => void said.push(text) };
  const laboratory = {
    ...createLaboratory(functionEngine(thresholdModel), counting, progress),
    ...(cache && { openCache: () => cache }),
  };
  const recipe = parseRecipe(RECIPE, { path: 'recipe.yaml', overrides });
  const data = textOf(await prepareData(laboratory, recipe));
  return { data, said, reads };
}

describe('a start from kept cases', () => {
  it.each([
    [[]],
    [['preprocess.normalize=ct']],
    [['preprocess={ normalize: percentile, spacingMm: [2, 2, 2], crop: nonzero }']],
    [['data.splits={ folds: 2, val: 0, fold: 1 }']],
    [['teacher={ onnx: m.onnx }']],
    [['data.splits={ labelled: 1 }', 'distill.unlabelled.batch=1']],
    [['data.annotated={ "*1": [left] }']],
  ])('is the same to the last bit as the one without, %s', async overrides => {
    const cache = memoryCache();
    const without = await start({ overrides });
    const first = await start({ overrides, cache });
    expect(cache.hits).toBe(0);
    const second = await start({ overrides, cache });
    expect(cache.hits).toBe(cache.entries.size);
    expect(cache.hits).toBeGreaterThan(CASES);
    for (const one of [first, second]) {
      expect(one.data).toBe(without.data);
      expect(one.said).toEqual(without.said);
      expect(without.said.some(text => text.startsWith('W_IMAGE_NOT_FINITE'))).toBe(true);
    }
  });

  it('reads every file once, with and without', async () => {
    const cache = memoryCache();
    for (const { reads } of [await start({}), await start({ cache }), await start({ cache })]) {
      const voxels = [...reads].filter(([path]) => path.endsWith('.nii'));
      expect(voxels).toHaveLength(2 * CASES);
      expect(voxels.map(([, count]) => count)).toEqual(voxels.map(() => 1));
    }
  });

  it('measures intensities of the data set and goes on from the same bytes', async () => {
    const cache = memoryCache();
    await start({ cache, overrides: ['preprocess.normalize=ct'] });
    const { reads } = await start({ cache, overrides: ['preprocess.normalize=ct'] });
    expect(Math.max(...[...reads].filter(([path]) => path.endsWith('.nii')).map(([, count]) => count))).toBe(1);
  });

  it.each([
    'preprocess.crop=nonzero',
    'preprocess.spacingMm=[2, 2, 2]',
    'preprocess.orientation=stored',
    'preprocess.normalize=z-score',
    'preprocess.normalize={ ct: { low: 0, high: 2, mean: 1, deviation: 1 } }',
    'preprocess.imageInterpolation=cubic',
    'preprocess.labelInterpolation=linear',
    'data.annotated={ "*": [left] }',
  ])('finds no case that was made with another %s', async change => {
    const cache = memoryCache();
    await start({ cache });
    const made = cache.entries.size;
    const { data } = await start({ cache, overrides: [change] });
    expect(cache.entries.size).toBeGreaterThan(made);
    expect(data).toBe((await start({ overrides: [change] })).data);
  });

  it('finds a case again if only the training changes', async () => {
    const cache = memoryCache();
    await start({ cache });
    const made = cache.entries.size;
    await start({
      cache,
      overrides: ['student.train.steps=3', 'seeds=[9]', 'augment.noise=0.2', 'patch.foreground=0'],
    });
    expect(cache.entries.size).toBe(made);
  });

  it('makes a case anew whose image or label has changed', async () => {
    const own = memoryFiles();
    for (const [path, bytes] of files.contents) own.contents.set(path, bytes);
    const cache = memoryCache();
    await start({ cache, from: own });
    for (const path of ['d/imagesTr/case_2.nii', 'd/labelsTr/case_3.nii']) {
      const made = cache.entries.size;
      const { volume, header } = decodeNifti(await own.read(path), { path });
      volume.data[volume.data.length >> 1] = 1;
      own.contents.set(path, encodeNiftiImage(volume, header));
      const changed = await start({ cache, from: own });
      expect(cache.entries.size).toBeGreaterThan(made);
      expect(changed.data).toBe((await start({ from: own })).data);
    }
  });

  it('makes a damaged entry again, with a word, wherever the damage is', async () => {
    const cache = memoryCache();
    const { data, said } = await start({ cache });
    const whole = new Map(cache.entries);
    const damages: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
      () => new Uint8Array(0),
      bytes => bytes.subarray(0, 70),
      bytes => bytes.subarray(0, bytes.length - 1),
      bytes => Uint8Array.of(...bytes, 0),
      ...[0, 63, 64, 71, 80, -1].map(place => (bytes: Uint8Array) => {
        const copy = bytes.slice();
        const at = place < 0 ? copy.length + place : place;
        copy[at]! ^= 1;
        return copy;
      }),
    ];
    for (const damage of damages) {
      for (const [key, bytes] of whole) cache.entries.set(key, damage(bytes));
      const again = await start({ cache });
      expect(again.data).toBe(data);
      const words = again.said.filter(text => text.includes('is damaged; it is made again'));
      expect(words).toHaveLength(whole.size);
      expect(again.said.filter(text => !words.includes(text))).toEqual(said);
      expect(cache.entries).toEqual(whole);
    }
  });

  it('believes no entry under the name of another', async () => {
    const cache = memoryCache();
    const { data } = await start({ cache });
    const [keys, values] = [[...cache.entries.keys()], [...cache.entries.values()]];
    for (const [index, key] of keys.entries()) cache.entries.set(key, values[(index + 1) % values.length]!);
    expect((await start({ cache })).data).toBe(data);
  });

  it('keeps nothing of small cases, nor where the recipe says so', async () => {
    const small = memoryCache(4e6);
    await start({ cache: small });
    expect(small.entries.size).toBe(0);
    const none = memoryCache();
    await start({ cache: none, overrides: ['data.cache.limitMB=0'] });
    expect(none.entries.size).toBe(0);
  });
});
