/** A model that crops sees the box around what is not 0, and says background of the rest. */
import { describe, expect, it } from 'vitest';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';
import { segment, segmentWithEnsemble } from '../../../src/inference/predictor.ts';
import type { Session } from '../../../src/runtime/engine.ts';
import { CROPS } from '../../../src/volume/nonzero.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';
import { framed, framedVolume } from '../../support/framed.ts';
import { STORAGES, storedAs } from '../../support/orientations.ts';

/** Class 1 where the first channel is above 0.5, with probabilities that depend on the value; all windows are noted. */
function soft(classes: 1 | 2 = 2): Session & { readonly seen: number[] } {
  const seen: number[] = [];
  return {
    seen,
    inputNames: ['image'],
    outputNames: ['logits'],
    run: async feeds => {
      const { data, shape } = feeds['image'] as Tensor<'float32'>;
      const [n = 1, channels = 1, ...window] = shape;
      const voxels = data.length / n / channels;
      seen.push(...data);
      const output = new Float32Array(classes * voxels);
      for (let i = 0; i < voxels; i++) output[(classes - 1) * voxels + i] = 8 * (data[i]! - 0.5);
      return { logits: tensor('float32', output, [1, classes, ...window]) };
    },
    dispose: async () => {},
  };
}

const INFO: ModelInfo = {
  labels: [
    { value: 0, name: 'background' },
    { value: 3, name: 'blob' },
  ],
  channels: 1,
  normalize: 'min-max',
  patch: [4, 4, 4],
  activation: 'softmax',
  inputName: 'image',
  outputName: 'logits',
};
const CROPPING: ModelInfo = { ...INFO, crop: 'nonzero' };
const SIZE: Xyz = [6, 5, 4];
const FRAME = { before: [3, 0, 2], after: [1, 4, 0] } as const;
const AFFINE = [1, 0, 0, 10, 0, 2, 0, -20, 0, 0, 0.5, 30, 0, 0, 0, 1];

/** A body without a voxel of 0. */
function body(channels = 1): Volume {
  const data = Float32Array.from({ length: channels * 120 }, (_, index) => 50 + 40 * Math.sin(index * index));
  return { data, sizeVoxels: SIZE, channels, spacingMm: [1, 2, 0.5], affine: AFFINE };
}

describe('a model that crops', () => {
  it.each([
    ['on its own grid', {}],
    ['at another spacing', { spacingMm: [1.5, 1.5, 1] as Xyz }],
    ['with cubic interpolation', { spacingMm: [1.5, 1.5, 1] as Xyz, imageInterpolation: 'cubic' as const }],
    ['with z-score', { normalize: 'z-score' as const }],
  ])('gives what it gives of the body alone, with background around it, %s', async (_, more) => {
    const alone = await segment(soft(), { ...INFO, ...more }, body(), { probabilities: true });
    const volume = framedVolume(body(), FRAME);
    const { labels, probabilities } = await segment(soft(), { ...CROPPING, ...more }, volume, { probabilities: true });
    expect(labels).toMatchObject({ sizeVoxels: volume.sizeVoxels, affine: volume.affine });
    expect(labels.data).toEqual(framed(alone.labels.data, SIZE, FRAME));
    expect(new Set(labels.data)).toEqual(new Set([0, 3]));
    const [background, blob] = [0, 1].map(k => alone.probabilities!.data.slice(k * 120, (k + 1) * 120));
    expect(probabilities?.data).toEqual(
      Float32Array.of(
        ...framed(background!, SIZE, { ...FRAME, value: 1 }),
        ...framed(blob!, SIZE, { ...FRAME, value: 0 }),
      ),
    );
  });

  it('is 0 around the body in every channel where channels are independent', async () => {
    const info: ModelInfo = { ...CROPPING, activation: 'sigmoid' };
    const { probabilities, labels } = await segment(soft(1), info, framedVolume(body(), FRAME), {
      probabilities: true,
    });
    const alone = await segment(soft(1), { ...info, crop: 'none' }, body(), { probabilities: true });
    expect(probabilities?.data).toEqual(framed(alone.probabilities!.data, SIZE, FRAME));
    expect(labels.data).toEqual(framed(alone.labels.data, SIZE, FRAME));
  });

  it('finds the background wherever it is in the list of its classes', async () => {
    const info: ModelInfo = { ...CROPPING, labels: INFO.labels.toReversed() };
    const { probabilities } = await segment(soft(), info, framedVolume(body(), FRAME), { probabilities: true });
    const voxels = probabilities!.data.length / 2;
    // the first voxel lies in the frame
    expect([probabilities?.data[0], probabilities?.data[voxels]]).toEqual([0, 1]);
  });

  it('is refused without a background, where something is cut away', async () => {
    const labels = [1, 2].map(value => ({ value, name: `class ${value}` }));
    const segmenting = segment(soft(), { ...CROPPING, labels }, framedVolume(body(), FRAME));
    await expect(segmenting).rejects.toMatchObject({ code: 'E_MODEL_LABELS' });
    await expect(segment(soft(), { ...CROPPING, labels }, body())).resolves.toBeDefined();
  });

  it('never shows the model what was cut away, which would change the mean', async () => {
    const [cropping, whole] = [soft(), soft()];
    await segment(cropping, { ...CROPPING, normalize: 'z-score' }, framedVolume(body(), FRAME));
    await segment(whole, { ...INFO, normalize: 'z-score' }, framedVolume(body(), FRAME));
    expect(Math.min(...whole.seen)).not.toBeCloseTo(Math.min(...cropping.seen), 2);
    expect(cropping.seen.length).toBeLessThan(whole.seen.length);
  });

  it('gives the same in any of the 48 axes', async () => {
    const info: ModelInfo = { ...CROPPING, orientation: 'RAS', spacingMm: [1, 1, 1] };
    const volume = framedVolume(body(), FRAME);
    const expected = await segment(soft(), info, volume);
    for (const storage of STORAGES) {
      const { labels } = await segment(soft(), info, storedAs(volume, storage));
      const stored = storedAs({ ...volume, data: Float32Array.from(expected.labels.data) }, storage);
      expect([...labels.data]).toEqual([...stored.data]);
    }
  });

  it('keeps the box around the supports of all channels', async () => {
    const [size, channels] = [[6, 5, 4], 2] as const;
    const data = new Float32Array(240);
    data[(1 * 5 + 1) * 6 + 1] = 1; // first channel: 1, 1, 1
    data[120 + (2 * 5 + 3) * 6 + 4] = 1; // second channel: 4, 3, 2
    const session = soft();
    const info: ModelInfo = { ...CROPPING, channels, normalize: 'none', patch: [2, 3, 4] };
    await segment(session, info, { ...body(), data, sizeVoxels: size, channels });
    // one window of 4 x 3 x 2 voxels and two channels
    expect(session.seen).toHaveLength(48);
    expect(session.seen[0]).toBe(1);
    expect(session.seen.at(-1)).toBe(1);
  });

  it.each([
    ['an image of zeros', 0, 0],
    ['an image of NaN', Number.NaN, 0],
    ['a single voxel in zeros', 0, 1],
    ['a single voxel in NaN', Number.NaN, 1],
  ])('takes %s', async (_, around, voxels) => {
    const data = new Float32Array(120).fill(around);
    if (voxels > 0) data[77] = 5;
    const { labels, warnings } = await segment(soft(), { ...CROPPING, normalize: 'none' }, { ...body(), data });
    expect([...labels.data].flatMap((value, index) => (value === 3 ? [index] : []))).toEqual(voxels > 0 ? [77] : []);
    const isWarned = warnings.some(({ code }) => code === 'W_IMAGE_NOT_FINITE');
    expect(isWarned).toBe(Number.isNaN(around) && voxels === 0);
  });

  it('takes NaN around the body as it takes zeros', async () => {
    const volume = framedVolume(body(), FRAME);
    const [zeros, nan] = [0, Number.NaN].map(value => ({
      ...volume,
      data: framed(body().data, SIZE, { ...FRAME, value }),
    }));
    const of = async (one: Volume) => (await segment(soft(), { ...CROPPING, normalize: 'z-score' }, one)).labels.data;
    expect(await of(nan!)).toEqual(await of(zeros!));
  });

  it('segments together with one that does not crop, each by its own view', async () => {
    const volume = framedVolume(body(), FRAME);
    const models = CROPS.map(crop => ({ session: soft(), info: { ...INFO, normalize: 'z-score' as const, crop } }));
    const together = await segmentWithEnsemble(models, volume, { probabilities: true });
    const apart = await Promise.all(
      models.map(({ session, info }) => segment(session, info, volume, { probabilities: true })),
    );
    const [left, right] = apart.map(({ probabilities }) => probabilities!.data);
    together.probabilities!.data.forEach((value, index) => {
      expect(value).toBeCloseTo((left![index]! + right![index]!) / 2, 6);
    });
  });
});
