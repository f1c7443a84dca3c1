/** Prediction of several volumes in one call, with a model whose answer is known: foreground where the image is above 0.5. */
import { describe, expect, it } from 'vitest';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { type PredictionFailure, predictFiles } from '../../../src/experiment/predict.ts';
import { type Progress, silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Xyz } from '../../../src/volume/volume.ts';
import { createLaboratory, functionEngine, modelBytes, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const SIZE: Xyz = [6, 5, 4];
const GRID = {
  sizeVoxels: SIZE,
  spacingMm: [1, 1, 1] as Xyz,
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
};
const VOXELS = 120;

/** Of `value` everywhere. */
function image(value: number, grid: typeof GRID = GRID): Uint8Array {
  const data = new Float32Array(VOXELS).fill(value);
  return encodeNiftiImage({ ...grid, data, channels: 1 }, createNiftiHeader(grid));
}

const FACTS = {
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'blob' },
  ],
  normalize: 'none',
  activation: 'softmax',
} as const;

/** The model fails with the given error on an image of sevens. */
async function setUp({ channels = 1, onSeven }: { readonly channels?: number; readonly onSeven?: () => never } = {}) {
  const files = memoryFiles();
  files.contents.set('m.onnx', modelBytes({}));
  const warned: string[] = [];
  const progress: Progress = { ...silent, warn: message => warned.push(message) };
  const engine = functionEngine(input => {
    if (input.data[0] === 7) onSeven?.();
    return thresholdModel(input);
  });
  const laboratory = createLaboratory(engine, files, progress);
  const model = await readModelFile(files, 'm.onnx', { given: { ...FACTS, channels } });
  const failures: PredictionFailure[] = [];
  const choices = {
    models: [model],
    output: 'out',
    probabilities: false,
    window: { overlap: 0.5 },
    onFailure: (one: PredictionFailure) => failures.push(one),
  };
  return { files, laboratory, engine, warned, failures, choices };
}

describe('predictFiles on a folder', () => {
  it('goes on after a volume that fails, and says which it was', async () => {
    const bug = new Error('not one of ours');
    const { files, laboratory, engine, warned, failures, choices } = await setUp({
      onSeven: () => {
        throw bug;
      },
    });
    files.contents.set('in/a.nii.gz', image(1).subarray(0, 40));
    files.contents.set('in/b.nii.gz', image(1));
    files.contents.set('in/c.nii.gz', image(7));
    files.contents.set('in/d.nii.gz', image(2));
    const options = { ...choices, input: 'in' };
    const predictions = await predictFiles(laboratory, options);
    expect(predictions.map(({ output }) => output)).toEqual(['out/b.nii.gz', 'out/d.nii.gz']);
    expect(await files.list('out')).toEqual(['b.nii.gz', 'd.nii.gz']);
    expect(failures).toEqual([
      { inputs: ['in/a.nii.gz'], code: 'E_NIFTI_CORRUPT', message: expect.stringMatching(/in\/a\.nii\.gz/) },
      {
        inputs: ['in/c.nii.gz'],
        code: 'E_INTERNAL',
        message: expect.stringMatching(/^not one of ours\. This is a bug/),
      },
    ]);
    expect(warned.filter(line => line.includes('is left out'))).toEqual([
      expect.stringMatching(/^in\/a\.nii\.gz is left out: E_NIFTI_CORRUPT: /),
      expect.stringMatching(/^in\/c\.nii\.gz is left out: E_INTERNAL: /),
    ]);
    expect(engine.open()).toBe(0);
  });

  it('throws where nobody is told of failures, and where the input is one volume', async () => {
    const { files, laboratory, failures, choices } = await setUp();
    files.contents.set('in/a.nii.gz', image(1).subarray(0, 40));
    files.contents.set('in/b.nii.gz', image(1));
    const { onFailure: _, ...untold } = choices;
    for (const options of [
      { ...untold, input: 'in' },
      { ...choices, input: 'in/a.nii.gz' },
    ]) {
      await expect(predictFiles(laboratory, options)).rejects.toMatchObject({ code: 'E_NIFTI_CORRUPT' });
    }
    expect(failures).toEqual([]);
  });

  it('stops when told to, which is no failure of a volume', async () => {
    const reason = new Error('stopped');
    const stop = new AbortController();
    const { files, laboratory, failures, choices } = await setUp({
      onSeven: () => {
        stop.abort(reason);
        throw reason;
      },
    });
    files.contents.set('in/a.nii.gz', image(1));
    files.contents.set('in/b.nii.gz', image(7));
    const call = predictFiles(laboratory, { ...choices, input: 'in', signal: stop.signal });
    await expect(call).rejects.toBe(reason);
    expect(failures).toEqual([]);
    expect(await files.list('out')).toEqual(['a.nii.gz']);
  });
});
