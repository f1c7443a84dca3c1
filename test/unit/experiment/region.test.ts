/** What training and validation see of cases in which a coarse model finds a region. */
import { describe, expect, it } from 'vitest';
import { joinBytes } from '../../../src/core/bytes.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { imageHash } from '../../../src/data/image-hash.ts';
import { armFolder } from '../../../src/experiment/arm-folder.ts';
import { readCoarseStage } from '../../../src/experiment/coarse-stage.ts';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import { prepareData } from '../../../src/experiment/prepare.ts';
import { validator } from '../../../src/experiment/validation.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../../src/volume/nifti.ts';
import {
  BLOB_FACTS,
  createLaboratory,
  functionEngine,
  modelBytes,
  sha256,
  thresholdModel,
} from '../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../support/memory-files.ts';

const SIZE = [12, 10, 8] as const;
const GRID = {
  sizeVoxels: SIZE,
  spacingMm: [1, 1, 2],
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1],
} as const;
const HEADER = createNiftiHeader(GRID);
const at = (x: number, y: number, z: number): number => (z * SIZE[1] + y) * SIZE[0] + x;
const ORGAN = [at(5, 5, 4), at(6, 5, 4), at(7, 5, 4)];
const CORNER = at(0, 0, 0);

/** Bright voxels, which the model finds, and labelled ones. */
const CASES: Readonly<Record<string, { readonly bright: readonly number[]; readonly labelled: readonly number[] }>> = {
  plain: { bright: ORGAN, labelled: ORGAN },
  wide: { bright: ORGAN, labelled: [...ORGAN, CORNER] },
  dark: { bright: [], labelled: ORGAN },
  empty: { bright: [], labelled: [] },
  missed: { bright: ORGAN, labelled: [...ORGAN, CORNER] },
  nothing: { bright: [], labelled: ORGAN },
  tested: { bright: [], labelled: ORGAN },
};

const SPLITS = { train: ['plain', 'wide', 'dark', 'empty'], val: ['missed', 'nothing'], test: ['tested'] };

function imageOf(id: string): Float32Array {
  const data = new Float32Array(960).fill(0.1);
  for (const voxel of CASES[id]?.bright ?? []) data[voxel] = 3;
  return data;
}

function dataset(train: readonly string[] = SPLITS.train): MemoryFiles {
  const files = memoryFiles({
    'd/dataset.json': JSON.stringify({
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: 'blob' },
      training: Object.keys(CASES).map(id => ({ image: `imagesTr/${id}.nii`, label: `labelsTr/${id}.nii` })),
    }),
    'splits.json': JSON.stringify({ ...SPLITS, train }),
  });
  for (const [id, { labelled }] of Object.entries(CASES)) {
    const label = new Uint8Array(960);
    for (const voxel of labelled) label[voxel] = 1;
    files.contents.set(`d/imagesTr/${id}.nii`, encodeNiftiImage({ ...GRID, data: imageOf(id), channels: 1 }, HEADER));
    files.contents.set(`d/labelsTr/${id}.nii`, encodeNiftiLabels({ ...GRID, data: label }, HEADER));
  }
  const facts = { ...BLOB_FACTS, channels: 1, patch: [4, 4, 4] } as const;
  files.contents.set('coarse.onnx', modelBytes(formatModelMetadata(facts)));
  return files;
}

const TRAIN = '{ steps: 1, batch: 1 }';
const recipeOf = (...overrides: readonly string[]) =>
  parseRecipe(
    `
data: { dataset: d, splits: { file: splits.json } }
cascade: { coarse: coarse.onnx, marginMm: 2 }
preprocess: { spacingMm: [1, 1, 1], normalize: none }
patch: { size: [4, 4, 4] }
teacher: { unet: { features: [2, 2] }, train: ${TRAIN} }
student: { unet: { features: [2, 2] }, train: ${TRAIN} }
`,
    { path: 'recipe.yaml', overrides },
  );

async function prepared(files = dataset(), ...overrides: readonly string[]) {
  const warned: string[] = [];
  const engine = functionEngine(thresholdModel);
  const progress = { ...silent, warn: (text: string) => void warned.push(text) };
  const data = await prepareData(createLaboratory(engine, files, progress), recipeOf(...overrides));
  return { data, engine, warned: warned.filter(text => text.startsWith('W_CASCADE')) };
}

describe('prepareData with a coarse model', () => {
  it('cuts cases to what it finds, widens training cases to their labels, and leaves out what has neither', async () => {
    const { data, engine, warned } = await prepared();
    const sizes = new Map([...data.train, ...data.val].map(({ id, sizeVoxels }) => [id, sizeVoxels]));
    // 3 voxels and 2 on each side; y 1 and 4; z 1 and 2 of 2 mm, at 1 mm
    expect(sizes.get('plain')).toEqual([7, 5, 6]);
    expect(sizes.get('wide')).toEqual([10, 8, 12]);
    expect(sizes.get('dark')).toEqual([7, 5, 6]);
    expect(data.train.map(({ id }) => id)).toEqual(['dark', 'plain', 'wide']);
    const plain = data.train[1]!;
    expect(plain.image[(2 * 5 + 2) * 7 + 2]).toBeGreaterThan(2);
    expect(plain).not.toHaveProperty('missedVoxels');
    expect(data.training.cases).toBe(3);
    expect(engine.open()).toBe(0);
    expect(warned.map(text => /^(\w+): case "(\w+)"/.exec(text)?.slice(1))).toEqual([
      ['W_CASCADE_EMPTY', 'dark'],
      ['W_CASCADE_EMPTY', 'empty'],
      ['W_CASCADE_LABELS', 'wide'],
      ['W_CASCADE_LABELS', 'missed'],
      ['W_CASCADE_LABELS', 'nothing'],
    ]);
    expect(warned[2]).toContain('25 % of what is labelled');
    expect(warned[4]).toContain('finds nothing in it');
  });

  it('knows a case again by all of its image', async () => {
    const { data } = await prepared();
    for (const id of ['plain', 'empty', 'missed', 'nothing', 'tested']) {
      const volume = { ...GRID, data: imageOf(id), channels: 1 };
      expect(data.images.get(id)).toBe(imageHash(volume, sha256));
    }
  });

  it('never looks at the labels of a validation case to find its region, and counts what is missed', async () => {
    const { data } = await prepared();
    const [missed, nothing] = data.val as [(typeof data.val)[0], (typeof data.val)[0]];
    expect(missed.sizeVoxels).toEqual([7, 5, 6]);
    // one voxel of 2 mm^3
    expect(missed.missedVoxels).toEqual({ 1: 2 });
    expect([nothing.image.length, nothing.missedVoxels]).toEqual([0, { 1: 3 }]);
    const laboratory = createLaboratory(functionEngine(thresholdModel));
    const session = await laboratory.engine.load(new Uint8Array());
    const options = { laboratory, recipe: recipeOf('evaluate.overlap=0'), data, arm: 'teacher', seed: 1 } as const;
    const score = validator(
      { ...options, folder: armFolder('a'), label: 'a' },
      {
        // the label itself
        session: {
          ...session,
          run: async ({ image }) => ({
            logits: thresholdModel(tensor('float32', image!.data as Float32Array, image!.shape)),
          }),
        },
        output: [4, 4, 4],
      },
    );
    const inside = [...missed.label].filter(value => value === 1).length;
    const found = missed.image.reduce((sum, value) => sum + Number(value > 0.5), 0);
    const both = missed.image.reduce((sum, value, i) => sum + Number(value > 0.5 && missed.label[i] === 1), 0);
    expect(inside).toBe(6);
    expect(await score(new Float32Array(1))).toBeCloseTo((2 * both) / (found + inside + 2) / 2, 12);
  });

  it('depends on the coarse model and its margin, and takes regions from the cache', async () => {
    const files = dataset();
    const entries = new Map<string, Uint8Array>();
    let windows = 0;
    const engine = functionEngine(input => {
      windows++;
      return thresholdModel(input);
    });
    const cache = {
      worthBytes: 0,
      read: async (name: string) => entries.get(name),
      write: async (name: string, parts: readonly Uint8Array[]) => void entries.set(name, joinBytes(parts)),
    };
    const start = async (...overrides: readonly string[]) => {
      windows = 0;
      const laboratory = { ...createLaboratory(engine, files), openCache: () => cache };
      return prepareData(laboratory, recipeOf(...overrides));
    };
    const first = await start();
    expect(windows).toBeGreaterThan(0);
    const again = await start();
    expect(windows).toBe(0);
    expect(again.train).toEqual(first.train);
    const wider = await start('cascade.marginMm=4');
    expect(windows).toBeGreaterThan(0);
    expect(wider.train[1]?.sizeVoxels).toEqual([11, 9, 10]);
    await start('evaluate.overlap=0.25');
    expect(windows).toBeGreaterThan(0);
    expect(first.settingHashes['coarse.onnx']).toBe(sha256(first.coarse!.models[0]!.bytes));
  });

  it('refuses a coarse model that leaves nothing to train on, or is not there', async () => {
    await expect(prepared(dataset(['empty']))).rejects.toMatchObject({ code: 'E_CASCADE' });
    await expect(prepared(dataset(), 'cascade.coarse=runs/none')).rejects.toMatchObject({
      code: 'E_CASCADE',
      message: expect.stringContaining('runs/none'),
    });
  });

  it('takes the model of a folder: of an arm, of a run, of the same fold', async () => {
    const bytes = dataset().contents.get('coarse.onnx')!;
    const pathIn = async (splits: string, ...paths: readonly string[]) => {
      const files = memoryFiles();
      for (const path of paths) files.contents.set(path, bytes);
      const stage = await readCoarseStage(files, recipeOf('cascade.coarse=run', `data.splits=${splits}`), undefined);
      return stage?.models[0]?.path;
    };
    const [plain, fold] = ['{ seed: 1 }', '{ folds: 3, fold: 2 }'];
    expect(await pathIn(plain, 'run/teacher/model.onnx')).toBe('run/teacher/model.onnx');
    expect(await pathIn(plain, 'run/teacher/model.onnx', 'run/student/model.onnx')).toBe('run/student/model.onnx');
    expect(await pathIn(plain, 'run/model.onnx')).toBe('run/model.onnx');
    const both = ['run/student/model.onnx', 'run/fold-2/student/model.onnx'] as const;
    expect(await pathIn(fold, ...both)).toBe('run/fold-2/student/model.onnx');
    expect(await pathIn(plain, ...both)).toBe('run/student/model.onnx');
    expect(await pathIn(fold, 'run/student/model.onnx')).toBe('run/student/model.onnx');
  });
});
