/** `predict` and `evaluate` with a coarse model: what is written, recorded and warned of. */
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/core/tensor.ts';
import { openDataset } from '../../../src/data/dataset.ts';
import { evaluateModel } from '../../../src/experiment/evaluate.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { openCascade } from '../../../src/experiment/open-cascade.ts';
import { predictFiles } from '../../../src/experiment/predict.ts';
import type { Engine } from '../../../src/runtime/engine.ts';
import { type Progress, silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, decodeLabels, encodeNiftiImage, encodeNiftiLabels } from '../../../src/volume/nifti.ts';
import { BLOB_FACTS, createLaboratory, modelBytes, sha256, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const SIZE = [12, 10, 8] as const;
const GRID = {
  sizeVoxels: SIZE,
  spacingMm: [1, 1, 1],
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
} as const;
const HEADER = createNiftiHeader(GRID);
const at = (x: number, y: number, z: number): number => (z * 10 + y) * 12 + x;
/** An organ of 9, a lesion of 1 beside it, and another one far away. */
const ORGAN = [at(5, 5, 4), at(6, 5, 4)];
const LESIONS = { near: at(7, 5, 4), far: at(0, 0, 0) };

function image(organ: number): Uint8Array {
  const data = new Float32Array(960);
  for (const voxel of ORGAN) data[voxel] = organ;
  for (const voxel of Object.values(LESIONS)) data[voxel] = 1;
  return encodeNiftiImage({ ...GRID, data, channels: 1 }, HEADER);
}

/** An engine in which a model whose file says so finds what is above 5, and all others what is above 0.5. */
function engineOf(): Engine & { open: number } {
  const engine = {
    name: 'function',
    device: 'cpu' as const,
    block: 0,
    open: 0,
    load: async (bytes: Uint8Array) => {
      const isCoarse = Buffer.from(bytes).includes('the coarse one');
      engine.open++;
      return {
        inputNames: ['image'],
        outputNames: ['logits'],
        run: async (feeds: Readonly<Record<string, Tensor>>) => {
          const input = feeds['image'] as Tensor<'float32'>;
          const data = isCoarse ? input.data.map(value => value / 10) : input.data;
          return { logits: thresholdModel({ ...input, data }) };
        },
        dispose: async () => {
          engine.open--;
        },
      };
    },
  };
  return engine;
}

async function setUp() {
  const files = memoryFiles({
    'd/dataset.json': JSON.stringify({
      channel_names: { 0: 'MRI' },
      labels: { background: 0, blob: 1 },
      file_ending: '.nii',
    }),
  });
  files.contents.set('fine.onnx', modelBytes({}));
  files.contents.set('coarse.onnx', modelBytes({ note: 'the coarse one' }));
  files.contents.set('in/a.nii.gz', image(9));
  files.contents.set('in/b.nii.gz', image(2));
  files.contents.set('d/imagesTr/a_0000.nii', image(9));
  const label = new Uint8Array(960);
  for (const voxel of [...ORGAN, ...Object.values(LESIONS)]) label[voxel] = 1;
  files.contents.set('d/labelsTr/a.nii', encodeNiftiLabels({ ...GRID, data: label }, HEADER));
  const warned: string[] = [];
  const progress: Progress = { ...silent, warn: message => void warned.push(message) };
  const engine = engineOf();
  const laboratory = createLaboratory(engine, files, progress);
  const read = (path: string, channels = 1) => readModelFile(files, path, { given: { ...BLOB_FACTS, channels } });
  return { files, laboratory, engine, warned, read };
}

describe('predict with a coarse model', () => {
  it('finds what lies in the region alone, and names the region and an empty one', async () => {
    const { files, laboratory, engine, warned, read } = await setUp();
    const predictions = await predictFiles(laboratory, {
      models: [await read('fine.onnx')],
      coarse: { models: [await read('coarse.onnx')], marginMm: 2 },
      input: 'in',
      output: 'out',
      probabilities: true,
      window: {},
    });
    const found = (name: string): readonly number[] =>
      [...decodeLabels(files.contents.get(`out/${name}`)!, { path: name }).data].flatMap((value, i) =>
        value > 0 ? [i] : [],
      );
    expect(found('a.nii.gz')).toEqual([...ORGAN, LESIONS.near]);
    expect(found('b.nii.gz')).toEqual([]);
    expect(predictions.map(({ region }) => region)).toEqual([{ start: [3, 3, 2], size: [6, 5, 5] }, null]);
    // the images of this test look like label maps
    const codes = predictions.map(({ warnings }) =>
      [...new Set(warnings.map(({ code }) => code))].filter(code => code !== 'W_IMAGE_LABELS'),
    );
    expect(codes).toEqual([[], ['W_CASCADE_EMPTY']]);
    expect(warned.filter(text => text.startsWith('W_CASCADE_EMPTY: b'))).toHaveLength(1);
    expect(engine.open).toBe(0);
  });

  it('holds the image against the training of the coarse model, and the region against that of the fine one', async () => {
    const { laboratory, read } = await setUp();
    const training = (size: number) => {
      const spread = { min: size, median: size, max: size };
      const mm = [spread, spread, spread] as const;
      return { cases: 9, sizeVoxels: mm, extentMm: mm, imageMl: { min: 1, median: 1, max: 1 } };
    };
    const [fine, coarse] = [await read('fine.onnx'), await read('coarse.onnx')];
    const of = async (ofFine: number, ofCoarse: number) => {
      const [prediction] = await predictFiles(laboratory, {
        models: [{ ...fine, metadata: { ...fine.metadata, training: training(ofFine) } }],
        coarse: {
          models: [{ ...coarse, metadata: { ...coarse.metadata, training: training(ofCoarse) } }],
          marginMm: 2,
        },
        input: 'in/a.nii.gz',
        output: 'one.nii.gz',
        probabilities: false,
        window: {},
      });
      return prediction!.warnings.filter(({ code }) => code === 'W_IMAGE_EXTENT').map(({ message }) => message);
    };
    expect(await of(5, 10)).toEqual([]);
    expect(await of(200, 10)).toEqual([
      expect.stringMatching(/^a, the region of the coarse model: the image is .* smaller/),
    ]);
    expect(await of(5, 200)).toEqual([expect.stringMatching(/^a: the image is .* smaller/)]);
  });

  it('refuses stages of other channels before anything is opened', async () => {
    const { engine, read } = await setUp();
    const opening = openCascade(engine, [await read('fine.onnx')], {
      models: [{ ...(await read('coarse.onnx')), info: { ...(await read('coarse.onnx')).info, channels: 2 } }],
      marginMm: 2,
    });
    await expect(opening).rejects.toMatchObject({ code: 'E_CASCADE' });
    expect(engine.open).toBe(0);
  });
});

describe('evaluate with a coarse model', () => {
  it('scores the whole volume, with the costs of both stages', async () => {
    const { files, laboratory, read } = await setUp();
    const [fine, coarse] = [await read('fine.onnx'), await read('coarse.onnx')];
    const options = {
      models: [fine],
      dataset: await openDataset(files, 'd'),
      ids: ['a'],
      split: 'all',
      window: {},
      surfaceToleranceMm: 1,
    };
    const alone = await evaluateModel(laboratory, options);
    const both = await evaluateModel(laboratory, { ...options, coarse: { models: [coarse], marginMm: 2 } });
    expect(alone.cases[0]?.classes['blob']?.dice).toBe(1);
    // three of four voxels
    expect(both.cases[0]?.classes['blob']?.dice).toBeCloseTo(6 / 7, 12);
    expect(both.model).toMatchObject({
      path: 'fine.onnx within 2 mm of what coarse.onnx finds',
      sha256: `${sha256(fine.bytes)}, ${sha256(coarse.bytes)}`,
      bytes: fine.bytes.length + coarse.bytes.length,
    });
    // every voxel of the volume counts, those around the region too
    const counted = (evaluation: typeof both) =>
      evaluation.calibration['blob']?.reduce((sum, { voxels }) => sum + voxels, 0);
    expect(counted(both)).toBe(960);
    expect(counted(alone)).toBe(960);
  });
});
