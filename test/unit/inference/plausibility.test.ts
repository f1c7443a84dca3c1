/** Images and results that are far from the training cases warn with figures, those like them do not. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { channelFacts } from '../../../src/data/image-facts.ts';
import { type CaseFacts, summarizeTraining, type TrainingFacts } from '../../../src/data/training-facts.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';
import { isFar, shown } from '../../../src/inference/plausibility/bounds.ts';
import { volumeWarnings } from '../../../src/inference/plausibility/class-volumes.ts';
import { imageWarnings } from '../../../src/inference/plausibility/image.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';

const INFO: ModelInfo = {
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'head' },
    { value: 2, name: 'tail' },
  ],
  channels: 1,
  spacingMm: [1, 1, 1],
  orientation: 'RAS',
  normalize: 'min-max',
  patch: [16, 16, 16],
  activation: 'softmax',
  inputName: 'image',
  outputName: 'logits',
};

/** Noise like MR: from `from` up, `width` wide, stored with axes right, anterior, superior. */
function scan(sizeVoxels: Xyz, spacingMm: Xyz = [1, 1, 1], { from = 20, width = 500, channels = 1 } = {}): Volume {
  const noise = random(3, 'scan', sizeVoxels.join());
  const length = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2] * channels;
  const data = Float32Array.from({ length }, () => from + width * noise.uniform());
  const [x, y, z] = spacingMm;
  return { data, sizeVoxels, channels, spacingMm, affine: [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1] };
}

function factsOf({ sizeVoxels, spacingMm, ...volume }: Volume, [head, tail]: readonly [number, number]): CaseFacts {
  return {
    grid: { sizeVoxels, spacingMm },
    channels: channelFacts({ sizeVoxels, spacingMm, ...volume }),
    volumesMl: { head, tail },
  };
}

/** 20 cases of 30 to 40 voxels, 1 mm, with a head of 1 to 2 ml; half of them have a tail of 0.01 to 10 ml. */
const TRAINING: TrainingFacts = summarizeTraining(
  Array.from({ length: 20 }, (_, index): CaseFacts => {
    const size = 30 + Math.round((10 * index) / 19);
    const tail = index % 2 === 0 ? 0 : 10 ** (-2 + (3 * (index - 1)) / 18);
    return factsOf(scan([size, size, size]), [1 + index / 19, tail]);
  }) as [CaseFacts, ...CaseFacts[]],
);

const told = (volume: Volume, info: Partial<ModelInfo> = {}, training: TrainingFacts | undefined = TRAINING) =>
  imageWarnings(volume, [{ info: { ...INFO, ...info }, training }], 'a');
const codes = (volume: Volume, info: Partial<ModelInfo> = {}) => told(volume, info).map(({ code }) => code);

describe('imageWarnings', () => {
  it('says nothing of images like those of training, however their axes are stored', () => {
    expect(told(scan([35, 35, 35]))).toEqual([]);
    expect(told(scan([45, 26, 50]))).toEqual([]);
    // scaled: the normalisation takes it away
    expect(told(scan([35, 35, 35], [1, 1, 1], { from: 0.04, width: 1 }))).toEqual([]);
  });

  it('says how many times an image is larger than the largest, and along which axes', () => {
    const [warning, ...others] = told(scan([160, 160, 64]));
    expect(others).toEqual([]);
    expect(warning).toMatchObject({
      code: 'W_IMAGE_EXTENT',
      found: [160, 160, 64],
      training: { min: [30, 30, 30], max: [40, 40, 40] },
      unit: 'mm',
      times: 25.6,
    });
    expect(warning?.message).toBe(
      'a: the image is 25.6 times as large as the largest of the training cases: 160 mm along x (in training 30 to 40 mm), 160 mm along y (in training 30 to 40 mm). Cut out the region that the training images show, or take a model for whole scans.',
    );
  });

  it('reports a part of what training showed, in the axes of the model', () => {
    const volume = scan([35, 35, 10]);
    // stored with its axes superior, right, anterior
    const turned = { ...volume, affine: [0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1] };
    expect(told(volume)[0]?.message).toMatch(/is 2\.2 times smaller than the smallest.*: 10 mm along z \(/);
    expect(told(turned)[0]?.message).toMatch(/: 10 mm along y \(/);
    const { orientation: _, ...asStored } = INFO;
    expect(imageWarnings(turned, [{ info: asStored, training: TRAINING }], 'a')[0]?.message).toMatch(/mm along z/);
  });

  it('reports slices that are too thick, voxels in another unit, and finer ones only beyond a factor of four', () => {
    expect(told(scan([35, 35, 7], [1, 1, 5]))).toMatchObject([
      { code: 'W_IMAGE_SPACING', message: expect.stringMatching(/5 mm along z \(in training 1 mm\)/), times: 5 },
    ]);
    const metres = told(scan([35, 35, 35], [0.001, 0.001, 0.001]));
    expect(metres.map(({ code }) => code)).toEqual(['W_IMAGE_EXTENT', 'W_IMAGE_SPACING']);
    expect(metres[1]?.message).toMatch(/another unit than millimetres/);
    expect(codes(scan([100, 100, 100], [0.35, 0.35, 0.35]))).toEqual([]);
    const { spacingMm: _, ...notResampled } = INFO;
    const fine = scan([100, 100, 100], [0.35, 0.35, 0.35]);
    expect(imageWarnings(fine, [{ info: notResampled, training: TRAINING }], 'a')).toMatchObject([
      { code: 'W_IMAGE_SPACING', times: 0.35 },
    ]);
  });

  it('reports a plane that is given to a model of volumes, with training cases or without', () => {
    const plane = scan([35, 35, 1]);
    expect(told(plane)).toMatchObject([{ code: 'W_IMAGE_PLANE', found: [35, 35, 1] }]);
    expect(imageWarnings(plane, [{ info: INFO }], 'a')).toMatchObject([{ code: 'W_IMAGE_PLANE' }]);
    expect(imageWarnings(plane, [{ info: { ...INFO, patch: [1, 32, 32] } }], 'a')).toEqual([]);
  });

  it('reports constant images and label maps, unless training had such channels', () => {
    const empty = scan([35, 35, 35]);
    empty.data.fill(3);
    const labels = scan([35, 35, 35]);
    labels.data.forEach((_, index) => {
      labels.data[index] = index % 35 < 17 ? 0 : 2;
    });
    expect(told(empty)).toMatchObject([
      { code: 'W_IMAGE_CONSTANT', channel: 0, message: expect.stringMatching(/^a: every voxel of the image has the/) },
    ]);
    expect(told(labels)).toMatchObject([{ code: 'W_IMAGE_LABELS', found: [0, 2] }]);
    expect(imageWarnings(labels, [{ info: INFO }], 'a')).toMatchObject([{ code: 'W_IMAGE_LABELS' }]);
    const usual = { ...TRAINING, constantChannels: [0], labelChannels: [0] };
    expect([...told(empty, {}, usual), ...told(labels, {}, usual)]).toEqual([]);
  });

  it('reports intensities whose zero is elsewhere, as CT for MR and scaled ones', () => {
    const ct = scan([35, 35, 35], [1, 1, 1], { from: -1000, width: 2000 });
    expect(told(ct)).toMatchObject([{ code: 'W_IMAGE_INTENSITY', channel: 0, unit: 'intensity' }]);
    expect(told(ct)[0]?.message).toMatch(
      /99 % of the intensities lie between \u22129\d\d and 990 \(in training between 22\.\d and 51\d\).*begins at \u22120\.5 .*CT for MR/,
    );
  });

  it('compares the width of intensities only where the normalisation keeps their unit', () => {
    const faint = scan([35, 35, 35], [1, 1, 1], { from: 0.04, width: 1 });
    const ct = { ct: { low: 0, high: 500, mean: 200, deviation: 90 } };
    for (const normalize of ['none', ct, [ct]] as const) {
      expect(told(faint, { normalize })).toMatchObject([
        { code: 'W_IMAGE_INTENSITY', message: expect.stringMatching(/another unit/) },
      ]);
    }
    for (const normalize of ['min-max', 'percentile', 'z-score', ['z-score-nonzero']] as const) {
      expect(codes(faint, { normalize })).toEqual([]);
    }
  });

  it('reports a few voxels that squeeze all others, unless percentiles are cut off anyway', () => {
    const spiked = scan([35, 35, 35]);
    spiked.data[77] = -32768;
    expect(told(spiked)).toMatchObject([
      { code: 'W_IMAGE_INTENSITY', message: expect.stringMatching(/from \u221232768 to 520, 6\d\.\d times as far/) },
    ]);
    expect(codes(spiked, { normalize: 'percentile' })).toEqual([]);
  });

  it('names the channel of several', () => {
    const two = scan([35, 35, 35], [1, 1, 1], { channels: 2 });
    two.data.fill(0, 35 ** 3);
    expect(told(two, { channels: 2 })).toMatchObject([
      { code: 'W_IMAGE_CONSTANT', channel: 1, message: expect.stringMatching(/every voxel of channel 1/) },
    ]);
  });

  it('compares the box around what is not zero with facts about such boxes, and foreground with foreground', () => {
    const padded = scan([90, 90, 90]);
    const inside = (index: number) => [index % 90, Math.floor(index / 90) % 90, Math.floor(index / 8100)];
    padded.data.forEach((_, index) => {
      if (inside(index).some(place => place < 20 || place >= 55)) padded.data[index] = 0;
    });
    expect(codes(padded)).toContain('W_IMAGE_EXTENT');
    const { extentMm, imageMl, sizeVoxels, spacingMm, cases } = TRAINING;
    const facts = { extentMm, imageMl, sizeVoxels, spacingMm, cases, isCropped: true };
    expect(told(padded, {}, facts)).toEqual([]);
    const foreground = [{ low: 700, high: 900 }];
    expect(told(padded, { normalize: 'none' }, { ...facts, foreground })).toMatchObject([
      { code: 'W_IMAGE_INTENSITY', found: [0, expect.closeTo(520, 0)], training: { min: 700, max: 900 } },
    ]);
    expect(told(padded, { normalize: 'none' }, { ...facts, foreground: [{ low: 100, high: 200 }] })).toEqual([]);
  });

  it('asks every model of an ensemble, and says a thing once', () => {
    const narrow = { ...TRAINING, cases: 1000 };
    const models = [{ info: INFO }, { info: INFO, training: TRAINING }, { info: INFO, training: narrow }];
    expect(imageWarnings(scan([160, 160, 64]), models, 'a').map(({ code }) => code)).toEqual(['W_IMAGE_EXTENT']);
  });
});

describe('volumeWarnings', () => {
  const of = (head: number, tail: number) => volumeWarnings({ head, tail }, [{ info: INFO, training: TRAINING }], 'a');

  it('reports volumes that are far from those of the training cases', () => {
    expect(of(1.5, 1)).toEqual([]);
    expect(of(0.5, 1)).toEqual([]);
    expect(of(360.67, 1)).toEqual([
      {
        code: 'W_CLASS_VOLUME',
        class: 'head',
        found: 360.67,
        unit: 'ml',
        training: { min: 1, max: 2 },
        times: 360.67 / 2,
        message: 'a: head 361 ml, in training 1 to 2 ml. Look at the result before use.',
      },
    ]);
    expect(of(0.3, 1)).toMatchObject([{ class: 'head', times: 0.3 }]);
  });

  it('reports a class that every training case has but the result has not, and the reverse', () => {
    expect(of(0, 0)).toMatchObject([{ class: 'head', found: 0, message: expect.stringMatching(/head is not found/) }]);
    const none = { ...TRAINING, classes: [{ name: 'head', cases: 0 }] };
    const model = [{ info: INFO, training: none }];
    expect(volumeWarnings({ head: 0.2 }, model, 'a')).toMatchObject([
      { message: expect.stringMatching(/head 0\.2 ml, but no training case has it/) },
    ]);
    expect(volumeWarnings({ head: 0 }, model, 'a')).toEqual([]);
  });

  it('leaves room where a class varies by orders of magnitude', () => {
    expect(of(1, 0.002)).toEqual([]);
    expect(of(1, 100)).toEqual([]);
    expect(of(1, 1000)).toMatchObject([{ class: 'tail' }]);
  });
});

describe('isFar', () => {
  const spread = { min: 10, median: 12, max: 20 };

  it('is twice beyond many cases, and more beyond few', () => {
    expect([41, 39, 4.9, 5.1, 10, 20].map(value => isFar(value, spread, { cases: 1e6 }))).toEqual([
      true,
      false,
      true,
      false,
      false,
      false,
    ]);
    expect([119, 121].map(value => isFar(value, spread, { cases: 1 }))).toEqual([false, true]);
  });
});

it('shows three digits, large numbers whole', () => {
  expect([0, 0.0012345, 1.0544, 360.67, 48751.2, -999.6].map(shown)).toEqual([
    '0',
    '0.00123',
    '1.05',
    '361',
    '48751',
    '\u22121000',
  ]);
});
