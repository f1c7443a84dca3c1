/**
 * Every voxel of a result is that of its input, whatever the size and the axes of the file: 13 sizes, some of them
 * smaller than the window or one voxel thick, in 6 orders of their axes with every flip.
 */
import { expect, test } from 'vitest';
import { tensor } from '../../../src/core/tensor.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';
import { segment } from '../../../src/inference/predictor.ts';
import type { Session } from '../../../src/runtime/engine.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';

const SIZES: readonly Xyz[] = [
  [1, 1, 1],
  [1, 1, 9],
  [9, 1, 1],
  [1, 9, 1],
  [2, 3, 4],
  [1, 7, 8],
  [8, 1, 7],
  [7, 8, 1],
  [8, 8, 8],
  [9, 8, 7],
  [3, 20, 5],
  [17, 5, 9],
  [12, 11, 13],
];
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** A model whose class is what the image says: 1 above a half. */
const identity: Session = {
  inputNames: ['image'],
  outputNames: ['logits'],
  run: async feeds => {
    const { data, shape } = feeds['image'] as { readonly data: Float32Array; readonly shape: readonly number[] };
    const logits = new Float32Array(2 * data.length);
    data.forEach((value, i) => {
      logits[data.length + i] = value > 0.5 ? 9 : -9;
    });
    return { logits: tensor('float32', logits, [1, 2, ...shape.slice(2)]) };
  },
  dispose: async () => {},
};

const info: ModelInfo = {
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'one' },
  ],
  channels: 1,
  normalize: 'none',
  patch: [8, 8, 8],
  activation: 'softmax',
  orientation: 'RAS',
  inputName: 'image',
  outputName: 'logits',
};

/** Axis k of the file runs along world axis order[k], forwards or backwards. */
function stored(sizeVoxels: Xyz, order: readonly number[], flips: number): Volume {
  const affine = new Array<number>(16).fill(0);
  order.forEach((world, axis) => {
    affine[world * 4 + axis] = (flips >> axis) & 1 ? -1 : 1;
  });
  affine[15] = 1;
  const count = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
  // no pattern that a turned or mirrored grid would share
  const data = Float32Array.from({ length: count }, (_, i) => ((i * 2654435761) % 4294967296 < 2 ** 31 ? 1 : 0));
  return { data, sizeVoxels, channels: 1, spacingMm: [1, 1, 1], affine };
}

test.each(SIZES)('%i x %i x %i', async (x, y, z) => {
  for (const order of ORDERS) {
    for (let flips = 0; flips < 8; flips++) {
      const volume = stored([x, y, z], order, flips);
      const { labels } = await segment(identity, info, volume, { id: 'a', overlap: 0.5, weighting: 'gaussian' });
      expect(labels.sizeVoxels).toEqual([x, y, z]);
      expect(labels.affine).toEqual(volume.affine);
      expect(Array.from(labels.data), `${order} ${flips}`).toEqual(Array.from(volume.data));
    }
  }
});
