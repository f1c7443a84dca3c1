/** Reading back runs and evaluations, and saying what a path is. */
import { describe, expect, it } from 'vitest';
import { inspectPath } from '../../../src/study/inspect.ts';
import { readArms, readRun } from '../../../src/study/read-run.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import { modelBytes, niftiOnly } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

function evaluation(dice: number): string {
  const classes = {
    blob: { presence: 'both', dice, hd95Mm: 1, assdMm: 1, surfaceDice: 1, volumeMl: 1, referenceMl: 1 },
  };
  return JSON.stringify({
    model: { path: 'm', sha256: '', parameters: 1, multiplyAdds: 1, bytes: 1, secondsPerCase: 1, peakBytes: 1 },
    dataset: 'd',
    split: 'test',
    cases: [{ id: 'a', classes, meanDice: dice }],
    summary: { meanDice: { mean: dice, ci95: [dice, dice], n: 1 }, classes: {} },
  });
}

const RECORD = {
  status: 'done',
  startedAt: '2026-01-01T00:00:00.000Z',
  dataset: 'data',
  seeds: [3, 4],
  versions: { voxstill: '0.1.0' },
  host: { system: 's', cpu: 'c', cores: 2, memoryBytes: 1 },
};

function runFiles() {
  return memoryFiles({
    'runs/a/run.json': JSON.stringify(RECORD),
    'runs/a/recipe.yaml': 'seeds: [3, 4]\n',
    'runs/a/student/evaluation.json': evaluation(0.8),
    'runs/a/seed-4/student/evaluation.json': evaluation(0.6),
    'runs/a/baseline/evaluation.json': evaluation(0.5),
    'runs/a/baseline/history.csv': 'step,epoch,seconds,learningRate,total,validationDice\n1,0,1,0.1,2,\n',
    'runs/b/run.json': JSON.stringify({ ...RECORD, seeds: [1] }),
    'runs/b/student/evaluation.json': evaluation(0.7),
    'elsewhere/nnunet.json': evaluation(0.9),
  });
}

describe('readRun', () => {
  it('finds every seed of every arm that was evaluated', async () => {
    const run = await readRun(runFiles(), 'runs/a');
    const found = run.arms.map(({ name, repeats }) => [
      name,
      repeats.map(({ seed, evaluation: e }) => [seed, e.cases[0]?.meanDice]),
    ]);
    expect(found).toEqual([
      [
        'student',
        [
          [3, 0.8],
          [4, 0.6],
        ],
      ],
      ['baseline', [[3, 0.5]]],
    ]);
    expect(run.recipe).toBe('seeds: [3, 4]\n');
    expect(Object.keys(run.histories)).toEqual(['baseline']);
  });

  it('refuses a folder that is no run, and a record that is none', async () => {
    const files = runFiles();
    await expect(readRun(files, 'elsewhere')).rejects.toMatchObject({ code: 'E_RUN' });
    await files.write('runs/b/run.json', '{ "seeds": [] }');
    await expect(readRun(files, 'runs/b')).rejects.toThrow(/runs\/b\/run\.json status: [\s\S]*run\.json seeds: /);
  });
});

describe('readArms', () => {
  it('keeps the names of one run and distinguishes several sources', async () => {
    const one = await readArms(runFiles(), ['runs/a/']);
    expect(one.arms.map(({ name }) => name)).toEqual(['student', 'baseline']);
    const sources = ['runs/a', 'runs/b', 'elsewhere/nnunet.json', 'runs/b/student/evaluation.json'];
    const several = await readArms(runFiles(), sources);
    expect(several.arms.map(({ name }) => name)).toEqual([
      'runs/a student',
      'runs/a baseline',
      'runs/b student',
      'elsewhere/nnunet',
      'b/student',
    ]);
  });

  it('refuses two sources of one name, and sources without any evaluation', async () => {
    const files = runFiles();
    await expect(readArms(files, ['runs/a', 'runs/a'])).rejects.toMatchObject({ code: 'E_COMPARE' });
    await files.write('runs/c/run.json', JSON.stringify(RECORD));
    await expect(readArms(files, ['runs/c'])).rejects.toThrow(/nothing is evaluated yet in runs\/c/);
  });
});

describe('inspectPath', () => {
  it('describes a run by status and arms', async () => {
    const description = await inspectPath({ files: runFiles(), images: niftiOnly }, 'runs/a');
    expect(description).toMatchObject({
      kind: 'run',
      status: 'done',
      arms: { student: { meanDice: expect.closeTo(0.7, 12) }, baseline: { meanDice: 0.5 } },
    });
  });

  it('describes a model by its tensors, parameters and metadata', async () => {
    const files = memoryFiles();
    files.contents.set('m.onnx', modelBytes({ voxstill: '{"channels":1}', note: 'plain' }));
    expect(await inspectPath({ files, images: niftiOnly }, 'm.onnx')).toMatchObject({
      kind: 'model',
      inputs: [{ name: 'image', shape: ['N', 1, 4, 4, 4] }],
      outputs: [{ name: 'logits', shape: ['N', 2, 'D', 'H', 'W'] }],
      parameters: 2,
      operators: { Conv: 1 },
      metadata: { voxstill: { channels: 1 }, note: 'plain' },
    });
  });

  it('believes one of our own models about its parameters, since constants count in the file', async () => {
    const files = memoryFiles();
    files.contents.set('m.onnx', modelBytes({ voxstill: '{"parameters":1}' }));
    expect(await inspectPath({ files, images: niftiOnly }, 'm.onnx')).toMatchObject({ parameters: 1 });
  });

  it('describes a volume by grid and range, leaving out what is not finite', async () => {
    const files = memoryFiles();
    const grid = {
      sizeVoxels: [2, 2, 1],
      spacingMm: [1, 2, 3],
      affine: [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1],
    } as const;
    const data = Float32Array.of(1, Number.NaN, -3, 8);
    files.contents.set('v.nii.gz', encodeNiftiImage({ ...grid, data, channels: 1 }, createNiftiHeader(grid)));
    expect(await inspectPath({ files, images: niftiOnly }, 'v.nii.gz')).toMatchObject({
      kind: 'volume',
      sizeVoxels: [2, 2, 1],
      spacingMm: [1, 2, 3],
      dataType: 'float32',
      minimum: -3,
      maximum: 8,
      mean: 2,
      notFinite: 1,
    });
  });

  it('says so where it is something else or nothing', async () => {
    const files = memoryFiles({ 'a.txt': '' });
    await expect(inspectPath({ files, images: niftiOnly }, 'a.txt')).rejects.toMatchObject({ code: 'E_INSPECT' });
    await expect(inspectPath({ files, images: niftiOnly }, 'b.txt')).rejects.toMatchObject({ code: 'E_FILE_MISSING' });
  });
});
