/** Models of Keras 2 and 3, imported, say what they say in Keras; the goldens are TensorFlow's. */
import { expect, it } from 'vitest';
import { elementCount } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { openModel } from '../../src/experiment/model-file.ts';
import { importModelFile } from '../../src/experiment/model-source.ts';
import { activate } from '../../src/inference/probabilities.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { goldensImage } from '../support/goldens-stream.ts';
import { kerasFiles, kerasOutputs } from '../support/keras-models.ts';

const engine = await createNodeEngine({ threads: 1 });
/** Of the goldens, which have six digits, and of float32 sums. */
const TOLERANCE = 2e-5;
const STRIDE = 13;

it.each([
  ['unet.keras', ['a', 'b', 'c'], 'softmax'],
  ['unet.h5', ['a', 'b', 'c'], 'softmax'],
  ['nested.keras', ['background', 'a', 'b'], 'sigmoid'],
  ['nested.h5', ['background', 'a', 'b'], 'sigmoid'],
  ['keras2.h5', ['background', 'a'], 'sigmoid'],
  ['planes.keras', ['a', 'b', 'c'], 'softmax'],
  ['planes.h5', ['a', 'b', 'c'], 'softmax'],
] as const)('%s', async (name, classes, activation) => {
  const labels = classes.map((label, value) => ({ value, name: label }));
  const given = { labels, normalize: 'none' } as const;
  const { file, notes } = await importModelFile(kerasFiles(name), name, { given });
  expect(file.metadata).toMatchObject({ activation, axes: 'NCZYX' });
  expect(notes.join()).toMatch(/--axes (NCXYZ for|NXYC for planes of) arrays of nibabel/);
  const size = file.info.patch;
  const { channels } = file.info;
  const voxels = elementCount(size);
  // drawn with the channels last
  const drawn = goldensImage(3, [1, ...size, channels]);
  const image = Float32Array.from(
    drawn,
    (_, index) => drawn[(index % voxels) * channels + Math.floor(index / voxels)]!,
  );
  const session = await openModel(engine, file);
  const { logits } = await session.run({ image: tensor('float32', image, [1, channels, ...size]) });
  await session.dispose();
  const [, count, ...given3] = logits!.shape as readonly [number, number, ...number[]];
  const { shape, values } = kerasOutputs[name.split('.')[0]!]!;
  // a plane is a volume of one slice
  expect([1, ...(shape.length === 4 ? given3.slice(1) : given3), count]).toEqual(shape);
  const probabilities = Float32Array.from(logits!.data as Float32Array);
  activate(probabilities, count, activation);
  const outVoxels = elementCount(given3);
  values.forEach((value, index) => {
    const at = index * STRIDE;
    expect(Math.abs(probabilities[(at % count) * outVoxels + Math.floor(at / count)]! - value)).toBeLessThan(TOLERANCE);
  });
});

it('sees planes of arrays with x before y as it sees others with their axes exchanged', async () => {
  const labels = ['a', 'b', 'c'].map((name, value) => ({ value, name }));
  const given = { labels, normalize: 'none' } as const;
  const say = async (axes: 'NYXC' | 'NXYC', image: Float32Array, size: readonly number[]) => {
    const { file } = await importModelFile(kerasFiles('planes.keras'), 'planes.keras', { given: { ...given, axes } });
    expect(file.info.patch).toEqual(size);
    const session = await openModel(engine, file);
    const { logits } = await session.run({ image: tensor('float32', image, [1, 2, ...size]) });
    await session.dispose();
    return logits!;
  };
  const [height, width] = [8, 12];
  const image = goldensImage(3, [2, height, width]);
  const turned = (data: Float32Array, rows: number, columns: number): Float32Array =>
    data.map((_, index) => {
      const [plane, rest] = [Math.floor(index / (rows * columns)), index % (rows * columns)];
      return data[plane * rows * columns + (rest % rows) * columns + Math.floor(rest / rows)]!;
    });
  const straight = await say('NYXC', image, [1, height, width]);
  const other = await say('NXYC', turned(image, height, width), [1, width, height]);
  const [, , , rows = 0, columns = 0] = straight.shape;
  expect(other.shape).toEqual([1, 3, 1, columns, rows]);
  const expected = turned(straight.data as Float32Array, rows, columns);
  (other.data as Float32Array).forEach((value, index) => {
    expect(Math.abs(value - expected[index]!)).toBeLessThan(TOLERANCE);
  });
});

it('takes the window that is given where a model takes any', async () => {
  const labels = ['background', 'a'].map((name, value) => ({ value, name }));
  const given = { labels, normalize: 'none', activation: 'softmax' } as const;
  const files = kerasFiles('any-size.keras');
  const { file } = await importModelFile(files, 'any-size.keras', { given: { ...given, patch: [4, 6, 8] } });
  expect(file.info).toMatchObject({ patch: [4, 6, 8], channels: 1 });
  await expect(importModelFile(files, 'any-size.keras', { given })).rejects.toMatchObject({
    code: 'E_IMPORT_LAYER',
    message: expect.stringMatching(/windows of any size; give one with --patch/),
  });
});
