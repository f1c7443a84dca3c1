/**
 * Finished models as teachers: what they say of the student's own patches, in the student's own classes, and who is
 * turned away.
 */
import { describe, expect, it } from 'vitest';
import { random } from '../../src/core/random.ts';
import { elementCount, type Triple } from '../../src/core/shape.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { type ImageNormalization, normalize } from '../../src/data/normalize.ts';
import { openModel, readModelFile } from '../../src/experiment/model-file.ts';
import { initialize } from '../../src/nn/parameters.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { BLOCKED_DOMAIN } from '../../src/onnx/model.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { openExternalTeacher } from '../../src/teacher/external-teacher.ts';
import { readTeacherFiles } from '../../src/teacher/files.ts';
import { exportModel } from '../../src/training/export.ts';
import { foreignFiles } from '../support/foreign-models.ts';
import { goldensImage } from '../support/goldens-stream.ts';
import { createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';
import { smallUnet } from '../support/training-steps.ts';

const engine = await createNodeEngine({ threads: 1 });
const SIZE = [8, 12, 8] as const;
const VOXELS = elementCount(SIZE);
const CLASSES = ['background', 'anterior', 'posterior'];
const THREE = { labels: CLASSES, normalize: 'none', activation: 'softmax' };
/** Two cases as large as a patch, and the batch of both. */
const RAW = [goldensImage(3, SIZE), goldensImage(8, SIZE).map(value => 40 * value + 100)];

/** The result of the head's convolution in fixed-opset11. */
const INNER = '/head/Conv_output_0';

interface Setting {
  readonly models: readonly string[];
  readonly besides: Readonly<Record<string, object>>;
  readonly overrides?: readonly string[];
  readonly classes?: readonly string[];
  /** Label values of each class after the background, where they are regions. */
  readonly regions?: readonly (readonly number[])[];
  readonly normalize?: ImageNormalization;
  readonly spacingMm?: readonly [number, number, number];
  readonly channels?: readonly string[];
  /** Files that are not among the fixtures. */
  readonly made?: Readonly<Record<string, Uint8Array>>;
  readonly engine?: Engine;
  /** Reference of each case, [D, H, W]; zeros if not given. */
  readonly labels?: readonly Uint8Array[];
}

/** Opens the teachers of a recipe on two cases. */
function open({ models, besides, overrides = [], classes = CLASSES, ...more }: Setting) {
  const method = more.normalize ?? 'none';
  const recipe = parseRecipe(tinyRecipe('data', 2), {
    path: 'recipe.yaml',
    overrides: [
      'patch.size=[8, 12, 8]',
      `teacher={ onnx: [${models.map(name => `${name}.onnx`).join(', ')}] }`,
      ...overrides,
    ],
  });
  const fixtures = foreignFiles(besides);
  const files = {
    ...memoryFiles(),
    ...fixtures,
    read: async (path: string) => more.made?.[path] ?? fixtures.read(path),
  };
  const cases = RAW.map((data, index) => ({
    id: `case_${index}`,
    image: normalize({ id: '', data, channels: 1 }, method).data,
    label: more.labels?.[index] ?? new Uint8Array(VOXELS),
    sizeVoxels: [8, 12, 8] as const,
    spacingMm: more.spacingMm ?? ([1, 1, 1] as const),
    channels: 1,
  }));
  const data = {
    dataset: {
      name: 'd',
      folder: 'd',
      channels: more.channels ?? ['MRI'],
      labels: classes.map((name, value) => {
        const region = more.regions?.[value - 1];
        return { name, value, ...(region && { region }) };
      }),
      cases: [],
    },
    normalize: [method].flat(),
    train: cases,
    unlabelled: [],
    crop: 'none' as const,
    intensities: new Map(
      RAW.map((values, index) => {
        const mean = values.reduce((sum, value) => sum + value, 0) / VOXELS;
        const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / VOXELS;
        const [minimum, maximum] = [Math.min(...values), Math.max(...values)];
        return [`case_${index}`, [{ minimum, maximum, mean, deviation: Math.sqrt(variance) }]] as const;
      }),
    ),
  };
  const image = new Float32Array(2 * VOXELS);
  cases.forEach((one, index) => {
    image.set(one.image, index * VOXELS);
  });
  const batch = { image, caseIds: cases.map(({ id }) => id), label: new Int32Array(0), epoch: 0 };
  const laboratory = { ...createLaboratory(more.engine ?? engine), files };
  return { batch, teacher: openExternalTeacher(laboratory, recipe, data) };
}

async function say(setting: Setting): Promise<Tensor> {
  const { teacher, batch } = open(setting);
  const opened = await teacher;
  const { logits } = await opened.call!(0, batch);
  await opened.close();
  return logits;
}

/** What a model itself says of one image [1, 1, ...size], [channels, voxels]. */
async function direct(name: string, facts: object, image: Float32Array, size: readonly number[] = SIZE) {
  const file = await readModelFile(foreignFiles({ [name]: facts }), `${name}.onnx`, { assumed: { patch: SIZE } });
  const session = await openModel(engine, file);
  const { inputName, outputName } = file.info;
  const result = await session.run({ [inputName]: tensor('float32', image, [1, 1, ...size]) }, [outputName]);
  await session.dispose();
  return result[outputName]!.data as Float32Array;
}

function softmax(logits: Float32Array, classes: number): Float32Array {
  const voxels = logits.length / classes;
  return logits.map((_, index) => {
    const voxel = index % voxels;
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp(logits[k * voxels + voxel]! - logits[index]!);
    return 1 / sum;
  });
}

function expectClose(actual: Float32Array, expected: Float32Array, tolerance = 1e-4): void {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  expected.forEach((value, index) => {
    largest = Math.max(largest, Math.abs(value - actual[index]!));
  });
  expect(largest).toBeLessThan(tolerance);
}

const sample = ({ data, shape }: Tensor, index: number): Float32Array => {
  const length = elementCount(shape.slice(1));
  return (data as Float32Array).slice(index * length, (index + 1) * length);
};

/** A U-Net of our own with layers that fill a block, as a file. */
function wideTeacher(window: Triple = SIZE): Uint8Array {
  const model = smallUnet([16, 32]);
  const theta = initialize(model.specs, name => random(4, name));
  return exportModel(model, theta, { channels: 1, window, metadata: {} });
}

/** A model that gives, as the score of its one class, the voxel two before along the first of its axes of space. */
function shiftTeacher(): Uint8Array {
  const kernel = Float32Array.from({ length: 10 }, (_, tap) => (tap === 5 ? 1 : 0));
  const value = (name: string) => ({ name, dataType: 'float32' as const, shape: ['N', 'C', 'D', 'H', 'W'] });
  return encodeModel({
    nodes: [{ name: 'n', op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], attributes: { pads: [2, 0, 0, 2, 0, 0] } }],
    initializers: [{ name: 'w', ...tensor('float32', kernel, [2, 1, 5, 1, 1]) }],
    inputs: [{ ...value('x'), shape: ['N', 1, 'D', 'H', 'W'] }],
    outputs: [value('y')],
    metadata: {},
  });
}

/** An engine that remembers which of its models have blocked kernels. */
function watched(block: number): { readonly engine: Engine; readonly isBlocked: boolean[] } {
  const isBlocked: boolean[] = [];
  const load: Engine['load'] = async bytes => {
    isBlocked.push(decodeModel(bytes, 'm').operatorSets.has(BLOCKED_DOMAIN));
    return engine.load(bytes);
  };
  return { engine: { ...engine, block, load }, isBlocked };
}

if (engine.block === 0) console.info('skipped: no blocked kernels here, so no teacher is run by them');

describe('a teacher', () => {
  it.skipIf(engine.block === 0)('with wide layers runs in blocked kernels, and says the same', async () => {
    const file = wideTeacher();
    const [, inner] = decodeModel(file, 'wide').results as [string, string];
    const overrides = [`distill.losses=[{ attention: { studentLayer: decoder0, teacherLayer: ${inner} } }]`];
    const ask = async (block: number) => {
      const { engine: own, isBlocked } = watched(block);
      const made = { 'wide.onnx': file };
      const { teacher, batch } = open({ models: ['wide'], besides: { wide: THREE }, made, overrides, engine: own });
      const opened = await teacher;
      const { logits, features } = await opened.call(0, batch);
      await opened.close();
      return { isBlocked, tensors: [logits, features[inner]!] };
    };
    const [plain, blocked] = [await ask(0), await ask(engine.block)];
    expect([plain.isBlocked, blocked.isBlocked]).toEqual([[false], [true]]);
    for (const [index, { data, shape }] of plain.tensors.entries()) {
      expect(blocked.tensors[index]!.shape).toEqual(shape);
      expectClose(blocked.tensors[index]!.data as Float32Array, data as Float32Array, 1e-4);
    }
  });

  it('with narrow layers stays as it is; with a window that slides it does not', async () => {
    const { engine: own, isBlocked } = watched(engine.block);
    await say({ models: ['fixed-opset11'], besides: { 'fixed-opset11': THREE }, engine: own });
    const sliding = (block: number) => ({
      models: ['wide'],
      besides: { wide: THREE },
      made: { 'wide.onnx': wideTeacher([4, 8, 6]) },
      engine: block === 0 ? watched(0).engine : own,
    });
    const [blocked, plain] = [await say(sliding(engine.block)), await say(sliding(0))];
    expect(isBlocked).toEqual([false, engine.block > 0]);
    expectClose(blocked.data as Float32Array, plain.data as Float32Array, 1e-4);
  });

  it('with its axes in another order is asked in blocked kernels too', async () => {
    const { engine: own, isBlocked } = watched(engine.block);
    const turned = (block: number) => ({
      models: ['wide'],
      besides: { wide: { ...THREE, axes: 'NCXYZ', patch: [8, 12, 8] } },
      made: { 'wide.onnx': wideTeacher([8, 12, 8]) },
      engine: block === 0 ? watched(0).engine : own,
    });
    const [blocked, plain] = [await say(turned(engine.block)), await say(turned(0))];
    expect(isBlocked).toEqual([engine.block > 0]);
    expectClose(blocked.data as Float32Array, plain.data as Float32Array, 1e-4);
  });

  it.each([
    ['fixed-opset11', 'fixed-opset11'],
    ['dynamic-opset13', 'fixed-opset11'],
    ['batch-of-two-opset11', 'fixed-opset11'],
    ['torch2-fixed', 'torch2-fixed'],
    ['opset21', 'opset21'],
    ['opset26', 'opset26'],
  ])('%s gives the logits of %s', async (name, same) => {
    const logits = await say({ models: [name], besides: { [name]: THREE } });
    expect(logits.shape).toEqual([2, 3, ...SIZE]);
    for (const index of [0, 1]) {
      expectClose(sample(logits, index), await direct(same, THREE, RAW[index]!), 1e-3);
    }
  });

  it('of independent classes teaches regions that overlap, also some of them', async () => {
    const name = 'keras-sigmoid';
    const labels = ['posterior', 'whole'].map((label, index) => ({ name: label, value: index + 1 }));
    const facts = { labels, normalize: 'none', activation: 'none', axes: 'NZYXC' };
    const setting = { models: [name], besides: { [name]: facts }, overrides: ['loss.crossEntropy.kind=binary'] };
    const [posterior, whole] = [0, 1].map(channel => [channel * VOXELS, (channel + 1) * VOXELS] as const);
    const p = await direct(name, facts, RAW[1]!);
    const told = Float32Array.from([...p.slice(...whole!), ...p.slice(...posterior!)]);
    const two = { classes: ['background', 'whole', 'posterior'], regions: [[1, 2], [2]] };
    const three = { classes: [...two.classes, 'tip'], regions: [...two.regions, [3]] };
    for (const data of [two, three]) {
      const { teacher, batch } = open({ ...setting, ...data });
      const opened = await teacher;
      expect(opened.inStep).toEqual(data === two ? { features: {} } : { features: {}, classes: [[0], [1]] });
      const { logits } = await opened.call(0, batch);
      await opened.close();
      expectClose(
        sample(logits, 1).map(z => 1 / (1 + Math.exp(-z))),
        told,
      );
    }
  });

  it.each([
    ['softmax-opset16', { ...THREE, activation: 'none' }],
    ['torch2-dynamic', { ...THREE, activation: 'none' }],
    ['keras-channels-last', { ...THREE, activation: 'none', axes: 'NZYXC' }],
    ['keras-dynamic', { ...THREE, activation: 'none', axes: 'NZYXC' }],
  ])('%s gives logits of its probabilities', async (name, facts) => {
    const logits = await say({ models: [name], besides: { [name]: facts } });
    expectClose(softmax(sample(logits, 0), 3), await direct(name, facts, RAW[0]!));
  });

  it('is told by the recipe what its file does not say', async () => {
    const [beside, told] = await Promise.all([
      say({ models: ['fixed-opset11'], besides: { 'fixed-opset11': THREE } }),
      say({
        models: ['fixed-opset11'],
        besides: {},
        overrides: [
          'teacher.model={ labels: [background, anterior, posterior], normalize: none, activation: softmax, size: [8, 12, 8] }',
        ],
      }),
    ]);
    expect(told).toEqual(beside);
  });

  it('is taken to see images as the recipe prepares them where its file does not say', async () => {
    const setting = { models: ['fixed-opset11'], besides: { 'fixed-opset11': THREE } };
    const prepared = ['preprocess={ orientation: stored, spacingMm: [1, 1, 1], imageInterpolation: cubic }'];
    expect(await say({ ...setting, overrides: prepared })).toEqual(await say(setting));
    const recipe = parseRecipe(tinyRecipe('data', 2), {
      path: 'recipe.yaml',
      overrides: ['patch.size=[8, 12, 8]', 'teacher={ onnx: fixed-opset11.onnx }', ...prepared],
    });
    const dataset = { labels: CLASSES.map((name, value) => ({ name, value })) } as unknown as Dataset;
    const { teachers } = await readTeacherFiles({ ...memoryFiles(), ...foreignFiles(setting.besides) }, recipe, {
      dataset,
    });
    const { info } = teachers[0]!.files[0]!;
    expect(info).toMatchObject({ spacingMm: [1, 1, 1], imageInterpolation: 'cubic' });
    expect(info.orientation).toBeUndefined();
  });

  it('has its classes put in the order of the data, by name or by value', async () => {
    const plain = sample(await say({ models: ['fixed-opset11'], besides: { 'fixed-opset11': THREE } }), 0);
    for (const labels of [
      ['posterior', 'background', 'anterior'],
      [2, 0, 1],
    ]) {
      const facts = { ...THREE, labels };
      const turned = sample(await say({ models: ['fixed-opset11'], besides: { 'fixed-opset11': facts } }), 0);
      [1, 2, 0].forEach((channel, index) => {
        expect(turned.slice(index * VOXELS, (index + 1) * VOXELS)).toEqual(
          plain.slice(channel * VOXELS, (channel + 1) * VOXELS),
        );
      });
    }
  });

  it('has classes added up that are one in the data', async () => {
    const facts = { ...THREE, labels: ['background', 'anterior', 'left', 'right', 'liver'] };
    const logits = await say({
      models: ['five-classes-opset12'],
      besides: { 'five-classes-opset12': facts },
      overrides: ['teacher.classes={ left: posterior, right: 2, liver: background }'],
    });
    const p = softmax(await direct('five-classes-opset12', facts, RAW[1]!), 5);
    const channel = (k: number) => p.subarray(k * VOXELS, (k + 1) * VOXELS);
    const expected = [[0, 4], [1], [2, 3]].flatMap(group =>
      Array.from({ length: VOXELS }, (_, voxel) => group.reduce((sum, k) => sum + channel(k)[voxel]!, 0)),
    );
    expectClose(softmax(sample(logits, 1), 3), Float32Array.from(expected));
  });

  it("with fewer classes says what it knows: which of the student's are one for it, in the order of the data", async () => {
    const facts = { ...THREE, labels: ['background', 'hippocampus'] };
    const covering = { overrides: ['teacher.classes={ hippocampus: [posterior, 1] }'] };
    const setting = { models: ['two-classes-opset14'], besides: { 'two-classes-opset14': facts }, ...covering };
    const opened = await open(setting).teacher;
    expect(opened.inStep).toEqual({ features: {}, classes: [[0], [1, 2]] });
    expect(opened.answerShape).toEqual([2, 2, ...SIZE]);
    await opened.close();
    const own = await direct('two-classes-opset14', facts, RAW[0]!);
    expectClose(sample(await say(setting), 0), own, 1e-3);

    // the last class of the data is background for it
    const turned = { ...THREE, labels: ['anterior', 'background'] };
    const second = open({
      models: ['two-classes-opset14'],
      besides: { 'two-classes-opset14': turned },
      overrides: ['teacher.classes={ background: [background, posterior] }'],
    });
    const teacher = await second.teacher;
    expect(teacher.inStep).toEqual({ features: {}, classes: [[0, 2], [1]] });
    const { logits } = await teacher.call(0, second.batch);
    await teacher.close();
    expectClose(sample(logits, 0), Float32Array.from([...own.slice(VOXELS), ...own.slice(0, VOXELS)]), 1e-3);
  });

  it('of one sigmoid channel says what it knows of more classes: exclusive ones as groups, independent ones as one of them', async () => {
    const name = 'one-channel-sigmoid-opset15';
    const facts = { ...THREE, activation: 'none' };
    const p = await direct(name, { ...facts, labels: [1], patch: SIZE }, RAW[0]!);
    const exclusive = open({
      models: [name],
      besides: { [name]: { ...facts, labels: [{ value: 1, name: 'hippocampus' }] } },
      overrides: ['teacher.classes={ hippocampus: [anterior, posterior] }'],
    });
    const grouped = await exclusive.teacher;
    expect(grouped.inStep).toEqual({ features: {}, classes: [[0], [1, 2]] });
    const { logits } = await grouped.call(0, exclusive.batch);
    await grouped.close();
    expectClose(softmax(sample(logits, 0), 2).slice(VOXELS), p);

    const independent = open({
      models: [name],
      besides: { [name]: { ...facts, labels: [2] } },
      overrides: ['loss.crossEntropy.kind=binary'],
    });
    const lone = await independent.teacher;
    expect(lone.inStep).toEqual({ features: {}, classes: [[1]] });
    const { logits: alone } = await lone.call(0, independent.batch);
    await lone.close();
    expectClose(
      sample(alone, 0).map(z => 1 / (1 + Math.exp(-z))),
      p,
    );
  });

  it('of one sigmoid channel teaches two classes, and one of exclusive classes teaches independent ones', async () => {
    const lesion = { ...THREE, labels: [1], activation: 'none' };
    const two = await say({
      models: ['one-channel-sigmoid-opset15'],
      besides: { 'one-channel-sigmoid-opset15': lesion },
      classes: ['background', 'lesion'],
    });
    const p = await direct('one-channel-sigmoid-opset15', { ...lesion, patch: SIZE }, RAW[0]!);
    expectClose(softmax(sample(two, 0), 2).slice(VOXELS), p);
    const alone = await say({
      models: ['fixed-opset11'],
      besides: { 'fixed-opset11': THREE },
      overrides: ['loss.crossEntropy.kind=binary'],
    });
    expect(alone.shape).toEqual([2, 2, ...SIZE]);
    const q = softmax(await direct('fixed-opset11', THREE, RAW[0]!), 3).slice(VOXELS);
    expectClose(
      sample(alone, 0).map(z => 1 / (1 + Math.exp(-z))),
      q,
    );
  });

  it('with a smaller window slides over the patch: a voxel that one window covers has what that window says', async () => {
    const name = 'small-window-opset11';
    const logits = sample(await say({ models: [name], besides: { [name]: THREE } }), 0);
    const [d, h, w] = [4, 8, 6];
    const corner = new Float32Array(d * h * w);
    corner.forEach((_, index) => {
      const [z, y, x] = [Math.floor(index / (h * w)), Math.floor(index / w) % h, index % w];
      corner[index] = RAW[0]![(z * SIZE[1] + y) * SIZE[2] + x]!;
    });
    const alone = await direct(name, THREE, corner, [d, h, w]);
    for (const k of [0, 1, 2]) {
      expect(logits[k * VOXELS]!).toBeCloseTo(alone[k * d * h * w]!, 4);
      expect(logits[k * VOXELS + 1]!).toBeCloseTo(alone[k * d * h * w + 1]!, 4);
    }
  });

  it('with a larger window sees the smallest value of the patch around it', async () => {
    const name = 'large-window-opset11';
    const logits = sample(await say({ models: [name], besides: { [name]: THREE } }), 0);
    const padded = new Float32Array(2 * VOXELS).fill(Math.min(...RAW[0]!));
    padded.set(RAW[0]!, VOXELS / 2);
    const whole = await direct(name, THREE, padded, [16, 12, 8]);
    const expected = new Float32Array(3 * VOXELS);
    for (const k of [0, 1, 2]) {
      expected.set(whole.subarray(2 * k * VOXELS + VOXELS / 2, 2 * k * VOXELS + (3 * VOXELS) / 2), k * VOXELS);
    }
    expectClose(logits, expected, 1e-3);
  });

  it('sees the patch in the normalisation of its own training', async () => {
    const name = 'keras-channels-last';
    const facts = { ...THREE, activation: 'none', axes: 'NZYXC', normalize: 'z-score' };
    const logits = await say({ models: [name], besides: { [name]: facts }, normalize: 'min-max' });
    for (const index of [0, 1]) {
      const own = normalize({ id: '', data: RAW[index]!, channels: 1 }, 'z-score').data;
      expectClose(softmax(sample(logits, index), 3), await direct(name, facts, own));
    }
  });

  describe('beside others that know other classes', () => {
    const models = ['two-classes-opset14', 'fixed-opset11', 'one-channel-sigmoid-opset15'];
    const besides = {
      'two-classes-opset14': { ...THREE, labels: ['background', 'posterior'] },
      'fixed-opset11': THREE,
      'one-channel-sigmoid-opset15': { ...THREE, activation: 'none', labels: [1] },
    };
    const panel = (entries: readonly string[], more: readonly string[] = []) => ({
      models,
      besides,
      overrides: [`teacher={ models: [${entries.join(', ')}] }`, ...more],
    });
    const [two, three, sigmoid] = models.map(name => `onnx: ${name}.onnx`) as [string, string, string];

    it('says what each of them says alone, one behind the other, with the classes and the weight of each', async () => {
      const setting = panel([`{ ${two} }`, `{ ${three}, weight: 3 }`, `{ ${sigmoid}, weight: 0.5 }`]);
      const { teacher, batch } = open(setting);
      const opened = await teacher;
      expect(opened.inStep).toEqual({
        features: {},
        panel: [
          { classes: [[0, 1], [2]], weight: 1 },
          { classes: [[0], [1], [2]], weight: 3 },
          { classes: [[0, 2], [1]], weight: 0.5 },
        ],
      });
      expect(opened.answerShape).toEqual([2, 7, ...SIZE]);
      const { logits } = await opened.call(0, batch);
      await opened.close();
      const alone = [
        await say(panel([`{ ${two}, classes: { background: [background, anterior] } }`, `{ ${three} }`])),
        await say({ models: ['fixed-opset11'], besides }),
      ];
      for (const index of [0, 1]) {
        const whole = sample(logits, index);
        expect(whole.slice(0, 2 * VOXELS)).toEqual(sample(alone[0]!, index).slice(0, 2 * VOXELS));
        expect(whole.slice(2 * VOXELS, 5 * VOXELS)).toEqual(sample(alone[1]!, index));
      }
      const p = await direct(
        'one-channel-sigmoid-opset15',
        { ...besides['one-channel-sigmoid-opset15'], patch: SIZE },
        RAW[0]!,
      );
      expectClose(softmax(sample(logits, 0).slice(5 * VOXELS), 2).slice(VOXELS), p);
    });

    it('is another teacher for checkpoints and stored logits if weights or classes are others', async () => {
      const hashOf = async (entries: readonly string[]): Promise<string> => {
        const opened = await open(panel(entries)).teacher;
        await opened.close();
        return opened.sha256;
      };
      const hashes = [
        await hashOf([`{ ${two} }`, `{ ${three} }`]),
        await hashOf([`{ ${two}, weight: 2 }`, `{ ${three} }`]),
        await hashOf([`{ ${two}, classes: { posterior: anterior } }`, `{ ${three} }`]),
        await hashOf([`{ ${three} }`]),
      ];
      expect(new Set(hashes).size).toBe(4);
      const single = await open({ models: ['fixed-opset11'], besides }).teacher;
      await single.close();
      expect(hashes[3]).toBe(single.sha256);
      expect(await hashOf([`{ ${two} }`, `{ ${three} }`])).toBe(hashes[0]);
    });

    it('teaches independent classes, each of them alone', async () => {
      const { teacher } = open(panel([`{ ${two} }`, `{ ${sigmoid} }`], ['loss.crossEntropy.kind=binary']));
      const opened = await teacher;
      await opened.close();
      expect(opened.inStep).toEqual({
        features: {},
        panel: [
          { classes: [[1]], weight: 1 },
          { classes: [[0]], weight: 1 },
        ],
      });
    });

    it.each([
      [
        [`{ ${two} }`],
        [],
        /no teacher knows anterior: teacher\.models\.0 knows posterior.*\{ background: \[background, anterior\] \}/,
      ],
      [[`{ ${two}, classes: { liver: anterior } }`, `{ ${three} }`], [], /teacher\.models\.0\.classes names liver/],
      [
        [`{ ${two} }`, `{ ${sigmoid} }`],
        ['distill.losses=[{ attention: { studentLayer: decoder0, teacherLayer: inner } }]'],
        /there are 2 teachers/,
      ],
      [
        [
          `{ ${two}, classes: { posterior: [anterior, posterior], background: [background, posterior] } }`,
          `{ ${three} }`,
        ],
        [],
        /posterior\) cannot belong to several of its classes/,
      ],
    ])('is refused where they do not fit: %s', async (entries, more, message) => {
      await expect(open(panel(entries, more)).teacher).rejects.toThrow(message);
    });

    it('leaves a class to the labels where the recipe says so', async () => {
      const opened = await open(panel([`{ ${two}, classes: { background: [background, anterior] } }`])).teacher;
      await opened.close();
      expect(opened.inStep).toEqual({ features: {}, classes: [[0, 1], [2]] });
    });
  });

  it('of several models is their mean probability, or the mean of their logits', async () => {
    const besides = {
      'fixed-opset11': { ...THREE, labels: ['posterior', 'background', 'anterior'] },
      'keras-channels-last': { ...THREE, activation: 'none', axes: 'NZYXC' },
    };
    const models = Object.keys(besides);
    const each: Float32Array[] = [];
    for (const name of models) each.push(sample(await say({ models: [name], besides }), 0));
    const mean = sample(await say({ models, besides }), 0);
    const [p, q] = each.map(logits => softmax(logits, 3)) as [Float32Array, Float32Array];
    expectClose(
      softmax(mean, 3),
      p.map((value, index) => (value + q[index]!) / 2),
    );
    const logits = sample(await say({ models, besides, overrides: ['teacher.ensemble=logits'] }), 0);
    expectClose(
      logits,
      each[0]!.map((value, index) => (value + each[1]![index]!) / 2),
    );
  });

  it('gives inner tensors by their ONNX names', async () => {
    const { teacher, batch } = open({
      models: ['fixed-opset11'],
      besides: { 'fixed-opset11': THREE },
      overrides: [`distill.losses=[{ attention: { studentLayer: logits, teacherLayer: ${INNER} } }]`],
    });
    const opened = await teacher;
    expect(opened.inStep).toEqual({ features: { [INNER]: [2, 3, ...SIZE] } });
    const { logits, features } = await opened.call!(0, batch);
    await opened.close();
    // the model's last node multiplies its head's result by 3
    expectClose(
      (features[INNER]!.data as Float32Array).map(value => 3 * value),
      logits.data as Float32Array,
      1e-3,
    );
  });
});

describe('a model that cannot teach is turned away before anything starts', () => {
  const fixed = (facts: object, more: Partial<Setting> = {}): Setting => ({
    models: ['fixed-opset11'],
    besides: { 'fixed-opset11': { ...THREE, ...facts } },
    ...more,
  });
  const one = (name: string, facts: object, more: Partial<Setting> = {}): Setting => ({
    models: [name],
    besides: { [name]: { ...THREE, ...facts } },
    ...more,
  });
  it.each([
    ['with other channels', fixed({}, { channels: ['T1', 'T2'] }), /takes 1 channel\(s\), the data have 2 \(T1, T2\)/],
    [
      'with a class that the data do not have',
      fixed({ labels: ['background', 'anterior', 'liver'] }),
      /classes are 0 \(background\), 1 \(anterior\), 2 \(liver\), those of the data 0 .*2 \(liver\) is not a class of the data.*no class for 2 \(posterior\)/,
    ],
    [
      'with fewer classes',
      one('two-classes-opset14', { labels: ['background', 'anterior'] }),
      /no class for 2 \(posterior\); state in teacher\.classes .*\{ background: \[background, posterior\] \}/,
    ],
    [
      'with fewer classes that overlap',
      one(
        'two-classes-opset14',
        { labels: ['background', 'hippocampus'] },
        { overrides: ['teacher.classes={ hippocampus: [anterior, posterior], background: [background, posterior] }'] },
      ),
      /2 \(posterior\) cannot belong to several of its classes/,
    ],
    [
      'with fewer classes for a student whose classes are independent',
      one(
        'two-classes-opset14',
        { labels: ['background', 'hippocampus'] },
        {
          overrides: ['teacher.classes={ hippocampus: [anterior, posterior] }', 'loss.crossEntropy.kind=binary'],
        },
      ),
      /1 \(anterior\), 2 \(posterior\) are one class of the model, but independent classes of the student/,
    ],
    [
      'that tells nothing from the background',
      one(
        'two-classes-opset14',
        { labels: ['background', 'other'] },
        { overrides: ['teacher.classes={ background: [background, anterior, posterior], other: [0, 1, 2] }'] },
      ),
      /no class besides the background/,
    ],
    [
      'beside one that knows other classes',
      {
        models: ['fixed-opset11', 'two-classes-opset14'],
        besides: { 'fixed-opset11': THREE, 'two-classes-opset14': { ...THREE, labels: ['background', 'posterior'] } },
        overrides: ['loss.crossEntropy.kind=binary'],
      },
      /two-classes-opset14\.onnx cannot teach together with fixed-opset11\.onnx: its classes are background, posterior, those of the other background, anterior, posterior/,
    ],
    [
      'about whose classes the recipe is wrong',
      fixed({}, { overrides: ['teacher.classes={ liver: background }'] }),
      /teacher\.classes names liver/,
    ],
    ['with another spacing', fixed({ spacingMm: [1, 1, 2] }), /1 x 1 x 2 mm, case "case_0" has 1 x 1 x 1 mm/],
    ['with RAS axes', fixed({ orientation: 'RAS' }, { overrides: ['preprocess.orientation=stored'] }), /RAS/],
    ['with stored axes', fixed({ orientation: null }), /axes as they are stored.*preprocess\.orientation to stored/],
    [
      'with images that were resampled in another way',
      fixed({ imageInterpolation: 'cubic' }, { overrides: ['preprocess.spacingMm=[1, 1, 1]'] }),
      /by cubic interpolation, the recipe uses linear; set preprocess\.imageInterpolation to cubic/,
    ],
    [
      'with a normalisation that clips',
      fixed({ normalize: 'percentile' }, { normalize: 'min-max' }),
      /by "percentile", the recipe normalises by .*\["min-max"\]/,
    ],
    ['that does not give probabilities', fixed({ activation: 'none' }), /outside 0 to 1/],
    [
      'that shrinks the patch',
      one('half-size', { labels: [1], activation: 'sigmoid' }, { classes: ['background', 'a'] }),
      /4x6x4/,
    ],
    [
      'that cannot run on the patch',
      one('dynamic-opset13', {}, { overrides: ['patch.size=[8, 12, 10]', 'teacher.model.size=[5, 7, 9]'] }),
      /patches of 10x12x8 voxels/,
    ],
    [
      'whose classes are independent where those of the student are not',
      one(
        'five-classes-opset12',
        { labels: [1, 2, 3, 4, 5], activation: 'sigmoid' },
        { classes: [...CLASSES, 'x', 'y', 'z'] },
      ),
      /independent/,
    ],
    [
      'from which inner tensors are wanted that it cannot give',
      one(
        'small-window-opset11',
        {},
        {
          overrides: ['distill.losses=[{ attention: { studentLayer: logits, teacherLayer: a } }]'],
        },
      ),
      /window 4x8x6 is not the patch 8x12x8/,
    ],
  ])('%s', async (_, setting, message) => {
    await expect(open(setting).teacher).rejects.toMatchObject({
      code: 'E_TEACHER_FIT',
      message: expect.stringMatching(message),
    });
  });

  it('that gives probabilities unsaid', async () => {
    await expect(open(one('softmax-opset16', {})).teacher).rejects.toMatchObject({
      code: 'E_MODEL_ACTIVATION',
      message: expect.stringMatching(/its last operator is Softmax/),
    });
  });

  it.each([
    ['NCZYX', 0],
    ['NCXYZ', 2],
  ] as const)('whose axes are not %s', async (stated, axis) => {
    // finds what is bright two voxels before, along the first or the last of its axes
    const [depth, height, width] = SIZE;
    const labelled = RAW.slice(0, 1).map(image => {
      const step = [2, 0, 2 * height * width][axis]!;
      const place = (index: number): number => [index % width, 0, Math.floor(index / (height * width))][axis]!;
      return Uint8Array.from(image, (_, index) => Number(place(index) >= 2 && image[index - step]! > 0));
    });
    const other = stated === 'NCZYX' ? 'NCXYZ' : 'NCZYX';
    const setting = (axes: string): Setting => ({
      models: ['shift'],
      besides: { shift: { ...THREE, labels: ['background', 'anterior'], axes, patch: [depth, height, width] } },
      made: { 'shift.onnx': shiftTeacher() },
      classes: ['background', 'anterior'],
      labels: labelled,
    });
    await expect(open(setting(stated)).teacher).rejects.toMatchObject({
      code: 'E_TEACHER_AXES',
      message: expect.stringMatching(
        new RegExp(`Dice 0\\.\\d+ with axes ${stated}, (0\\.9\\d+|1\\.000) with ${other}`),
      ),
    });
    const opened = await open(setting(other)).teacher;
    await opened.close();
  });

  it('that gives labels alone', async () => {
    const labels = { labels: ['background'], activation: 'none' };
    const setting = one('whole-numbers', labels, { classes: ['background', 'a'] });
    await expect(open(setting).teacher).rejects.toMatchObject({ code: 'E_TEACHER_FIT' });
  });

  it('where it gives NaN', async () => {
    await expect(open(one('not-a-number', {})).teacher).rejects.toMatchObject({ code: 'E_TEACHER_NOT_FINITE' });
  });

  it('where an inner tensor is not there', async () => {
    const overrides = ['distill.losses=[{ attention: { studentLayer: logits, teacherLayer: nowhere } }]'];
    await expect(open(fixed({}, { overrides })).teacher).rejects.toMatchObject({
      code: 'E_LAYER',
      message: expect.stringMatching(/no inner tensor "nowhere"; it has/),
    });
  });
});
