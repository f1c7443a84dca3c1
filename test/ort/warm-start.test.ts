/** A training that starts from another model: what is taken over, at which rate it goes on, and what is refused. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { armFolder } from '../../src/experiment/arm-folder.ts';
import { openModelSource } from '../../src/experiment/model-source.ts';
import type { Arm } from '../../src/experiment/record.ts';
import { readStartRecord } from '../../src/experiment/start/start.ts';
import { GraphBuilder } from '../../src/graph/graph.ts';
import { collectParameters, constantParameters } from '../../src/nn/parameters.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { tensorContent } from '../../src/onnx/tensor-content.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { architectureOf } from '../../src/recipe/network.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { type Progress, silent } from '../../src/runtime/progress.ts';
import { runExperiment, trainOneArm } from '../../src/study/run.ts';
import { encodeAnyBatch } from '../../src/training/export.ts';
import { createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { nnunetFolder } from '../support/nnunet-folders.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const files = memoryFiles();
const engine = await createNodeEngine({ threads: 1 });
const laboratory = createLaboratory(engine, files);
const SPLITS = 'data.splits={ train: 0.66, val: 0, test: 0.34 }';
/** So small a rate that a step changes nothing that is not 0. */
const STILL = 'optimizer.adam.learningRate=1e-12';

interface Asked {
  readonly arm?: Arm;
  readonly data?: string;
  readonly steps?: number;
  readonly overrides?: readonly string[];
  readonly resume?: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** Trains an arm and gives its parameters by name. */
async function trained(out: string, asked: Asked = {}): Promise<ReadonlyMap<string, Float32Array>> {
  const { arm = 'teacher', data = 'data', steps = 2, overrides = [], resume = false, progress, signal } = asked;
  const recipe = parseRecipe(tinyRecipe(data, steps), { path: 'recipe.yaml', overrides: [SPLITS, ...overrides] });
  const room = progress === undefined ? laboratory : { ...laboratory, progress };
  const { models } = await trainOneArm(room, recipe, { arm, out, resume, ...(signal && { signal }) });
  return parametersOf(models[0]!);
}

async function parametersOf(path: string): Promise<ReadonlyMap<string, Float32Array>> {
  const { initializers } = decodeModel(await files.read(path), path);
  const named = initializers.filter(({ name }) => name.includes('.'));
  return new Map(named.map(one => [one.name, tensorContent(one)!.data as Float32Array]));
}

const record = (out: string, arm: Arm = 'teacher') => readStartRecord(files, armFolder(`${out}/${arm}`).start);

/** Largest difference of two sets of parameters, leaving some names out. */
function furthest(
  left: ReadonlyMap<string, Float32Array>,
  right: ReadonlyMap<string, Float32Array>,
  leaveOut: (name: string) => boolean = () => false,
): number {
  const differences = [...left].flatMap(([name, values]) =>
    leaveOut(name) ? [] : [...values].map((value, index) => Math.abs(value - right.get(name)![index]!)),
  );
  expect(differences.length).toBeGreaterThan(100);
  return Math.max(...differences);
}

const FROM = 'teacher.train.from=first/teacher/model.onnx';
let first: ReadonlyMap<string, Float32Array>;

beforeAll(async () => {
  await writePhantomDataset(files, 'data', { seed: 5, cases: 3 });
  // the same cases with other names: the second class is known, the first is new
  await writePhantomDataset(files, 'other', { seed: 5, cases: 3 });
  const json = JSON.parse(files.text('other/dataset.json'));
  await files.write(
    'other/dataset.json',
    JSON.stringify({ ...json, labels: { '0': 'background', '1': 'Posterior', '2': 'Tail' } }),
  );
  first = await trained('first');
});

describe('a training from another model', () => {
  it('begins with its parameters, from a file, a folder of an arm or a run, and a checkpoint', async () => {
    const fresh = await trained('fresh', { steps: 1, overrides: [STILL] });
    expect(furthest(fresh, first)).toBeGreaterThan(1e-3);
    const sources = ['first/teacher/model.onnx', 'first/teacher', 'first', 'first/teacher/checkpoint/last.safetensors'];
    for (const [index, source] of sources.entries()) {
      const overrides = [STILL, `teacher.train.from=${source}`];
      expect(furthest(await trained(`from-${index}`, { steps: 1, overrides }), first), source).toBeLessThan(1e-9);
      const { fitted, missing, otherShape, newClasses } = (await record(`from-${index}`))!;
      expect([fitted.length, missing, otherShape, newClasses]).toEqual([first.size, [], [], []]);
    }
    expect(await record('fresh')).toBeUndefined();
  });

  it('exchanges the channels of the last layer by the names of the classes, and says so', async () => {
    const lines: string[] = [];
    const progress = { ...silent, log: (line: string) => void lines.push(line) };
    const overrides = [STILL, FROM];
    const started = await trained('classes', { data: 'other', steps: 1, overrides, progress });
    const random = await trained('random', { data: 'other', steps: 1, overrides: [STILL] });
    expect(furthest(started, first, name => name.startsWith('head.'))).toBeLessThan(1e-9);
    const [own, source, fresh] = [started, first, random].map(one => [...one.get('head.weight')!]);
    const row = (values: readonly number[], channel: number) => values.slice(channel * 4, channel * 4 + 4);
    const close = (values: readonly number[]) => values.map(value => expect.closeTo(value, 9));
    expect(row(own!, 0)).toEqual(close(row(source!, 0)));
    expect(row(own!, 1)).toEqual(close(row(source!, 2)));
    expect(row(own!, 2)).toEqual(close(row(fresh!, 2)));
    expect(await record('classes')).toMatchObject({
      source: 'first/teacher/model.onnx',
      partly: ['head.weight', 'head.bias'],
      classes: ['background', 'Posterior'],
      newClasses: ['Tail'],
    });
    expect(lines.join('\n')).toContain('teacher: classes taken over: background, Posterior; new: Tail');
  });

  it('is the same for student and baseline', async () => {
    const overrides = ['student.train.from=first', 'teacher.train.steps=1', STILL];
    await expect(trained('fair', { arm: 'baseline', overrides })).rejects.toMatchObject({ code: 'E_START' });
    await trained('small', { arm: 'baseline' });
    const from = ['student.train.from=small/baseline', STILL, 'teacher.train.steps=1'];
    await trained('both', { steps: 1, overrides: from });
    const student = await trained('both', { arm: 'student', steps: 1, overrides: from });
    const baseline = await trained('both', { arm: 'baseline', steps: 1, overrides: from });
    expect(furthest(student, baseline)).toBeLessThan(1e-9);
    expect(await record('both', 'student')).toEqual(await record('both', 'baseline'));
    expect(await record('both')).toBeUndefined();
  });

  it('warns of another normalisation and spacing with both values', async () => {
    const warnings: string[] = [];
    const progress = { ...silent, warn: (line: string) => void warnings.push(line) };
    const overrides = [STILL, FROM, 'preprocess.normalize=z-score', 'preprocess.spacingMm=[1, 1, 1]'];
    await trained('otherwise', { steps: 1, overrides, progress });
    const text = (await record('otherwise'))!.warnings.join('\n');
    expect(text).toContain('normalisation: min-max in first/teacher/model.onnx, z-score here');
    expect(text).toContain('spacing in mm: null in first/teacher/model.onnx, [1,1,1] here');
    expect(files.text('otherwise/run.json')).toContain('W_START');
  });
});

describe('the rate of old layers', () => {
  it('of 0 leaves what was taken over as it is, bit for bit, and trains the rest', async () => {
    const overrides = [FROM, 'teacher.train.oldLayersRate=0'];
    const frozen = await trained('frozen', { data: 'other', steps: 3, overrides });
    expect(furthest(frozen, first, name => name.startsWith('head.'))).toBe(0);
    const before = await trained('at-start', { data: 'other', steps: 1, overrides: [STILL, FROM] });
    expect(Math.abs(frozen.get('head.weight')![0]! - before.get('head.weight')![0]!)).toBeGreaterThan(1e-4);
    // moments are kept for the head alone
    expect(files.contents.get('frozen/teacher/checkpoint/last.safetensors')!.length).toBeLessThan(
      0.6 * files.contents.get('at-start/teacher/checkpoint/last.safetensors')!.length,
    );
    await expect(trained('nothing', { overrides })).rejects.toMatchObject({
      code: 'E_START',
      message: expect.stringContaining('nothing is left to train'),
    });
  });

  it('multiplies the steps of old layers alone', async () => {
    const moved = async (rate: number) => {
      const overrides = [FROM, `teacher.train.oldLayersRate=${rate}`, 'optimizer.adam.learningRate=0.001'];
      const after = await trained(`rate-${rate}`, { data: 'other', steps: 1, overrides });
      return (name: string) => after.get(name)![0]! - first.get(name)![0]!;
    };
    const [whole, tenth] = [await moved(1), await moved(0.1)];
    const name = 'encoder0.conv0.weight';
    expect(Math.abs(whole(name))).toBeGreaterThan(1e-4);
    expect(tenth(name) / whole(name)).toBeCloseTo(0.1, 3);
    expect(tenth('head.weight') / whole('head.weight')).toBeCloseTo(1, 3);
  });

  it('goes on exactly after an interruption, and refuses another file', async () => {
    const overrides = [FROM, 'teacher.train.oldLayersRate=0.1', 'teacher.train.validateEvery=2'];
    const asked = { data: 'other', steps: 5, overrides };
    const whole = await trained('whole', asked);
    const stop = new AbortController();
    const task = (_: string, __: number, unit: string) => ({
      update: (done: number) => void (unit === 'step' && done === 3 && stop.abort()),
      finish: () => {},
    });
    const progress = { ...silent, task };
    await expect(trained('broken', { ...asked, progress, signal: stop.signal })).rejects.toThrow();
    const kept = await files.read('first/teacher/model.onnx');
    await files.write('first/teacher/model.onnx', await files.read('fresh/teacher/model.onnx'));
    await expect(trained('broken', { ...asked, resume: true })).rejects.toMatchObject({ code: 'E_START_CHANGED' });
    await files.write('first/teacher/model.onnx', kept);
    const resumed = await trained('broken', { ...asked, resume: true });
    expect(furthest(resumed, whole)).toBe(0);
  });
});

describe('a student from its teacher', () => {
  const FROM_TEACHER = 'student.from=teacher';

  it('begins with the strongest channels, and its baseline at random', async () => {
    await trained('strong', { overrides: [STILL, FROM_TEACHER] });
    const student = await trained('strong', { arm: 'student', overrides: [STILL, FROM_TEACHER] });
    const teacher = await parametersOf('strong/teacher/model.onnx');
    const { fitted, missing, partly, channels, source } = (await record('strong', 'student'))!;
    expect([fitted.length, missing, partly]).toEqual([student.size, [], []]);
    expect(source).toBe('strong/teacher/model.onnx');
    const [filters, next] = ['encoder0.conv0.weight', 'encoder0.conv1.weight'].map(name => channels![name]!);
    const norms = [0, 1, 2, 3].map(row =>
      teacher
        .get('encoder0.conv0.weight')!
        .slice(row * 27, row * 27 + 27)
        .reduce((sum, value) => sum + Math.abs(value), 0),
    );
    const strongest = [0, 1, 2, 3].sort((a, b) => norms[b]! - norms[a]!).slice(0, 2);
    expect(filters).toEqual(strongest.sort((a, b) => a - b));
    const kernel = teacher.get('encoder0.conv1.weight')!;
    const expected = next!.flatMap(row =>
      filters!.flatMap(column => [...kernel.slice((row * 4 + column) * 27, (row * 4 + column + 1) * 27)]),
    );
    expect([...student.get('encoder0.conv1.weight')!]).toEqual(expected.map(value => expect.closeTo(value, 9)));

    const baseline = await trained('strong', { arm: 'baseline', overrides: [STILL, FROM_TEACHER] });
    const plain = await trained('plain', { arm: 'baseline', overrides: [STILL] });
    expect(furthest(baseline, plain)).toBe(0);
    expect(await record('strong', 'baseline')).toBeUndefined();
  });

  it('takes a finished teacher too, if it is one network of the family', async () => {
    const student = await trained('finished', {
      arm: 'student',
      overrides: [STILL, FROM_TEACHER, 'teacher={ onnx: first }'],
    });
    expect(student.size).toBe(first.size);
    expect((await record('finished', 'student'))!.source).toBe('first/teacher/model.onnx');
  });

  it('is refused where it does not lie in the teacher, before the teacher is trained', async () => {
    const run = (...overrides: readonly string[]) => {
      const recipe = parseRecipe(tinyRecipe('data', 2), {
        path: 'recipe.yaml',
        overrides: [SPLITS, FROM_TEACHER, ...overrides],
      });
      return runExperiment(laboratory, recipe, { out: 'outside', resume: false });
    };
    await expect(run('student.unet.features=[2, 16]')).rejects.toMatchObject({
      code: 'E_START',
      message: expect.stringContaining('encoder1.conv0.weight has 16 channels in the student and 8 in the teacher'),
    });
    await expect(run('student={ meshnet: {}, from: teacher, train: { steps: 1, batch: 1 } }')).rejects.toMatchObject({
      code: 'E_START',
    });
    expect(await files.list('outside')).toEqual([]);
  });
});

describe('a model from elsewhere', () => {
  const LAYERS =
    'residualUnet: { features: [4, 8, 12], kernels: [[3, 3, 1], 3, 3], strides: [2, [2, 2, 1]], blocks: [1, 2, 2], decoderConvolutions: [2, 1] }';
  const started = (layers: string, from: string) =>
    trained('elsewhere', {
      steps: 1,
      overrides: [STILL, `teacher={ ${layers}, train: { steps: 1, batch: 2, from: ${from} } }`],
    }).finally(() => files.remove('elsewhere'));

  beforeAll(async () => {
    const folder = nnunetFolder('iso');
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (statSync(`${folder}/${name}`).isFile()) await files.write(`iso/${name}`, readFileSync(`${folder}/${name}`));
    }
  });

  it('of nnU-Net gives its parameters to the same layers, and its classes are new', async () => {
    const { file } = await openModelSource(files, 'iso');
    const numbers = decodeModel(file.bytes, 'iso').initializers.flatMap(one => {
      const { data } = tensorContent(one)!;
      return data instanceof Float32Array ? [...data] : [];
    });
    const warnings: string[] = [];
    const overrides = [STILL, `teacher={ ${LAYERS}, train: { steps: 1, batch: 2, from: iso } }`];
    const progress = { ...silent, warn: (line: string) => void warnings.push(line) };
    const parameters = await trained('nnunet', { steps: 1, overrides, progress });
    const { fitted, partly, newClasses, missing, warnings: said } = (await record('nnunet'))!;
    expect([fitted.length, partly, missing]).toEqual([parameters.size - 2, [], []]);
    expect(newClasses).toEqual(['background', 'Anterior', 'Posterior']);
    expect(said.join()).toContain("nnU-Net's preparation of images: spacing in mm");
    const known = new Set(numbers.map(value => Math.fround(value)));
    const own = ['stem.conv.weight', 'encoder2.block1.conv1.weight', 'up0.weight', 'decoder0.norm1.scale'];
    for (const name of own) {
      const values = [...parameters.get(name)!];
      // a step of 1e-12 moves only what is tiny
      expect(values.filter(value => known.has(value)).length, name).toBeGreaterThan(0.99 * values.length);
    }
  });

  it('without names gives what the same model gives by its names', async () => {
    const metadata = decodeModel(await files.read('first/teacher/model.onnx'), 'first').metadata;
    const recipe = parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml' });
    const { network } = architectureOf(recipe.teacher as typeof recipe.student, 3);
    const specs = collectParameters(network, [1, 1, 16, 24, 16]);
    const theta = Float32Array.from(specs.flatMap(({ name }) => [...first.get(name)!]));
    const builder = new GraphBuilder();
    const image = builder.input('image', [1, 1, 16, 24, 16]);
    const logits = network(builder, image, constantParameters(builder, theta, specs));
    await files.write('unnamed.onnx', encodeAnyBatch({ outputs: { logits } }, { voxstill: metadata['voxstill']! }));
    expect((await parametersOf('unnamed.onnx')).size).toBe(0);
    const from = await started('unet: { features: [4, 8] }', 'unnamed.onnx');
    expect(furthest(from, first)).toBeLessThan(1e-9);
  });

  it.each([
    ['activation: relu, ', 'with them it gives other logits, up to'],
    ['normalization: none, ', 'and Add 1x4x1x1x1 in the network'],
    ['normalization: batch, ', 'cannot be named after this network'],
  ])('is refused where the network is another: %s', async (more, message) => {
    await expect(started(LAYERS.replace('{ features', `{ ${more}features`), 'iso')).rejects.toMatchObject({
      code: 'E_START',
      message: expect.stringContaining(message),
    });
  });

  it('is refused with the first layer that differs, and where channels are to be chosen', async () => {
    await expect(started(LAYERS.replace('12]', '10]'), 'iso')).rejects.toMatchObject({
      code: 'E_START',
      message: expect.stringMatching(
        /constant \d+ of its layers is Conv 12x8x3x3x3, and Conv 10x8x3x3x3 in the network/,
      ),
    });
    const overrides = ['student.from=teacher', 'teacher={ onnx: iso, classes: { whole: Anterior, core: Posterior } }'];
    await expect(trained('choose', { arm: 'student', overrides })).rejects.toMatchObject({
      code: 'E_START',
      message: expect.stringContaining('have no names of voxstill'),
    });
  });
});

describe('a source that cannot be started from', () => {
  const refused = async (source: string, ...overrides: readonly string[]) => {
    const asked = { overrides: [`teacher.train.from=${source}`, ...overrides] };
    const error = await trained('refused', asked).catch((cause: unknown) => cause);
    expect(await files.list('refused')).toEqual([]);
    return error;
  };

  it('is refused with a code before anything is written', async () => {
    expect(await refused('first', 'teacher.unet.features=[6, 12]')).toMatchObject({
      code: 'E_START',
      message: expect.stringContaining('encoder0.conv0.weight is 4x1x3x3x3 there and 6x1x3x3x3 here'),
    });
    expect(await refused('data')).toMatchObject({ code: 'E_START' });
    expect(await refused('first/teacher/no.onnx')).toMatchObject({ code: 'E_FILE_MISSING' });
    const model = await files.read('first/teacher/model.onnx');
    await files.write('bad/cut.onnx', model.slice(0, 900));
    expect(await refused('bad/cut.onnx')).toMatchObject({ code: expect.stringMatching(/^E_MODEL_/) });
    const checkpoint = await files.read('first/teacher/checkpoint/last.safetensors');
    await files.write('bad/a/cut.safetensors', checkpoint.slice(0, 900));
    expect(await refused('bad/a/cut.safetensors')).toMatchObject({ code: 'E_CHECKPOINT_CORRUPT' });
    const flipped = checkpoint.slice();
    flipped[flipped.length - 5]! ^= 1;
    await files.write('bad/a/flipped.safetensors', flipped);
    expect(await refused('bad/a/flipped.safetensors')).toMatchObject({ code: 'E_CHECKPOINT_CORRUPT' });
  });
});
