/**
 * Prediction of several volumes in one call, with a model whose answer is known: foreground where the image is above
 * 0.5.
 */
import { describe, expect, it } from 'vitest';
import { predictionOutcome } from '../../../src/cli/commands/predict.ts';
import type { PredictionFailure } from '../../../src/experiment/failure.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { predictFiles } from '../../../src/experiment/predict.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { type Progress, silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, decodeLabels, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Xyz } from '../../../src/volume/volume.ts';
import { otherSlice, sliceFile } from '../../support/dicom-files.ts';
import { BLOB_FACTS, createLaboratory, functionEngine, modelBytes, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { pairOf } from '../../support/nifti-pair.ts';

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
  const model = await readModelFile(files, 'm.onnx', { given: { ...BLOB_FACTS, channels } });
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

  it('throws where nobody hears of failures, and where the input is one volume', async () => {
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

  it('stops when asked to, which is no failure of a volume', async () => {
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

describe('predictFiles on a folder of everything', () => {
  it('takes images, pairs and DICOM series, and names what it does not take', async () => {
    const { files, laboratory, failures, warned, choices } = await setUp();
    const sources = { ...laboratory, images: createNodeSources().images };
    const { hdr, img } = pairOf(image(1));
    files.contents.set('in/a.nii.gz', image(1));
    files.contents.set('in/b.hdr', hdr);
    files.contents.set('in/b.img', img);
    files.contents.set('in/notes.txt', new Uint8Array(3));
    files.contents.set('in/single.dcm', sliceFile(0));
    for (const k of [0, 1]) files.contents.set(`in/p/study/ct/${k}`, sliceFile(k));
    for (const k of [0, 1]) files.contents.set(`in/p/study/mr/${k}`, otherSlice(k));
    files.contents.set('out/old.nii.gz', image(1));
    const passedOver: unknown[] = [];
    const options = { ...choices, input: 'in', onPassedOver: (one: unknown) => passedOver.push(one) };
    const predictions = await predictFiles(sources, options);
    expect(predictions.map(({ inputs, output }) => [inputs.join(), output])).toEqual([
      ['in/a.nii.gz', 'out/a.nii.gz'],
      ['in/b.hdr', 'out/b.nii.gz'],
      ['in/single.dcm', 'out/single.nii.gz'],
      ['in/p/study/ct', 'out/p_study_ct.nii.gz'],
      ['in/p/study/mr', 'out/p_study_mr.nii.gz'],
    ]);
    expect(failures).toEqual([]);
    expect(passedOver).toEqual([{ path: 'in/notes.txt', reason: 'no volume' }]);
    // once, not again with the series beside it
    expect(warned.filter(line => line.includes('notes.txt'))).toHaveLength(1);
    expect(warned[0]).toBe('W_PASSED_OVER: in/notes.txt is not segmented: no volume.');
  });
});

describe('predictFiles on several inputs', () => {
  it('takes files and folders, a file twice only once, and goes on after what is no volume', async () => {
    const { files, laboratory, warned, failures, choices } = await setUp();
    for (const path of ['in/a.nii.gz', 'in/b.nii.gz', 'more/c.nii']) files.contents.set(path, image(1));
    files.contents.set('in/notes.txt', new Uint8Array(3));
    const input = ['in/a.nii.gz', 'in/notes.txt', 'in/', 'more/c.nii', 'gone.nii.gz'];
    const predictions = await predictFiles(laboratory, { ...choices, input });
    expect(predictions.map(({ inputs, output }) => [inputs, output])).toEqual([
      [['in/a.nii.gz'], 'out/a.nii.gz'],
      [['in/b.nii.gz'], 'out/b.nii.gz'],
      [['more/c.nii'], 'out/c.nii.gz'],
    ]);
    expect(failures).toMatchObject([
      { inputs: ['in/notes.txt'], code: 'E_NO_INPUT' },
      { inputs: ['gone.nii.gz'], code: 'E_FILE_MISSING' },
    ]);
    expect(warned.filter(line => line.includes('is left out'))).toHaveLength(2);
  });

  it('refuses inputs whose results would replace each other before any work, and names them', async () => {
    const { files, laboratory, failures, choices } = await setUp();
    for (const path of ['x/a.nii.gz', 'y/a.nii.gz', 'y/b.nii.gz', 'z/B.mha']) files.contents.set(path, image(1));
    const call = predictFiles(laboratory, { ...choices, input: ['x', 'y', 'z/B.mha'] });
    // to many file systems b and B are one name
    const message = expect.stringMatching(
      /x\/a\.nii\.gz and y\/a\.nii\.gz \(out\/a\.nii\.gz\); y\/b\.nii\.gz and z\/B\.mha \(out\/B\.nii\.gz\)\. Rename/,
    );
    await expect(call).rejects.toMatchObject({ code: 'E_OUTPUT_NAME', exitCode: 2, message });
    expect(failures).toEqual([]);
    expect(await files.list('out')).toEqual([]);
  });

  it('refuses probabilities that would have the name of other results, or of an input', async () => {
    const { files, laboratory, choices } = await setUp();
    files.contents.set('in/a.nii', image(1));
    files.contents.set('in/a_probabilities.nii.gz', image(1));
    const clash = predictFiles(laboratory, { ...choices, input: 'in', probabilities: true });
    await expect(clash).rejects.toMatchObject({
      code: 'E_OUTPUT_NAME',
      message: expect.stringContaining('in/a.nii and in/a_probabilities.nii.gz (out/a_probabilities.nii.gz)'),
    });
    const options = { ...choices, input: ['in/a.nii', 'in/a_probabilities.nii.gz'], output: 'in' };
    await expect(predictFiles(laboratory, options)).rejects.toMatchObject({ code: 'E_OUTPUT_NAME' });
    const beside = { ...choices, input: 'in/a.nii', output: 'in/a.mha', probabilities: true };
    files.contents.set('in/a_probabilities.nii.gz', image(0));
    // written before by the same call, and no input of this one
    await expect(predictFiles(laboratory, beside)).resolves.toHaveLength(1);
  });

  it('needs a folder for the results', async () => {
    const { files, laboratory, choices } = await setUp();
    files.contents.set('a.nii.gz', image(1));
    const options = { ...choices, input: ['a.nii.gz', 'b.nii.gz'], output: 'out.nii.gz' };
    await expect(predictFiles(laboratory, options)).rejects.toMatchObject({ code: 'E_OUTPUT_NAME', exitCode: 2 });
  });
});

describe('predictFiles on a series in time', () => {
  /** Foreground, nothing, foreground. */
  const series = (): Uint8Array => {
    const data = Float32Array.from({ length: 3 * VOXELS }, (_, index) => (Math.floor(index / VOXELS) === 1 ? 0 : 1));
    return encodeNiftiImage({ ...GRID, data, channels: 3 }, createNiftiHeader(GRID));
  };

  it('segments the frame that is asked for, and says which', async () => {
    const { files, laboratory, choices } = await setUp();
    files.contents.set('bold.nii.gz', series());
    for (const [frame, ml] of [
      [1, 0.12],
      [2, 0],
      [3, 0.12],
    ] as const) {
      const predictions = await predictFiles(laboratory, { ...choices, input: 'bold.nii.gz', frame });
      expect(predictions).toMatchObject([{ output: 'out/bold.nii.gz', frame, frames: 3, volumesMl: { blob: ml } }]);
      expect(predictionOutcome(predictions, []).text).toMatch(
        new RegExp(`^out/bold\\.nii\\.gz: frame ${frame} of 3, blob `),
      );
      const labels = decodeLabels(files.contents.get('out/bold.nii.gz')!, { path: 'out' });
      expect(labels.sizeVoxels).toEqual(SIZE);
    }
  });

  it.each([
    [4, 'E_FRAME', /^bold\.nii\.gz has the frames 1 to 3, and frame 4 is not among them/],
    [
      undefined,
      'E_CHANNELS',
      /has 3: channels, or frames of a series in time\. Choose one of them \(predict --frame N\)/,
    ],
  ])('with frame %s is %s', async (frame, code, message) => {
    const { files, laboratory, choices } = await setUp();
    files.contents.set('bold.nii.gz', series());
    const work = predictFiles(laboratory, { ...choices, input: 'bold.nii.gz', frame });
    await expect(work).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe('predictFiles on paths joined by commas', () => {
  it('takes them as the channels of one volume, in the order given', async () => {
    const { files, laboratory, choices } = await setUp({ channels: 2 });
    files.contents.set('t1.nii.gz', image(1));
    files.contents.set('flair.nii.gz', image(0));
    // the model finds foreground where its first channel is above 0.5
    for (const [input, output, ml] of [
      ['t1.nii.gz,flair.nii.gz', 'out/t1.nii.gz', 0.12],
      ['flair.nii.gz,t1.nii.gz', 'out/flair.nii.gz', 0],
    ] as const) {
      const predictions = await predictFiles(laboratory, { ...choices, input });
      expect(predictions).toMatchObject([{ inputs: input.split(','), output, volumesMl: { blob: ml } }]);
    }
  });

  it("calls the result after what nnU-Net's names share, as it does for files of one folder", async () => {
    const { files, laboratory, failures, choices } = await setUp({ channels: 2 });
    for (const path of ['p_0000', 'p_0001', 'q_0000', 'q_0001', 't1', 't2']) {
      files.contents.set(`${path}.nii`, image(1));
    }
    const input = ['p_0000.nii,p_0001.nii', 'q_0000.nii', 't1.nii,t2.nii', 'q_0001.nii', 'q_0000.nii'];
    const predictions = await predictFiles(laboratory, { ...choices, input });
    expect(predictions.map(({ inputs, output }) => [inputs.join(' '), output])).toEqual([
      ['p_0000.nii p_0001.nii', 'out/p.nii.gz'],
      ['q_0000.nii q_0001.nii', 'out/q.nii.gz'],
      ['t1.nii t2.nii', 'out/t1.nii.gz'],
    ]);
    expect(failures).toEqual([]);
  });

  it('takes a file whose own name has a comma as this file', async () => {
    const { files, laboratory, choices } = await setUp();
    files.contents.set('pat,1/scan, late.nii.gz', image(1));
    const predictions = await predictFiles(laboratory, { ...choices, input: 'pat,1/scan, late.nii.gz' });
    expect(predictions).toMatchObject([{ inputs: ['pat,1/scan, late.nii.gz'], output: 'out/scan, late.nii.gz' }]);
  });

  it.each([
    ['a.nii.gz,moved.nii.gz', 'E_GEOMETRY_MISMATCH', 2],
    ['a.nii.gz,turned.nii.gz', 'E_SHAPE_MISMATCH', 2],
    ['a.nii.gz,gone.nii.gz', 'E_FILE_MISSING', 2],
    ['a.nii.gz,', 'E_NO_INPUT', 2],
    ['a.nii.gz,a.nii.gz', 'E_CHANNELS', 1],
  ])('refuses %s with %s', async (input, code, channels) => {
    const { files, laboratory, choices } = await setUp({ channels });
    const affine = GRID.affine.map((value, index) => (index === 3 ? 5 : value));
    files.contents.set('a.nii.gz', image(1));
    files.contents.set('moved.nii.gz', image(1, { ...GRID, affine }));
    files.contents.set('turned.nii.gz', image(1, { ...GRID, sizeVoxels: [6, 4, 5] }));
    await expect(predictFiles(laboratory, { ...choices, input })).rejects.toMatchObject({ code });
    expect(await files.list('out')).toEqual([]);
  });
});
