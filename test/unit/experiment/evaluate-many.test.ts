/** Evaluation of a data set with cases that fail; the model finds foreground where the image is above 0.5. */
import { describe, expect, it } from 'vitest';
import { evaluationOutcome } from '../../../src/cli/commands/evaluate.ts';
import { openDataset, openDatasetBesideFailures } from '../../../src/data/dataset.ts';
import { imageHash } from '../../../src/data/image-hash.ts';
import { evaluateModel } from '../../../src/experiment/evaluate.ts';
import type { CaseFailure } from '../../../src/experiment/failure.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { type Progress, silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../../src/volume/nifti.ts';
import type { Xyz } from '../../../src/volume/volume.ts';
import { createLaboratory, functionEngine, modelBytes, sha256, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const SIZE: Xyz = [6, 5, 4];
const SPACING: Xyz = [1, 1, 1];
const GRID = { sizeVoxels: SIZE, spacingMm: SPACING, affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
const HEADER = createNiftiHeader(GRID);
const VOXELS = 120;
const IDS = ['a', 'b', 'c', 'd'];

/** Images with ones in the first 40 voxels and labels that have 40, 40, 20 and 40 of them. */
async function setUp() {
  const files = memoryFiles({
    'data/dataset.json': JSON.stringify({
      name: 'Blobs',
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: 'blob' },
      training: IDS.map(id => ({ image: `imagesTr/${id}.nii.gz`, label: `labelsTr/${id}.nii.gz` })),
    }),
  });
  for (const id of IDS) {
    const image = Float32Array.from({ length: VOXELS }, (_, index) => (index < 40 ? 1 : 0));
    const label = Uint8Array.from({ length: VOXELS }, (_, index) => (index < (id === 'c' ? 20 : 40) ? 1 : 0));
    files.contents.set(`data/imagesTr/${id}.nii.gz`, encodeNiftiImage({ ...GRID, data: image, channels: 1 }, HEADER));
    files.contents.set(`data/labelsTr/${id}.nii.gz`, encodeNiftiLabels({ ...GRID, data: label }, HEADER));
  }
  files.contents.set('m.onnx', modelBytes({}));
  const warned: string[] = [];
  const progress: Progress = { ...silent, warn: message => warned.push(message) };
  const engine = functionEngine(thresholdModel);
  const labels = [
    { value: 0, name: 'background' },
    { value: 1, name: 'blob' },
  ];
  const given = { labels, normalize: 'none', activation: 'softmax' } as const;
  const failures: CaseFailure[] = [];
  const options = {
    models: [await readModelFile(files, 'm.onnx', { given })],
    dataset: await openDataset(files, 'data'),
    ids: IDS,
    split: 'all',
    window: { overlap: 0.5 },
    surfaceToleranceMm: 1,
    onFailure: (one: CaseFailure) => failures.push(one),
  };
  const cut = (path: string): void => {
    files.contents.set(path, files.contents.get(path)!.subarray(0, 40));
  };
  return { laboratory: createLaboratory(engine, files, progress), engine, cut, warned, failures, options };
}

describe('evaluateModel', () => {
  it('says which of the cases the model has seen, in its text and its record', async () => {
    const { laboratory, warned, options } = await setUp();
    const [model] = options.models;
    // the images of all cases are equal
    const voxels = Float32Array.from({ length: VOXELS }, (_, index) => (index < 40 ? 1 : 0));
    const images = { training: [imageHash({ data: voxels }, sha256)], validation: [], teacher: [] };
    const metadata = { ...model!.metadata, training: { cases: 1, images } };
    const evaluation = await evaluateModel(laboratory, { ...options, models: [{ ...model!, metadata }] });
    expect(evaluation.warnings).toMatchObject([{ code: 'W_CASES_SEEN', training: IDS }]);
    expect(warned.at(-1)).toMatch(
      /^W_CASES_SEEN: m\.onnx .*: 4 of the 4 cases were training cases of it \(a, b, c, d\)/,
    );
    expect(evaluationOutcome(evaluation, []).text).toMatch(/\nW_CASES_SEEN: m\.onnx has seen what it is scored on/);
    expect((await evaluateModel(laboratory, options)).warnings).toEqual([]);
  });

  it('goes on after cases that cannot be read, which are in no score, and says which they were', async () => {
    const { laboratory, engine, cut, warned, failures, options } = await setUp();
    cut('data/imagesTr/a.nii.gz');
    cut('data/labelsTr/d.nii.gz');
    const evaluation = await evaluateModel(laboratory, options);
    expect(evaluation.cases.map(({ id }) => id)).toEqual(['b', 'c']);
    // Dice 1, and 2 * 20 / 60
    expect(evaluation.summary.meanDice).toMatchObject({ mean: expect.closeTo(5 / 6, 12), n: 2 });
    expect(evaluation.model.secondsPerCase).toBe(0.5);
    expect(failures).toEqual([
      { id: 'a', code: 'E_NIFTI_CORRUPT', message: expect.stringMatching(/imagesTr\/a\.nii\.gz/) },
      { id: 'd', code: 'E_NIFTI_CORRUPT', message: expect.stringMatching(/labelsTr\/d\.nii\.gz/) },
    ]);
    expect(warned.filter(line => line.includes('left out'))).toEqual([
      expect.stringMatching(/^case "a" is left out: E_NIFTI_CORRUPT: /),
      expect.stringMatching(/^case "d" is left out: E_NIFTI_CORRUPT: /),
    ]);
    expect(engine.open()).toBe(0);
    const { json, text, exitCode } = evaluationOutcome(evaluation, failures);
    expect(exitCode).toBe(1);
    expect(json).toEqual({ ...evaluation, failed: failures });
    expect(text.split('\n').slice(-3)).toEqual([
      '2 of 4 cases failed and are in no score:',
      expect.stringMatching(/^ {2}a: E_NIFTI_CORRUPT: /),
      expect.stringMatching(/^ {2}d: E_NIFTI_CORRUPT: /),
    ]);
    expect(evaluationOutcome(evaluation, [])).toMatchObject({ exitCode: 0, json: { failed: [] } });
  });

  it('names cases whose files are missing, and scores the others', async () => {
    const { laboratory, warned, failures, options } = await setUp();
    const { files } = laboratory;
    files.contents.delete('data/imagesTr/a.nii.gz');
    files.contents.delete('data/labelsTr/d.nii.gz');
    await expect(openDataset(files, 'data')).rejects.toMatchObject({ code: 'E_CASE_MISSING' });
    const { dataset, failures: failed } = await openDatasetBesideFailures(files, 'data');
    expect(dataset.cases.map(({ id }) => id)).toEqual(['b', 'c']);
    const evaluation = await evaluateModel(laboratory, { ...options, dataset, failed, ids: ['a', 'b', 'c'] });
    // Dice 1, and 2 * 20 / 60; d is not asked for
    expect(evaluation.summary.meanDice).toMatchObject({ mean: expect.closeTo(5 / 6, 12), n: 2 });
    const message = 'the file data/imagesTr/a.nii.gz is missing. Add it, or remove the case from the data set.';
    expect(failures).toEqual([{ id: 'a', code: 'E_CASE_MISSING', message }]);
    expect(warned.filter(line => line.includes('left out'))).toEqual([
      `case "a" is left out: E_CASE_MISSING: ${message}`,
    ]);
    const none = evaluateModel(laboratory, { ...options, dataset, failed, ids: ['a'] });
    await expect(none).rejects.toMatchObject({ code: 'E_NO_CASES', message: expect.stringContaining('"a"') });
  });

  it('refuses a data set whose list leaves doubt about other cases', async () => {
    const { laboratory } = await setUp();
    const { files } = laboratory;
    const { training, ...facts } = JSON.parse(files.text('data/dataset.json'));
    const twice = { ...facts, training: [...training, training[0]] };
    files.contents.set('data/dataset.json', new TextEncoder().encode(JSON.stringify(twice)));
    await expect(openDatasetBesideFailures(files, 'data')).rejects.toMatchObject({ code: 'E_DATASET_CASES' });
  });

  it('fails where every case does, and where nobody hears of it', async () => {
    const { laboratory, cut, options } = await setUp();
    cut('data/imagesTr/a.nii.gz');
    const { onFailure: _, ...untold } = options;
    await expect(evaluateModel(laboratory, untold)).rejects.toMatchObject({ code: 'E_NIFTI_CORRUPT', exitCode: 2 });
    await expect(evaluateModel(laboratory, { ...options, ids: ['a'] })).rejects.toMatchObject({
      code: 'E_NO_CASES',
      exitCode: 1,
      message: expect.stringMatching(
        /^none of the 1 cases of data could be evaluated\. The first is "a": E_NIFTI_CORRUPT: /,
      ),
    });
  });

  it('stops when asked to, which is no failure of a case', async () => {
    const { laboratory, failures, options } = await setUp();
    const reason = new Error('stopped');
    const stop = new AbortController();
    const engine = functionEngine(() => {
      stop.abort(reason);
      throw reason;
    });
    const call = evaluateModel({ ...laboratory, engine }, { ...options, signal: stop.signal });
    await expect(call).rejects.toBe(reason);
    expect(failures).toEqual([]);
  });
});
