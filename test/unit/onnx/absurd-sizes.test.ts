/** Sizes in a model's file that no image has: they are refused before memory is taken for them. */
import { expect, it } from 'vitest';
import { tensor } from '../../../src/core/tensor.ts';
import { modelOutlook } from '../../../src/experiment/model-outlook.ts';
import { decodeModel } from '../../../src/onnx/decode.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import { importModel } from '../../../src/onnx/import.ts';
import { modelBytes } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

/** A model that is one resizing of its first axis in space, by half a voxel linearly. */
function resizing(factor: number): Uint8Array {
  return encodeModel({
    nodes: [
      {
        ...{ name: 'r', op: 'Resize', inputs: ['image', '', 'scales'], outputs: ['y'] },
        attributes: { mode: 'linear', coordinate_transformation_mode: 'half_pixel' },
      },
    ],
    initializers: [{ name: 'scales', ...tensor('float32', Float32Array.of(1, 1, factor, 1, 1), [5]) }],
    inputs: [{ name: 'image', dataType: 'float32', shape: [1, 1, 4, 4, 4] }],
    outputs: [{ name: 'y', dataType: 'float32', shape: [1, 1, 'D', 4, 4] }],
    metadata: {},
  });
}

const imported = (factor: number) =>
  importModel(decodeModel(resizing(factor), 'm.onnx'), {
    input: { name: 'image', shape: [1, 1, 4, 4, 4] },
    outputs: ['y'],
  });

it('a resizing to more voxels than an image has, to none, or to a number that is none is not known', () => {
  expect(imported(2)).not.toHaveProperty('unsupported');
  for (const factor of [5000, 0, -1, Number.NaN, 1e30]) {
    expect(imported(factor)).toEqual({ unsupported: expect.stringContaining('Resize from 4 to') });
  }
});

it('a huge axis of an output is not taken for a number of classes', async () => {
  const bytes = modelBytes({}, ['N', 1, 4, 4, 4], ['N', 100_000, 4, 4, 4]);
  const files = memoryFiles();
  files.contents.set('m.onnx', bytes);
  let reads = 0;
  const read = (path: string): Promise<Uint8Array> => {
    reads++;
    return files.read(path);
  };
  await modelOutlook({ ...files, read }, 'm.onnx', bytes);
  // as the file is, and for two and for four classes, with a window and without
  expect(reads).toBeLessThanOrEqual(5);
});
