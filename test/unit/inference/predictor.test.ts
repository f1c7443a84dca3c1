import { describe, expect, it } from 'vitest';
import { elementCount } from '../../../src/core/shape.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import type { JointClasses } from '../../../src/inference/ensemble.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';
import { type Segmentation, segment, segmentWithEnsemble } from '../../../src/inference/predictor.ts';
import type { Session } from '../../../src/runtime/engine.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';
import { STORAGES, storedAs } from '../../support/orientations.ts';

/** A model whose output k is a function of the intensity at the same voxel. */
function voxelwise(f: (value: number) => readonly number[]): Session & { readonly shapes: (readonly number[])[] } {
  const shapes: (readonly number[])[] = [];
  return {
    inputNames: ['image'],
    outputNames: ['logits'],
    shapes,
    run: async feeds => {
      const input = feeds['image'] as Tensor<'float32'>;
      shapes.push(input.shape);
      const [, , ...window] = input.shape;
      const count = elementCount(window);
      const classes = f(0).length;
      const output = new Float32Array(classes * count);
      input.data.forEach((value, i) => {
        f(value).forEach((result, k) => {
          output[k * count + i] = result;
        });
      });
      return { logits: tensor('float32', output, [1, classes, ...window]) };
    },
    dispose: async () => {},
  };
}

function volumeOf(sizeVoxels: Xyz, spacingMm: Xyz, value: (x: number, y: number, z: number) => number): Volume {
  const [nx, ny, nz] = sizeVoxels;
  const data = Float32Array.from({ length: nx * ny * nz }, (_, i) =>
    value(i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))),
  );
  const affine = [spacingMm[0], 0, 0, -9, 0, spacingMm[1], 0, 4, 0, 0, spacingMm[2], 2, 0, 0, 0, 1];
  return { data, sizeVoxels, channels: 1, spacingMm, affine };
}

const info: ModelInfo = {
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'dim' },
    { value: 2, name: 'bright' },
  ],
  channels: 1,
  normalize: 'min-max',
  patch: [3, 4, 5],
  activation: 'softmax',
  inputName: 'image',
  outputName: 'logits',
};

/** Thirds of the normalised intensity: background, dim, bright. */
const thirds = (value: number): readonly number[] => [1 / 3 - value, 0, value - 2 / 3].map(logit => 50 * logit);

describe('segmenting a volume', () => {
  it('decides every voxel of a volume on its own grid, after normalising', async () => {
    const volume = volumeOf([11, 6, 5], [1, 2, 3], (x, y) => 1000 + 100 * x + y);
    const session = voxelwise(thirds);
    const { labels, probabilities, warnings } = await segment(session, info, volume);
    const normalised = Array.from(volume.data, value => (value - 1000) / 1005);
    expect(Array.from(labels.data)).toEqual(normalised.map(value => (value < 1 / 3 ? 0 : value < 2 / 3 ? 1 : 2)));
    const { sizeVoxels, spacingMm, affine } = volume;
    expect(labels).toMatchObject({ sizeVoxels, spacingMm, affine });
    expect(new Set(session.shapes.map(shape => shape.join('x')))).toEqual(new Set(['1x1x3x4x5']));
    expect(probabilities).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('shows the model its own spacing and returns to the grid of the input', async () => {
    const volume = volumeOf([24, 6, 5], [0.5, 2, 2], x => x);
    const session = voxelwise(thirds);
    const { labels, probabilities } = await segment(
      session,
      { ...info, spacingMm: [1, 1, 2], patch: [5, 12, 12] },
      volume,
      { probabilities: true },
    );
    expect(session.shapes).toEqual([[1, 1, 5, 12, 12]]);
    const { sizeVoxels, spacingMm, affine } = volume;
    expect(labels).toMatchObject({ sizeVoxels, spacingMm, affine });
    // Borders of the thirds of 0 .. 23 lie at 7.67 and 15.33, blurred by at most one voxel of the model.
    for (const [i, label] of labels.data.entries()) {
      const x = i % 24;
      if (Math.abs(x - 23 / 3) > 1.5 && Math.abs(x - 46 / 3) > 1.5) expect(label).toBe(Math.floor((3 * x) / 23.001));
    }
    expect(probabilities).toMatchObject({ sizeVoxels, spacingMm, affine, channels: 3 });
    const count = 24 * 6 * 5;
    for (let i = 0; i < count; i++) {
      const channels = [0, 1, 2].map(k => probabilities?.data[k * count + i] ?? Number.NaN);
      expect(channels.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
      expect(channels.indexOf(Math.max(...channels))).toBe(labels.data[i]);
    }
  });

  it('writes the label values of the model, not the numbers of its channels', async () => {
    const volume = volumeOf([6, 1, 1], [1, 1, 1], x => x);
    const labels = [
      { value: 0, name: 'background' },
      { value: 4, name: 'dim' },
      { value: 9, name: 'bright' },
    ];
    const result = await segment(voxelwise(thirds), { ...info, labels }, volume);
    expect(result.labels.data).toEqual(Uint8Array.of(0, 0, 4, 4, 9, 9));
  });

  it('gives a sigmoid model one channel for each class but the background', async () => {
    const volume = volumeOf([6, 1, 1], [1, 1, 1], x => x);
    const session = voxelwise(value => [value - 0.5, 2 * value - 1.5].map(logit => 10 * logit));
    const result = await segment(session, { ...info, activation: 'sigmoid' }, volume, { probabilities: true });
    // Channel 1 reaches 0.5 at 0.5, channel 2 at 0.75 and passes channel 1 at 1; equal at 1, the first wins.
    expect(result.labels.data).toEqual(Uint8Array.of(0, 0, 0, 1, 1, 1));
    expect(result.probabilities?.channels).toBe(2);
    expect(result.probabilities?.data[0]).toBeCloseTo(1 / (1 + Math.exp(5)), 6);
  });

  it('reads ready probabilities by whether the background is listed', async () => {
    const volume = volumeOf([6, 1, 1], [1, 1, 1], x => x);
    const foreground = [{ value: 7, name: 'organ' }];
    const one = await segment(
      voxelwise(p => [p]),
      { ...info, activation: 'none', labels: foreground },
      volume,
    );
    expect(one.labels.data).toEqual(Uint8Array.of(0, 0, 0, 7, 7, 7));
    const labels = [{ value: 0, name: 'background' }, ...foreground];
    const two = await segment(
      voxelwise(p => [1 - p, p]),
      { ...info, activation: 'none', labels },
      volume,
    );
    expect(two.labels.data).toEqual(Uint8Array.of(0, 0, 0, 7, 7, 7));
  });

  it('passes on what normalising had to warn of, under the name of the volume', async () => {
    const volume = volumeOf([4, 1, 1], [1, 1, 1], () => 3);
    const { warnings, labels } = await segment(voxelwise(thirds), info, volume, { id: 'case_7' });
    expect(warnings).toMatchObject([{ code: 'W_IMAGE_CONSTANT', message: expect.stringContaining('case_7') }]);
    expect(labels.data).toEqual(new Uint8Array(4));
  });

  it('refuses a volume with other channels than the model takes, and a model without classes', async () => {
    const volume = volumeOf([4, 1, 1], [1, 1, 1], x => x);
    const session = voxelwise(thirds);
    await expect(segment(session, { ...info, channels: 2 }, volume)).rejects.toMatchObject({ code: 'E_CHANNELS' });
    const nothing: ModelInfo = { ...info, activation: 'sigmoid', labels: [{ value: 0, name: 'background' }] };
    await expect(segment(session, nothing, volume)).rejects.toMatchObject({ code: 'E_MODEL_LABELS' });
  });
});

describe('an ensemble', () => {
  const softmax = (logits: readonly number[]): number[] => {
    const exponentials = logits.map(Math.exp);
    const sum = exponentials.reduce((total, value) => total + value, 0);
    return exponentials.map(value => value / sum);
  };
  const volume = volumeOf([7, 6, 5], [1, 2, 3], (x, y, z) => 3 * x + 2 * y + z);
  const first = (value: number): readonly number[] => [1 - value, value, 0.3];
  const second = (value: number): readonly number[] => [0, 2 * value - 1, 3 * value];

  it('is the mean of the probabilities of models with windows of their own', async () => {
    const models = [
      { session: voxelwise(first), info },
      { session: voxelwise(second), info: { ...info, patch: [5, 3, 4] as const, normalize: 'none' as const } },
    ];
    const progress: (readonly [number, number])[] = [];
    const onProgress = (done: number, total: number) => progress.push([done, total]);
    const { labels, probabilities } = await segmentWithEnsemble(models, volume, { probabilities: true, onProgress });
    const count = volume.data.length;
    const largest = 6 * 3 + 5 * 2 + 4;
    for (let i = 0; i < count; i++) {
      const [a, b] = [softmax(first(volume.data[i]! / largest)), softmax(second(volume.data[i]!))];
      const mean = a.map((value, k) => (value + b[k]!) / 2);
      for (let k = 0; k < 3; k++) expect(probabilities?.data[k * count + i]).toBeCloseTo(mean[k]!, 5);
      expect(labels.data[i]).toBe(mean.indexOf(Math.max(...mean)));
    }
    expect(progress.map(([done]) => done)).toEqual(progress.map((_, index) => index + 1));
    expect(progress.at(-1)?.[0]).toBe(progress[0]?.[1]);
  });

  it('takes the mean on the grid of the volume where the models have other spacings', async () => {
    const spacings = [
      [2, 2, 3],
      [1, 1.2, 1.5],
    ] as const;
    const models = spacings.map((spacingMm, index) => ({
      session: voxelwise(index === 0 ? first : second),
      info: { ...info, spacingMm },
    }));
    const alone: Segmentation[] = [];
    for (const { session, info: one } of models) {
      alone.push(await segment(session, one, volume, { probabilities: true }));
    }
    const together = await segmentWithEnsemble(models, volume, { probabilities: true });
    together.probabilities?.data.forEach((value, i) => {
      const mean = (alone[0]!.probabilities!.data[i]! + alone[1]!.probabilities!.data[i]!) / 2;
      expect(value).toBeCloseTo(mean, 6);
    });
  });

  it('segments classes that its models know one by one', async () => {
    const one = (name: string, value: number): ModelInfo => ({
      ...info,
      labels: [
        { value: 0, name: 'background' },
        { value, name },
      ],
    });
    const models = [
      { session: voxelwise(value => [0, 20 * (0.3 - value)]), info: one('low', 1) },
      { session: voxelwise(value => [0, 20 * (value - 0.7)]), info: one('high', 2) },
    ];
    const joint: JointClasses = {
      kind: 'softmax',
      values: [0, 1, 2],
      labels: models.flatMap(each => each.info.labels.slice(1)),
      members: [1, 2].map(k => ({ weight: 1, channels: [undefined, k] })),
    };
    const { labels } = await segmentWithEnsemble(models, volume, { joint });
    const largest = 6 * 3 + 5 * 2 + 4;
    labels.data.forEach((value, i) => {
      const seen = volume.data[i]! / largest;
      expect(value).toBe(seen < 0.3 ? 1 : seen > 0.7 ? 2 : 0);
    });
    const other = [models[0]!, { ...models[1]!, info: { ...models[1]!.info, channels: 2 } }];
    await expect(segmentWithEnsemble(other, volume, { joint })).rejects.toMatchObject({ code: 'E_ENSEMBLE' });
  });

  it.each([
    ['channels', { channels: 2 }],
    ['labels', { labels: info.labels.slice(0, 2) }],
    ['kinds of classes', { activation: 'sigmoid' as const }],
  ])('refuses models with other %s', async (_, other) => {
    const session = voxelwise(first);
    const models = [
      { session, info },
      { session, info: { ...info, ...other } },
    ];
    await expect(segmentWithEnsemble(models, volume)).rejects.toMatchObject({ code: 'E_ENSEMBLE' });
  });
});

it('shows the probabilities of every slice as they become final', async () => {
  const volume = volumeOf([4, 3, 9], [1, 1, 1], x => x);
  const seen: number[] = [];
  const kept: Float32Array[] = [];
  const { probabilities } = await segment(voxelwise(thirds), info, volume, {
    probabilities: true,
    onSlice: (slice, voxels) => {
      seen.push(voxels[0]! / 12);
      kept.push(slice.slice());
    },
  });
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  kept.forEach((slice, z) => {
    for (let k = 0; k < 3; k++) {
      const from = k * volume.data.length + z * 12;
      expect(slice.subarray(k * 12, (k + 1) * 12)).toEqual(probabilities?.data.subarray(from, from + 12));
    }
  });
});

describe('volumes stored in other axes', () => {
  /**
   * Bright where the next voxel along x is brighter, dim where the next along y is: knows left from right and front
   * from back.
   */
  const directional: Session = {
    inputNames: ['image'],
    outputNames: ['logits'],
    run: async feeds => {
      const { data, shape } = feeds['image'] as Tensor<'float32'>;
      const [, , depth, height, width] = shape as readonly [number, number, number, number, number];
      const count = depth * height * width;
      const output = new Float32Array(3 * count);
      for (let at = 0; at < count; at++) {
        const x = at % width;
        const y = Math.floor(at / width) % height;
        output[count + at] = y + 1 < height ? 9 * (data[at + width]! - data[at]!) : 0;
        output[2 * count + at] = x + 1 < width ? 9 * (data[at + 1]! - data[at]!) : 0;
      }
      return { logits: tensor('float32', output, [1, 3, depth, height, width]) };
    },
    dispose: async () => {},
  };
  const ras: ModelInfo = { ...info, normalize: 'z-score', orientation: 'RAS', spacingMm: [1, 1.5, 1] };
  const volume = volumeOf([6, 5, 4], [1, 1.2, 1.4], (x, y, z) => Math.sin(5 * x + 3 * y * y + 7 * z * x));

  it('get the labels and probabilities of the same volume in canonical axes, voxel by voxel', async () => {
    const expected = await segment(directional, ras, volume, { probabilities: true });
    expect(new Set(expected.labels.data).size).toBe(3);
    for (const storage of STORAGES) {
      const stored = storedAs(volume, storage);
      const { labels, probabilities } = await segment(directional, ras, stored, { probabilities: true });
      const asVolume = { ...expected.labels, channels: 1, data: Float32Array.from(expected.labels.data) };
      expect(labels.data).toEqual(Uint8Array.from(storedAs(asVolume, storage).data));
      expect(probabilities).toEqual(storedAs(expected.probabilities as Volume, storage));
      expect(labels).toMatchObject({ affine: stored.affine, sizeVoxels: stored.sizeVoxels });
    }
  });

  it('go into a model that takes them as they are stored without a turn', async () => {
    const { orientation: _ras, ...asStored } = ras;
    const expected = await segment(directional, asStored, volume);
    const mirrored = storedAs(volume, { along: [0, 1, 2], back: [true, false, false] });
    const { labels } = await segment(directional, asStored, mirrored);
    const turnedBack = storedAs(
      { ...labels, channels: 1, data: Float32Array.from(labels.data) },
      { along: [0, 1, 2], back: [true, false, false] },
    );
    expect(Uint8Array.from(turnedBack.data)).not.toEqual(expected.labels.data);
  });

  it('of one slice are segmented too', async () => {
    const flat = volumeOf([6, 5, 1], [1, 1.2, 3], (x, y) => Math.sin(5 * x + 3 * y * y));
    const thin: ModelInfo = { ...ras, patch: [1, 4, 4] };
    const expected = await segment(directional, { ...thin, spacingMm: [1, 1.5, 3] }, flat);
    expect(new Set(expected.labels.data).size).toBe(3);
    const storage = { along: [2, 0, 1], back: [false, true, true] } as const;
    const { labels } = await segment(directional, { ...thin, spacingMm: [1, 1.5, 3] }, storedAs(flat, storage));
    const asVolume = { ...expected.labels, channels: 1, data: Float32Array.from(expected.labels.data) };
    expect(labels.data).toEqual(Uint8Array.from(storedAs(asVolume, storage).data));
  });

  it('do not go to models of different axes at once', async () => {
    const { orientation: _ras, ...asStored } = ras;
    const models = [ras, asStored].map(one => ({ session: directional, info: one }));
    await expect(segmentWithEnsemble(models, volume)).rejects.toMatchObject({ code: 'E_ENSEMBLE' });
  });
});

describe('post-processing in the model', () => {
  // the bright class is in two places, of which one is smaller
  const volume = volumeOf([12, 1, 1], [1, 1, 1], x => (x < 2 || x > 8 ? 10 : x === 5 ? 5 : 0));
  const steps = { ...info, postprocess: { bright: { largestComponent: true } } };

  it('is replayed on the labels, unless it is not wanted', async () => {
    const session = voxelwise(thirds);
    const kept = await segment(session, steps, volume);
    expect(kept.labels.data).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 2, 2));
    const raw = await segment(session, steps, volume, { postprocess: false });
    expect(raw.labels.data).toEqual(Uint8Array.of(2, 2, 0, 0, 0, 1, 0, 0, 0, 2, 2, 2));
  });

  it('is applied to an ensemble if its models agree on it, and said to be left out otherwise', async () => {
    const session = voxelwise(thirds);
    const agreed = await segmentWithEnsemble(
      [
        { session, info: steps },
        { session, info: steps },
      ],
      volume,
    );
    expect(agreed.labels.data[0]).toBe(0);
    expect(agreed.warnings).toEqual([]);
    const mixed = await segmentWithEnsemble(
      [
        { session, info: steps },
        { session, info },
      ],
      volume,
    );
    expect(mixed.labels.data[0]).toBe(2);
    expect(mixed.warnings).toMatchObject([{ code: 'W_POSTPROCESS' }]);
  });
});
