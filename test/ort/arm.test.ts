/** An arm from recipe to model.onnx, in memory: what settings mean for the weights that come out. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/dataset.ts';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { evaluateModel } from '../../src/experiment/evaluate.ts';
import { parseHistory } from '../../src/experiment/history.ts';
import type { Laboratory } from '../../src/experiment/laboratory.ts';
import { readModelFile } from '../../src/experiment/model-file.ts';
import type { Arm } from '../../src/experiment/record.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { inspectPath } from '../../src/study/inspect.ts';
import { runExperiment, trainOneArm } from '../../src/study/run.ts';
import { decodeLabels, decodeNifti, encodeNiftiLabels } from '../../src/volume/nifti.ts';
import type { LabelArray } from '../../src/volume/volume.ts';
import { createLaboratory, sha256 } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files);
beforeAll(() => writePhantomDataset(files, 'data', { seed: 5, cases: 3 }));

/** A laboratory whose training is stopped by hand before its sixth step, and the signal that tells it so. */
function stopping(): { readonly interrupting: Laboratory; readonly signal: AbortSignal } {
  const controller = new AbortController();
  const openBatches: Laboratory['openBatches'] = (...settings) => {
    const source = laboratory.openBatches(...settings);
    return {
      close: source.close,
      next: step => {
        if (step === 5) controller.abort(new Error('stopped by hand'));
        return source.next(step);
      },
    };
  };
  return { interrupting: { ...laboratory, openBatches }, signal: controller.signal };
}

/** model.onnx of a teacher after two steps with these optimizer settings. */
async function modelWith(optimizer: string): Promise<Uint8Array> {
  const splits = 'data.splits={ train: 0.66, val: 0, test: 0.34 }';
  const overrides = [splits, `optimizer=${optimizer}`];
  const recipe = parseRecipe(tinyRecipe('data', 2), { path: 'recipe.yaml', overrides });
  const { models } = await trainOneArm(laboratory, recipe, { arm: 'teacher', out: optimizer, resume: false });
  return files.read(models[0]!);
}

it('adds the weight decay of adam to the gradient, and takes that of adamw from the kernels', async () => {
  const decayed = await modelWith('{ adam: { weightDecay: 0.5 } }');
  // the gradient of l2 sum w^2 is 2 l2 w
  const penalised = await modelWith('{ adam: {}, regularization: { l2: 0.25 } }');
  const decoupled = await modelWith('{ adamw: { weightDecay: 0.5 } }');
  expect(Buffer.from(decayed).equals(penalised)).toBe(true);
  expect(Buffer.from(decayed).equals(decoupled)).toBe(false);
  expect(Buffer.from(decayed).equals(await modelWith('{ adam: {} }'))).toBe(false);
});

it('gives a network its own learning rate where the recipe does', async () => {
  const recipe = (text: string) => parseRecipe(tinyRecipe('data', 2), { path: 'recipe.yaml', overrides: [text] });
  const train = (text: string, out: string) =>
    trainOneArm(laboratory, recipe(text), { arm: 'teacher', out, resume: false });
  const [own] = (await train('teacher.train.learningRate=0.01', 'own')).models;
  const [shared] = (await train('optimizer.adam.learningRate=0.01', 'shared')).models;
  const [other] = (await train('student.train.learningRate=0.01', 'other')).models;
  const bytes = await Promise.all([own, shared, other].map(path => files.read(path!)));
  expect(Buffer.from(bytes[0]!).equals(bytes[1]!)).toBe(true);
  expect(Buffer.from(bytes[0]!).equals(bytes[2]!)).toBe(false);
});

it('trains on the same patches from micro-batches as from one batch of them all', async () => {
  const losses = async (train: string): Promise<number[]> => {
    const overrides = [
      'data.splits={ train: 0.66, val: 0, test: 0.34 }',
      'loss={ dice: { batch: false }, crossEntropy: { classWeights: uniform } }',
      `teacher.train={ steps: 3, ${train} }`,
    ];
    const recipe = parseRecipe(tinyRecipe('data', 2), { path: 'recipe.yaml', overrides });
    await trainOneArm(laboratory, recipe, { arm: 'teacher', out: train, resume: false });
    const rows = parseHistory(
      new TextDecoder().decode(await files.read(`${train}/teacher/history.csv`)),
      'history.csv',
    );
    return rows.map(row => row.losses['total']!);
  };
  const whole = await losses('batch: 4');
  const parts = await losses('batch: 1, accumulate: 4');
  expect(whole.length).toBe(3);
  parts.forEach((loss, index) => {
    expect(loss / whole[index]!).toBeCloseTo(1, 4);
  });
});

it('lets unlabelled cases change the student by the soft terms, and the baseline not at all', async () => {
  await writePhantomDataset(files, 'more', { seed: 5, cases: 6 });
  const splits = 'data.splits={ train: 0.66, val: 0, test: 0.34, labelled: 2 }';
  const trained = async (out: string, ...overrides: string[]) => {
    for (const arm of ['teacher', 'student', 'baseline'] as const) {
      const recipe = parseRecipe(tinyRecipe('more', 2), { path: 'recipe.yaml', overrides: [splits, ...overrides] });
      await trainOneArm(laboratory, recipe, { arm, out, resume: false });
    }
    return Promise.all(['student', 'baseline'].map(arm => files.read(`${out}/${arm}/model.onnx`)));
  };
  const [student, baseline] = await trained('labelled-only');
  const [withMore, sameBaseline] = await trained('with-more', 'distill.unlabelled.batch=2');
  expect(Buffer.from(sameBaseline!).equals(baseline!)).toBe(true);
  expect(Buffer.from(withMore!).equals(student!)).toBe(false);
});

it('trains a teacher on labels that its student lacks as it would without a student, and the others on theirs', async () => {
  await writePhantomDataset(files, 'more', { seed: 5, cases: 6 });
  const train = async (arm: Arm, out: string, ...overrides: string[]) => {
    const recipe = parseRecipe(tinyRecipe('more', 2), { path: 'recipe.yaml', overrides });
    const { models } = await trainOneArm(laboratory, recipe, { arm, out, resume: false });
    return sha256(await files.read(models[0]!));
  };
  const splits = (labels: string): string => `data.splits={ train: 0.66, val: 0, test: 0.34${labels} }`;
  const taught = [splits(', labelled: 1, teacherLabels: all'), 'distill.unlabelled.batch=1'];
  const teacher = await train('teacher', 'taught', ...taught);
  expect(teacher).toBe(await train('teacher', 'all-labels', splits('')));
  expect(teacher).not.toBe(await train('teacher', 'few-labels', splits(', labelled: 1')));
  expect(await train('baseline', 'taught', ...taught)).toBe(
    await train('baseline', 'few-labels', splits(', labelled: 1')),
  );
  await train('student', 'taught', ...taught);
  const cases = async (arm: Arm) =>
    JSON.parse(new TextDecoder().decode(await files.read(`taught/${arm}/splits.json`))).train.length;
  expect([await cases('teacher'), await cases('student'), await cases('baseline')]).toEqual([4, 1, 1]);
});

it('keeps no post-processing on two validation cases, and says what was compared and why', async () => {
  await writePhantomDataset(files, 'chosen', { seed: 6, cases: 5 });
  const train = async (out: string, ...overrides: string[]) => {
    const splits = 'data.splits={ train: 0.4, val: 0.4, test: 0.2 }';
    const recipe = parseRecipe(tinyRecipe('chosen', 2), { path: 'recipe.yaml', overrides: [splits, ...overrides] });
    const { models } = await trainOneArm(laboratory, recipe, { arm: 'teacher', out, resume: false });
    return (await readModelFile(files, models[0]!)).metadata;
  };
  const { postprocess, postprocessTrials: trials = [] } = await train('auto');
  expect(trials.map(({ class: name, step }) => `${name} ${step}`)).toEqual(
    ['Anterior', 'Posterior'].flatMap(name =>
      ['fillHoles', 'minimumVolumeMm3', 'largestComponent'].map(step => `${name} ${step}`),
    ),
  );
  for (const { cases, kept, diceWith, diceWithout, reason } of trials) {
    expect(cases).toBeLessThanOrEqual(2);
    expect(kept).toBe(false);
    expect(reason).toBe(diceWith > diceWithout ? 'too few cases' : 'no gain');
  }
  expect(postprocess ?? {}).toEqual({});
  expect(await train('none', 'postprocess=none')).not.toHaveProperty('postprocess');
  const given = '{ Anterior: { largestComponent: true } }';
  expect(await train('given', `postprocess=${given}`)).toMatchObject({
    postprocess: { Anterior: { largestComponent: true } },
  });
  await expect(train('wrong', 'postprocess={ Anterio: { fillHoles: true } }')).rejects.toMatchObject({
    code: 'E_POSTPROCESS',
  });
});

it('trains adapters with the student and leaves them out of its file, and refuses layers before anything is trained', async () => {
  const losses = (layer: string): string =>
    `distill.losses=[{ hint: { studentLayer: encoder1, teacherLayer: ${layer} } }, { hint: { studentLayer: encoder0, teacherLayer: encoder0 } }]`;
  const recipe = (layer: string) =>
    parseRecipe(tinyRecipe('data', 2), {
      path: 'recipe.yaml',
      overrides: ['data.splits={ train: 0.66, val: 0, test: 0.34 }', losses(layer)],
    });
  await expect(
    runExperiment(laboratory, recipe('encoder7'), { out: 'unknown-layer', resume: false }),
  ).rejects.toMatchObject({
    code: 'E_LAYER',
    message: 'distillation term hint: the teacher has no layer "encoder7"; it has encoder0, encoder1, decoder0, logits',
  });
  expect(await files.list('unknown-layer')).toEqual([]);

  for (const arm of ['teacher', 'student', 'baseline'] as const) {
    await trainOneArm(laboratory, recipe('encoder1'), { arm, out: 'hints', resume: false });
  }
  const text = async (path: string): Promise<string> => new TextDecoder().decode(await files.read(`hints/${path}`));
  expect((await text('student/history.csv')).split('\n')[0]).toBe(
    'step,epoch,seconds,learningRate,total,crossEntropy,dice,hint,hint2,gradientNorm,validationDice',
  );
  expect(await text('student/checkpoint/last.safetensors')).toContain('"state.adapters"');
  const [student, baseline] = [
    await files.read('hints/student/model.onnx'),
    await files.read('hints/baseline/model.onnx'),
  ];
  expect(Buffer.from(student).includes('adapter')).toBe(false);
  expect(student.length).toBe(baseline.length);
  expect(Buffer.from(student).equals(baseline)).toBe(false);
  const infoOf = async (arm: string) => (await readModelFile(files, `hints/${arm}/model.onnx`)).info;
  expect(await infoOf('student')).toEqual(await infoOf('baseline'));
});

it('learns overlapping regions as channels of their own, writes them over each other and scores them whole', async () => {
  await writePhantomDataset(files, 'regions', { seed: 7, cases: 5 });
  const description = JSON.parse(files.text('regions/dataset.json'));
  const dataset = Object.fromEntries(
    description.training.map(({ image, label }: { image: string; label: string }, index: number) => [
      `case_${index}`,
      { images: [image], label },
    ]),
  );
  const labels = { background: 0, whole: [1, 2], posterior: 2 };
  const nnunet = { channel_names: { 0: 'MRI' }, labels, regions_class_order: [1, 2], file_ending: '.nii.gz', dataset };
  await files.write('regions/dataset.json', JSON.stringify(nnunet));
  const recipe = (...overrides: string[]) =>
    parseRecipe(tinyRecipe('regions', 2), { path: 'recipe.yaml', overrides: ['baseline=false', ...overrides] });
  await expect(runExperiment(laboratory, recipe(), { out: 'refused', resume: false })).rejects.toMatchObject({
    code: 'E_REGIONS',
  });
  const comparison = await runExperiment(laboratory, recipe('loss.crossEntropy.kind=binary'), {
    out: 'of-regions',
    resume: false,
  });
  expect(Object.keys(comparison.arms['student']?.classes ?? {})).toEqual(['whole', 'posterior']);
  const { metadata } = await readModelFile(files, 'of-regions/student/model.onnx');
  expect(metadata).toMatchObject({
    activation: 'sigmoid',
    labels: [
      { value: 0, name: 'background' },
      { value: 1, name: 'whole', region: [1, 2] },
      { value: 2, name: 'posterior', region: [2] },
    ],
  });
  const evaluation = JSON.parse(files.text('of-regions/student/evaluation.json'));
  const [{ id, classes }] = evaluation.cases;
  const labelsAt = async (path: string): Promise<LabelArray> => decodeLabels(await files.read(path), { path }).data;
  const predicted = await labelsAt(`of-regions/student/predictions/${id}.nii.gz`);
  const reference = await labelsAt(`regions/${dataset[id].label.replace('./', '')}`);
  const count = (test: (index: number) => boolean): number => predicted.filter((_, index) => test(index)).length;
  const both = count(index => predicted[index]! > 0 && reference[index]! > 0);
  const total = count(index => predicted[index]! > 0) + count(index => reference[index]! > 0);
  expect(classes.whole.dice).toBeCloseTo((2 * both) / total, 9);
});

it('learns overlapping regions from a finished model of independent classes', async () => {
  const model = new URL('../fixtures/teachers/keras-sigmoid.onnx', import.meta.url).pathname;
  await files.write('keras.onnx', await nodeFiles.read(model));
  const labels = ['posterior', 'whole'].map((name, index) => ({ name, value: index + 1 }));
  await files.write('keras.json', JSON.stringify({ labels, activation: 'none', normalize: 'min-max', axes: 'NZYXC' }));
  const recipe = parseRecipe(tinyRecipe('regions', 2), {
    path: 'recipe.yaml',
    overrides: [
      'baseline=false',
      'loss.crossEntropy.kind=binary',
      'teacher={ onnx: keras.onnx }',
      'patch.size=[8, 12, 8]',
      'evaluate.overlap=0',
    ],
  });
  const { arms, pairs } = await runExperiment(laboratory, recipe, { out: 'from-keras', resume: false });
  expect(Object.keys(arms['teacher']!.classes)).toEqual(['whole', 'posterior']);
  expect(pairs[0]).toMatchObject({ a: 'student', b: 'teacher', metric: 'meanDice' });
});

describe('a network with valid padding and dropout', () => {
  const student =
    'student.generalizedUnet={ padding: valid, features: [[[2], [2]], [[2], []]], headKernels: [1, 1], headFeatures: [3], headDropout: [0, 0.3] }';
  const recipe = parseRecipe(tinyRecipe('valid', 8).replace('student: { unet: { features: [2, 4] },', 'student: {'), {
    path: 'recipe.yaml',
    overrides: [student, 'patch.size=[16, 20, 16]'],
  });
  beforeAll(() => writePhantomDataset(files, 'valid', { seed: 5, cases: 5 }));

  it('learns from labels and a teacher with whole results, segments whole volumes, and says its output in the model', async () => {
    const { arms } = await runExperiment(laboratory, recipe, { out: 'run-valid', resume: false });
    expect(Object.keys(arms)).toEqual(['teacher', 'student', 'baseline']);
    const { metadata, info } = await readModelFile(files, 'run-valid/student/model.onnx');
    // per axis: - 2, halved, - 2, doubled, - 2
    expect({ patch: metadata.patch, output: metadata.output }).toEqual({ patch: [16, 20, 16], output: [8, 12, 8] });
    expect(info.output).toEqual([8, 12, 8]);
    const described = await inspectPath(laboratory, 'run-valid');
    expect(described).toMatchObject({
      models: {
        student: { parameters: metadata.parameters, fieldOfView: [9, 9, 9], trainingBytes: expect.any(Number) },
      },
    });
  });

  it('goes on after an interruption to the same model, bit for bit', async () => {
    const { interrupting, signal } = stopping();
    const options = { arm: 'baseline', out: 'again', resume: false } as const;
    await expect(trainOneArm(interrupting, recipe, { ...options, signal })).rejects.toThrow('stopped');
    await trainOneArm(laboratory, recipe, { ...options, resume: true });
    const [whole, resumed] = [
      await files.read('run-valid/baseline/model.onnx'),
      await files.read('again/baseline/model.onnx'),
    ];
    expect(Buffer.from(resumed).equals(whole)).toBe(true);
  });
});

describe('deep supervision', () => {
  const recipe = (isSupervised: boolean) =>
    parseRecipe(tinyRecipe('supervised', 8), {
      path: 'recipe.yaml',
      overrides: ['student.unet.features=[2, 2, 2, 2]', `student.train.deepSupervision=${isSupervised}`],
    });
  const options = { arm: 'baseline', out: 'supervised-run', resume: false } as const;
  const model = (out: string): Promise<Uint8Array> => files.read(`${out}/baseline/model.onnx`);
  beforeAll(async () => {
    await writePhantomDataset(files, 'supervised', { seed: 5, cases: 5 });
    await trainOneArm(laboratory, recipe(true), options);
  });

  it('adds the loss of a coarser level, and leaves its head out of the model', async () => {
    await trainOneArm(laboratory, recipe(false), { ...options, out: 'unsupervised-run' });
    const [header = '', row = ''] = files.text('supervised-run/baseline/history.csv').split('\n');
    const loss = Object.fromEntries(header.split(',').map((name, index) => [name, Number(row.split(',')[index])]));
    const { total, crossEntropy, dice, deepSupervision } = loss as Record<string, number>;
    expect(total! - deepSupervision!).toBeCloseTo((2 / 3) * (crossEntropy! + dice!), 5);
    const [own, other] = [await model('supervised-run'), await model('unsupervised-run')].map(bytes =>
      decodeModel(bytes, 'model.onnx'),
    );
    expect(own!.nodes).toEqual(other!.nodes);
    const shapes = ({ initializers }: NonNullable<typeof own>) => initializers.map(({ name, shape }) => [name, shape]);
    expect(shapes(own!)).toEqual(shapes(other!));
    expect(Buffer.from(await model('supervised-run')).equals(await model('unsupervised-run'))).toBe(false);
  });

  it('goes on after an interruption to the same model, bit for bit: checkpoints hold the heads', async () => {
    const { interrupting, signal } = stopping();
    const again = { ...options, out: 'supervised-again' };
    await expect(trainOneArm(interrupting, recipe(true), { ...again, signal })).rejects.toThrow('stopped');
    await trainOneArm(laboratory, recipe(true), { ...again, resume: true });
    expect(Buffer.from(await model('supervised-again')).equals(await model('supervised-run'))).toBe(true);
  });
});

it('takes the teachers of all seeds of a run as an ensemble, and a lone one as if it were trained in the same run', async () => {
  const splits = 'data.splits={ train: 0.66, val: 0, test: 0.34 }';
  const recipe = (...overrides: string[]) =>
    parseRecipe(tinyRecipe('data', 2), { path: 'recipe.yaml', overrides: [splits, ...overrides] });
  const student = async (out: string, ...overrides: string[]) =>
    (await trainOneArm(laboratory, recipe(...overrides), { arm: 'student', out, resume: false })).models[0]!;
  const seeds = 'seeds=[1, 2]';
  const teachers = (await trainOneArm(laboratory, recipe(seeds), { arm: 'teacher', out: 'two', resume: false })).models;
  expect(teachers).toEqual(['two/teacher/model.onnx', 'two/seed-2/teacher/model.onnx']);
  const own = await files.read(await student('two', seeds));
  const losses = (out: string) =>
    files
      .text(`${out}/student/history.csv`)
      .trim()
      .split('\n')
      .slice(1)
      .map(row => Number(row.split(',')[4]));
  await student('lone', `teacher={ onnx: ${teachers[0]} }`);
  const [inside, beside] = [losses('two'), losses('lone')];
  expect(beside.length).toBe(2);
  for (const [step, loss] of beside.entries()) expect(loss / inside[step]!).toBeCloseTo(1, 4);
  const both = await files.read(await student('both', 'teacher={ onnx: two }'));
  const named = await files.read(await student('named', `teacher={ onnx: [${teachers.join(', ')}] }`));
  expect(Buffer.from(both).equals(named)).toBe(true);
  expect(Buffer.from(both).equals(own)).toBe(false);
});

it('learns from a model that knows fewer classes, which is scored by what it knows', async () => {
  const splits = 'data.splits={ train: 0.66, val: 0, test: 0.34 }';
  const recipe = (...overrides: string[]) =>
    parseRecipe(tinyRecipe('data', 2), { path: 'recipe.yaml', overrides: [splits, ...overrides] });
  await writePhantomDataset(files, 'whole', { seed: 5, cases: 3 });
  for (const path of [...files.contents.keys()].filter(one => one.startsWith('whole/labelsTr/'))) {
    const { volume, header } = decodeNifti(await files.read(path), { path });
    const labels = { ...volume, data: Uint8Array.from(volume.data, value => Math.min(1, value)) };
    await files.write(path, encodeNiftiLabels(labels, header));
  }
  const description = JSON.parse(files.text('whole/dataset.json'));
  const labels = { 0: 'background', 1: 'hippocampus' };
  await files.write('whole/dataset.json', JSON.stringify({ ...description, labels }));
  const options = { resume: false } as const;
  const whole = parseRecipe(tinyRecipe('whole', 2), { path: 'recipe.yaml', overrides: [splits] });
  await trainOneArm(laboratory, whole, { ...options, arm: 'teacher', out: 'of-whole' });
  const covers = 'teacher={ onnx: of-whole/teacher/model.onnx, classes: { hippocampus: [Anterior, Posterior] } }';
  const { arms, pairs } = await runExperiment(laboratory, recipe(covers), { ...options, out: 'of-parts' });
  expect(Object.keys(arms['student']!.classes)).toEqual(['Anterior', 'Posterior']);
  expect(Object.keys(arms['teacher']!.classes)).toEqual(['Anterior+Posterior']);
  expect(pairs.filter(({ a, b }) => a === 'teacher' || b === 'teacher')).toEqual([]);
  const { cases } = JSON.parse(files.text('of-parts/teacher/evaluation.json'));
  const scored = await evaluateModel(laboratory, {
    models: [await readModelFile(files, 'of-whole/teacher/model.onnx')],
    dataset: await openDataset(files, 'whole'),
    ids: cases.map(({ id }: { id: string }) => id),
    split: 'test',
    window: whole.evaluate,
    surfaceToleranceMm: whole.evaluate.surfaceToleranceMm,
  });
  expect(scored.cases.map(({ classes }) => classes['hippocampus'])).toEqual(
    cases.map(({ classes }: { classes: Record<string, unknown> }) => classes['Anterior+Posterior']),
  );
});

it('two teachers that know one class each teach a student of both, and are scored together', async () => {
  const splits = 'data.splits={ train: 0.34, val: 0.33, test: 0.33 }';
  const parse = (dataset: string, ...overrides: string[]) =>
    parseRecipe(tinyRecipe(dataset, 2), { path: 'recipe.yaml', overrides: [splits, ...overrides] });
  for (const [value, name] of [
    [1, 'Anterior'],
    [2, 'Posterior'],
  ] as const) {
    await writePhantomDataset(files, name, { seed: 5, cases: 3 });
    for (const path of [...files.contents.keys()].filter(one => one.startsWith(`${name}/labelsTr/`))) {
      const { volume, header } = decodeNifti(await files.read(path), { path });
      const labels = { ...volume, data: Uint8Array.from(volume.data, voxel => (voxel === value ? 1 : 0)) };
      await files.write(path, encodeNiftiLabels(labels, header));
    }
    const description = JSON.parse(files.text(`${name}/dataset.json`));
    await files.write(`${name}/dataset.json`, JSON.stringify({ ...description, labels: { 0: 'background', 1: name } }));
    await trainOneArm(laboratory, parse(name), { resume: false, arm: 'teacher', out: `of-${name}` });
  }
  const models = ['Anterior', 'Posterior'].map(name => `{ onnx: of-${name}/teacher/model.onnx }`);
  const terms = 'distill.losses=[{ kd: { weight: 1 } }, { softDice: {} }]';
  const run = (out: string, ...overrides: string[]) =>
    runExperiment(laboratory, parse('data', `teacher={ models: [${models.join(', ')}] }`, terms, ...overrides), {
      resume: false,
      out,
    });
  const code = { value: '1234', scheme: '99TEST', meaning: 'front' };
  const { arms, pairs } = await run('of-two', `labels.codes=${JSON.stringify({ Anterior: code })}`);
  expect(Object.keys(arms['teacher']!.classes)).toEqual(['Anterior', 'Posterior']);
  expect(pairs.some(({ a, b }) => a === 'student' && b === 'teacher')).toBe(true);
  const [header, row] = files.text('of-two/student/history.csv').split('\n');
  const losses = Object.fromEntries(header!.split(',').map((name, index) => [name, Number(row!.split(',')[index])]));
  expect(losses['kd']).toBeGreaterThan(0);
  expect(losses['softDice']).toBeGreaterThan(0);
  const { metadata } = await readModelFile(files, 'of-two/student/model.onnx');
  expect(metadata.labels.map(({ name }) => name)).toEqual(['background', 'Anterior', 'Posterior']);
  expect(metadata.labels.map(label => label.code)).toEqual([undefined, code, undefined]);
  // stored logits of both teachers are read again, and nothing changes but their rounding to float16
  await run('of-two-stored', 'distill.softLabels=cache', 'distill.cache.folder=of-both');
  const stored = files.contents.size;
  await run('of-two-again', 'distill.softLabels=cache', 'distill.cache.folder=of-both');
  expect(
    [...files.contents.keys()].filter(path => path.startsWith('of-both/') && path.endsWith('.softlabels')),
  ).toHaveLength(2);
  expect(files.contents.size).toBeGreaterThan(stored);
  expect(files.contents.get('of-two-again/student/model.onnx')).toEqual(
    files.contents.get('of-two-stored/student/model.onnx'),
  );
  for (const path of [...files.contents.keys()]) if (path.startsWith('of-both/')) files.contents.delete(path);
  // other weights are another teacher
  const weighted = `teacher={ models: [${models[0]!.replace(' }', ', weight: 3 }')}, ${models[1]}] }`;
  await trainOneArm(laboratory, parse('data', weighted, terms), { resume: false, arm: 'student', out: 'of-three' });
  expect(Buffer.from(await files.read('of-three/student/model.onnx'))).not.toEqual(
    Buffer.from(await files.read('of-two/student/model.onnx')),
  );
});

it('cases that are annotated in part train and are scored in the classes that were looked for', async () => {
  const splits = 'data.splits={ train: 0.5, val: 0.25, test: 0.25 }';
  await writePhantomDataset(files, 'partly', { seed: 5, cases: 4 });
  const started = (annotated: string, out: string, ...more: string[]) =>
    runExperiment(
      laboratory,
      parseRecipe(tinyRecipe('partly', 2), {
        path: 'recipe.yaml',
        overrides: [splits, `data.annotated=${annotated}`, 'baseline=false', ...more],
      }),
      { resume: false, out },
    );
  const { train, test } = await started('null', 'wholly').then(() => JSON.parse(files.text('wholly/splits.json')));
  const [first] = train as [string];
  const rule = `{ ${first}: [Posterior], ${test[0]}: [Anterior] }`;
  const { arms } = await started(rule, 'in-part');
  const { cases } = JSON.parse(files.text('in-part/student/evaluation.json'));
  expect(Object.keys(cases[0].classes)).toEqual(['Anterior']);
  expect(cases[0].meanDice).toBe(cases[0].classes.Anterior.dice);
  expect(Object.keys(arms['student']!.classes)).toEqual(['Anterior']);
  expect(await files.read('in-part/student/model.onnx')).not.toEqual(await files.read('wholly/student/model.onnx'));
  // what is on disk for a class that was not looked for is never seen
  const path = `partly/labelsTr/${first}.nii.gz`;
  const { volume, header } = decodeNifti(await files.read(path), { path });
  const posterior = Uint8Array.from(volume.data, value => (value === 2 ? 2 : 0));
  await files.write(path, encodeNiftiLabels({ ...volume, data: posterior }, header));
  await started(rule, 'as-annotated');
  expect(files.contents.get('as-annotated/student/model.onnx')).toEqual(
    files.contents.get('in-part/student/model.onnx'),
  );
  await expect(started(`{ ${first}: [Spleen] }`, 'unknown')).rejects.toThrow(/Spleen/);
});

describe('soft labels on disk', () => {
  const machine = {
    ...laboratory.machine,
    sha256: (data: Uint8Array) => createHash('sha256').update(data).digest('hex'),
  };
  const hashing = { ...laboratory, machine };
  const splits = 'data.splits={ train: 0.66, val: 0, test: 0.34 }';
  const student = async (out: string, ...overrides: string[]) => {
    const recipe = parseRecipe(tinyRecipe('data', 4), { path: 'recipe.yaml', overrides: [splits, ...overrides] });
    if (!(await files.exists(`${out}/teacher/model.onnx`))) {
      await trainOneArm(hashing, recipe, { arm: 'teacher', out, resume: false });
    }
    await trainOneArm(hashing, recipe, { arm: 'student', out, resume: false });
    const rows = files.text(`${out}/student/history.csv`).trim().split('\n').slice(1);
    return { losses: rows.map(row => Number(row.split(',')[4])), model: await files.read(`${out}/student/model.onnx`) };
  };
  const answers = () => [...files.contents.keys()].filter(path => path.endsWith('.softlabels'));

  it('teach what the teacher in the step teaches, within float16, and the same bits when read again', async () => {
    const inStep = await student('in-step');
    const cached = await student('cached', 'distill.softLabels=cache');
    expect(answers().length).toBe(4);
    expect(inStep.losses.length).toBe(4);
    // 2^-11 of logits; the loss is a mean over thousands of voxels
    for (const [step, loss] of cached.losses.entries())
      expect(Math.abs(loss / inStep.losses[step]! - 1)).toBeLessThan(1e-3);
    const again = await student('again-cached', 'distill.softLabels=cache');
    expect(Buffer.from(again.model).equals(cached.model)).toBe(true);
    expect(answers().length).toBe(4);
  });

  it('serve another student of the same patches, and none of other patches', async () => {
    const before = answers().length;
    await student('wider', 'distill.softLabels=cache', 'student.unet.features=[3, 6]');
    expect(answers().length).toBe(before);
    await student('flipped', 'distill.softLabels=cache', 'augment.flip=[x]', 'teacher.train.steps=4');
    expect(answers().length).toBeGreaterThan(before);
  });

  it('cannot be had for inner tensors', async () => {
    const feature = 'distill.losses=[{ attention: { studentLayer: decoder0, teacherLayer: decoder0 } }]';
    const recipe = parseRecipe(tinyRecipe('data', 4), {
      path: 'recipe.yaml',
      overrides: [splits, feature, 'distill.softLabels=cache'],
    });
    const run = runExperiment(hashing, recipe, { out: 'features', resume: false });
    await expect(run).rejects.toMatchObject({ code: 'E_DISTILL', message: expect.stringContaining('softLabels') });
    expect(await files.exists('features/recipe.yaml')).toBe(false);
  });
});
