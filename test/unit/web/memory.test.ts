/** What the page says of memory before it starts. */
import { expect, it } from 'vitest';
import { tensor } from '../../../src/core/tensor.ts';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import { type ModelFile, readModelFile } from '../../../src/experiment/model-file.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';
import { planMemory } from '../../../web/memory.ts';

type Length = number | string;

/** Two convolutions with this many channels between them, as a model that wants windows of 256^3. */
function model(channels: number, spatial: readonly Length[]): Promise<ModelFile> {
  const kernel = (name: string, shape: readonly number[]) => {
    const count = shape.reduce((product, length) => product * length, 1);
    return { name, ...tensor('float32', new Float32Array(count), shape) };
  };
  const attributes = { pads: [1, 1, 1, 1, 1, 1] };
  const bytes = encodeModel({
    nodes: [
      { name: 'n1', op: 'Conv', inputs: ['image', 'w1'], outputs: ['middle'], attributes },
      { name: 'n2', op: 'Conv', inputs: ['middle', 'w2'], outputs: ['logits'], attributes },
    ],
    initializers: [kernel('w1', [channels, 1, 3, 3, 3]), kernel('w2', [2, channels, 3, 3, 3])],
    inputs: [{ name: 'image', dataType: 'float32', shape: ['N', 1, ...spatial] }],
    outputs: [{ name: 'logits', dataType: 'float32', shape: ['N', 2, ...spatial] }],
    metadata: formatModelMetadata({
      labels: ['background', 'brain'].map((name, value) => ({ value, name })),
      channels: 1,
      spacingMm: null,
      orientation: null,
      imageInterpolation: 'linear',
      normalize: 'min-max',
      patch: [256, 256, 256],
      activation: 'softmax',
      inputName: 'image',
      outputName: 'logits',
      parameters: 0,
      multiplyAdds: 0,
      axes: 'NCZYX',
    }),
  });
  return readModelFile({ read: async () => bytes, exists: async () => false }, 'model.onnx');
}

/** A volume of which only the size matters. */
function volumeOf(sizeVoxels: Xyz): Volume {
  return { data: new Float32Array(0), sizeVoxels, channels: 1, spacingMm: [1, 1, 1], affine: [] };
}

const FREE = ['D', 'H', 'W'];
const HEAD = volumeOf([256, 256, 256]);

it('takes a whole head in one window with a network of five channels', async () => {
  const { patch, bytes } = planMemory(HEAD, await model(5, FREE));
  expect(patch).toEqual([256, 256, 256]);
  expect(bytes).toBeGreaterThan(7 * 256 ** 3 * 4);
  expect(bytes).toBeLessThan(4e9);
});

it('takes smaller windows where the model leaves them open, and says so', async () => {
  const { patch, bytes, text } = planMemory(HEAD, await model(64, FREE));
  expect(patch).not.toEqual([256, 256, 256]);
  expect(bytes).toBeLessThan(4e9);
  expect(text).toMatch(/with smaller windows \(\d+ × \d+ × \d+ voxels\)$/);
});

it('refuses what cannot fit, with what to do', async () => {
  const fixed = await model(64, [256, 256, 256]);
  expect(() => planMemory(HEAD, fixed)).toThrow(/needs about [\d.]+ GB, a browser's tab has 4\.00 GB\. Crop/);
  const small = await model(1, FREE);
  expect(() => planMemory(volumeOf([1024, 1024, 1024]), small)).toThrow(
    expect.objectContaining({ code: 'E_TAB_MEMORY' }),
  );
});

it('counts the larger of two stages', async () => {
  const [fine, coarse] = [await model(1, FREE), await model(5, [256, 256, 256])];
  const bytesOf = (file: typeof fine): number => planMemory(HEAD, file).bytes;
  expect(bytesOf({ ...fine, coarse: { models: [coarse], marginMm: 9 } })).toBe(bytesOf(coarse));
  expect(bytesOf({ ...coarse, coarse: { models: [fine], marginMm: 9 } })).toBe(bytesOf(coarse));
});

it('refuses a single slice for a model of volumes', async () => {
  const file = await model(1, FREE);
  expect(() => planMemory(volumeOf([512, 512, 1]), file)).toThrow(expect.objectContaining({ code: 'E_VOLUME_FLAT' }));
});

it('says how many frames a 4D image has, and what to open', async () => {
  const series = { ...volumeOf([16, 16, 16]), channels: 5, data: new Float32Array(5 * 16 ** 3) };
  const file = await model(2, ['d', 'h', 'w']);
  expect(() => planMemory(series, file)).toThrow(
    /^the model takes 1 channel, the image has 5: channels, or frames of a series in time\. Press "Choose a frame"/,
  );
});
