/**
 * What models from elsewhere take and give, whatever their exporter made of it: types of elements, missing axes,
 * several outputs, labels. The models of fixtures/model-ends (make-model-ends.py) give w x + b per class, so their
 * scores are known.
 */
import { describe, expect, it } from 'vitest';
import { elementCount } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { logNotes, openModel, readModelFile } from '../../src/experiment/model-file.ts';
import { outputClasses } from '../../src/inference/model-info.ts';
import { segment } from '../../src/inference/predictor.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import type { Volume } from '../../src/volume/volume.ts';

const engine = await createNodeEngine({ threads: 1 });
const FACTS = {
  labels: ['background', 'a', 'b'].map((name, value) => ({ value, name })),
  normalize: 'none',
} as const;
const WEIGHTS = [
  [1, 0],
  [-1, 0.5],
  [2, -1],
] as const;

type Given = NonNullable<Parameters<typeof readModelFile>[2]>['given'];

const read = (name: string, more: Given = {}) =>
  readModelFile(nodeFiles, new URL(`../fixtures/model-ends/${name}.onnx`, import.meta.url).pathname, {
    given: { ...FACTS, ...more },
  });

const scoresOf = (value: number): number[] => WEIGHTS.map(([weight, bias]) => weight * value + bias);
const best = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

/** Whole numbers, so that every type of element holds them. */
const image = Float32Array.from({ length: 4 * 6 * 8 }, (_, index) => index % 7);

async function run(name: string, more: Given = {}) {
  const file = await read(name, more);
  const session = await openModel(engine, file);
  const [depth, height, width] = file.info.patch;
  const shape = [1, 1, depth, height, width];
  const feed = tensor('float32', image.slice(0, elementCount(shape)), shape);
  const result = (await session.run({ [file.info.inputName]: feed }, [file.info.outputName]))[file.info.outputName]!;
  await session.dispose();
  return { file, result, voxels: depth * height * width };
}

describe('a model from elsewhere gives the scores of its classes', () => {
  it.each<[string, Given]>([
    ['float16', {}],
    ['double', {}],
    ['uint8', {}],
    ['int64', {}],
    ['planes', {}],
    ['no-batch', { axes: 'CZYX' }],
    ['no-channel', { axes: 'NZYX' }],
    ['labels-first', {}],
    ['deep-supervision', {}],
    ['two-heads', {}],
    ['two-heads', { outputName: 'y' }],
    ['labels-only', { outputName: 'y' }],
    ['softmax', { outputName: 'y' }],
  ])('%s %o', async (name, more) => {
    const { file, result, voxels } = await run(name, { activation: 'softmax', ...more });
    expect(file.givesLabels).toBe(false);
    expect(result.shape).toEqual([1, 3, ...file.info.patch]);
    for (let voxel = 0; voxel < voxels; voxel++) {
      scoresOf(image[voxel]!).forEach((score, channel) => {
        expect(result.data[channel * voxels + voxel]).toBeCloseTo(score, 2);
      });
    }
  });

  it.each(['labels-only', 'labels-as-float', 'labels-uint8'])('as votes, where it gives labels: %s', async name => {
    const { file, result, voxels } = await run(name);
    expect([file.givesLabels, file.info.activation]).toEqual([true, 'none']);
    expect(outputClasses(file.info).values).toEqual([0, 1, 2]);
    for (let voxel = 0; voxel < voxels; voxel++) {
      const votes = [0, 1, 2].map(channel => result.data[channel * voxels + voxel]);
      expect(votes).toEqual([0, 1, 2].map(channel => (channel === best(scoresOf(image[voxel]!)) ? 1 : 0)));
    }
  });

  it('segments planes one by one', async () => {
    const file = await read('planes', { activation: 'softmax' });
    expect(file.metadata).toMatchObject({ axes: 'NCYX', patch: [1, 6, 8], channels: 1, batch: 1 });
    const session = await openModel(engine, file);
    const volume: Volume = {
      data: image,
      channels: 1,
      sizeVoxels: [8, 6, 4],
      spacingMm: [1, 1, 1],
      affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    } as unknown as Volume;
    const { labels } = await segment(session, file.info, volume);
    await session.dispose();
    expect([...labels.data]).toEqual([...image].map(value => best(scoresOf(value))));
  });

  it('takes the probabilities of a last softmax or sigmoid for what they are', async () => {
    expect((await read('softmax')).info.activation).toBe('none');
    expect(
      (await read('sigmoid', { labels: [1, 2, 3].map(value => ({ value, name: `${value}` })) })).info.activation,
    ).toBe('none');
  });

  it('says which output it takes, and in which order the axes are', async () => {
    const said = async (name: string, more: Given = {}) => {
      const lines: [string, string][] = [];
      const file = await read(name, { activation: 'softmax', ...more });
      logNotes([file], { log: text => lines.push(['log', text]), warn: text => lines.push(['warn', text]) });
      return lines.map(([how, text]) => `${how}: ${text.slice(text.indexOf('.onnx'))}`);
    };
    expect(await said('two-heads')).toEqual([
      expect.stringMatching(/^warn: .*its output "y" is used, but "z" would fit as well; --output-name/),
      expect.stringMatching(/^log: .*axes NCZYX \(nobody says otherwise\), window 4x6x8 \(z, y, x\), output "y"/),
    ]);
    expect(await said('deep-supervision', { axes: 'NCZYX' })).toEqual([
      expect.stringMatching(
        /^log: .*its output "y" is used; not used: "half" is float32 \[1, 3, 2, 3, 4\]: it is coarser/,
      ),
      expect.stringMatching(/axes NCZYX, window/),
    ]);
  });
});

describe('a model from elsewhere is refused', () => {
  it.each<[string, Given, string, RegExp]>([
    ['half-resolution', {}, 'E_MODEL_KIND', /coarser: 2x3x4 voxels for a window of 4x6x8 .*1\/2.*"output" in the JSON/],
    ['deep-supervision', { outputName: 'half' }, 'E_MODEL_KIND', /its output "half" is float32 .*coarser/],
    ['bigger', {}, 'E_MODEL_KIND', /6x8x10 voxels are more than the window's 4x6x8/],
    ['softmax', {}, 'E_MODEL_ACTIVATION', /its last operator is Softmax.*Say none, or name .*"y", as the output/],
    ['sigmoid', { activation: 'sigmoid' }, 'E_MODEL_ACTIVATION', /its last operator is Sigmoid/],
    ['labels-only', {}, 'E_MODEL_ACTIVATION', /is labels, but its activation is said to be softmax/],
    ['no-batch', { axes: 'NCZYX' }, 'E_MODEL_KIND', /with axes NCZYX: its input "x" is float32 \[1, 4, 6, 8\].*NCYX/],
    ['float16', { outputName: 'other' }, 'E_MODEL_INFO', /no output "other"; it has y/],
  ])('%s %o', async (name, more, code, message) => {
    await expect(read(name, { activation: 'softmax', ...more })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('unless somebody says that a small output is the middle of the window', async () => {
    const file = await read('half-resolution', { activation: 'softmax', output: [2, 3, 4] });
    expect(file.info.output).toEqual([2, 3, 4]);
  });

  it('when its numbers are no probabilities, or do not fit into its type', async () => {
    const segmentWith = async (name: string, value: number) => {
      const file = await read(name, { activation: 'none' });
      const session = await openModel(engine, file);
      const volume = {
        data: new Float32Array(4 * 6 * 8).fill(value),
        channels: 1,
        sizeVoxels: [8, 6, 4],
        spacingMm: [1, 1, 1],
        affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
      } as unknown as Volume;
      try {
        return await segment(session, file.info, volume);
      } finally {
        await session.dispose();
      }
    };
    await expect(segmentWith('double', 3)).rejects.toMatchObject({
      code: 'E_MODEL_ACTIVATION',
      message: expect.stringMatching(/said to be probabilities \(activation none\), but holds 3/),
    });
    await expect(segmentWith('uint8', -5)).rejects.toMatchObject({
      code: 'E_MODEL_INPUT',
      message: expect.stringMatching(/is uint8, which holds 0 to 255, but the image has -5/),
    });
  });

  it('when it gives a label that it does not have', async () => {
    const labels = [0, 1, 5].map(value => ({ value, name: `${value}` }));
    await expect(run('labels-only', { labels })).rejects.toMatchObject({
      code: 'E_MODEL_OUTPUT',
      message: expect.stringMatching(/label 2, which is none of its labels \(0, 1, 5\)/),
    });
  });
});
