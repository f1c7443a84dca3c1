/** Coarse to fine: the fine model sees the region that the coarse one finds, as if somebody had cut it out. */
import { describe, expect, it } from 'vitest';
import { elementCount } from '../../../src/core/shape.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { segmentCascade } from '../../../src/inference/cascade.ts';
import type { ModelInfo, OpenModel } from '../../../src/inference/model-info.ts';
import { segment } from '../../../src/inference/predictor.ts';
import { regionAround } from '../../../src/volume/region.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';
import { voxelCount } from '../../../src/volume/volume.ts';
import { framed } from '../../support/framed.ts';
import { STORAGES, storedAs } from '../../support/orientations.ts';

/** A model of two classes with the logit 4 (value - threshold), which notes how many voxels it saw. */
function model(info: Partial<ModelInfo>, threshold: number): OpenModel & { readonly seen: number[] } {
  const seen: number[] = [];
  const session = {
    inputNames: ['image'],
    outputNames: ['logits'],
    run: async (feeds: Readonly<Record<string, Tensor>>) => {
      const { data, shape } = feeds['image'] as Tensor<'float32'>;
      const [, , ...window] = shape;
      const voxels = elementCount(window);
      seen.push(voxels);
      const independent = info.activation === 'sigmoid';
      const output = new Float32Array((independent ? 1 : 2) * voxels);
      data.forEach((value, i) => {
        output[(independent ? 0 : voxels) + i] = 4 * (value - threshold);
      });
      return { logits: tensor('float32', output, [1, independent ? 1 : 2, ...window]) };
    },
    dispose: async () => {},
  };
  return {
    seen,
    session,
    info: {
      labels: [
        { value: 0, name: 'background' },
        { value: 2, name: 'lesion' },
      ],
      channels: 1,
      normalize: 'none',
      patch: [4, 4, 4],
      activation: 'softmax',
      inputName: 'image',
      outputName: 'logits',
      ...info,
    },
  };
}

const SIZE: Xyz = [16, 14, 12];
const SPACING: Xyz = [1, 2, 3];
const AFFINE = [-1, 0, 0, 40, 0, 2, 0, -20, 0, 0, 3, 5, 0, 0, 0, 1];

/** Noise below 1, and an organ of about 10 in the box from 6, 5, 4 of 4 x 3 x 2 voxels. */
function scan(): Volume {
  const data = Float32Array.from({ length: voxelCount(SIZE) }, (_, i) => {
    const [x, y, z] = [i % 16, Math.floor(i / 16) % 14, Math.floor(i / 224)];
    const isOrgan = x >= 6 && x < 10 && y >= 5 && y < 8 && z >= 4 && z < 6;
    return (isOrgan ? 10 : 0) + 0.5 + 0.5 * Math.sin(i * i);
  });
  return { data, sizeVoxels: SIZE, channels: 1, spacingMm: SPACING, affine: AFFINE };
}

/** The organ, and 3 mm around it: 3 voxels along x, 2 along y (rounded up), 1 along z. */
const REGION = { start: [3, 3, 3], size: [10, 7, 4] } as const;
const FRAME = { before: REGION.start, after: [3, 4, 5] } as const;

/** The region, cut out by hand. */
function cutOut({ data }: Volume): Volume {
  const [width, height, depth] = REGION.size;
  const part = Float32Array.from({ length: width * height * depth }, (_, i) => {
    const [x, y, z] = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))];
    return data[((z + 3) * 14 + y + 3) * 16 + x + 3]!;
  });
  const affine = [-1, 0, 0, 37, 0, 2, 0, -14, 0, 0, 3, 14, 0, 0, 0, 1];
  return { data: part, sizeVoxels: REGION.size, channels: 1, spacingMm: SPACING, affine };
}

const coarse = () => model({ spacingMm: [2, 2, 3] }, 5);

describe('segmenting coarse to fine', () => {
  it.each([
    ['softmax', {}],
    ['sigmoid', { activation: 'sigmoid' as const }],
    ['its own spacing', { spacingMm: [1.5, 1.5, 1.5] as Xyz, orientation: 'RAS' as const }],
    ['z-score of the region', { normalize: 'z-score' as const }],
    ['its own crop', { crop: 'nonzero' as const }],
  ])('gives in the region what the fine model gives of it alone, and background around it: %s', async (_, info) => {
    const volume = scan();
    const [first, fine, alone] = [coarse(), model(info, 0.7), model(info, 0.7)];
    const asked = { probabilities: true, confidence: 'entropy' as const };
    const found = await segmentCascade([fine], volume, { ...asked, coarse: { models: [first], marginMm: 3 } });
    const expected = await segment(alone.session, alone.info, cutOut(volume), asked);
    expect(found.region).toEqual(REGION);
    expect(fine.seen).toEqual(alone.seen);
    const { sizeVoxels, affine } = volume;
    expect(found.labels).toMatchObject({ sizeVoxels, affine, spacingMm: SPACING });
    expect(found.labels.data).toEqual(framed(expected.labels.data, REGION.size, FRAME));
    expect(new Set(found.labels.data)).toEqual(new Set([0, 2]));
    const channels = expected.probabilities!.channels;
    const size = voxelCount(REGION.size);
    const around = Float32Array.from(
      Array.from({ length: channels }, (__, k) => [
        ...framed(expected.probabilities!.data.slice(k * size, (k + 1) * size), REGION.size, {
          ...FRAME,
          value: channels === 2 && k === 0 ? 1 : 0,
        }),
      ]).flat(),
    );
    expect(found.probabilities?.data).toEqual(around);
    expect(found.confidence?.expectedDice).toEqual(expected.confidence?.expectedDice);
    expect(found.confidence?.entropy?.data).toEqual(framed(expected.confidence!.entropy!.data, REGION.size, FRAME));
  });

  it('reports every voxel of the volume once, with the probabilities that it returns', async () => {
    const told = new Float32Array(2 * voxelCount(SIZE)).fill(-1);
    let count = 0;
    const { probabilities } = await segmentCascade([model({}, 0.7)], scan(), {
      coarse: { models: [coarse()], marginMm: 3 },
      probabilities: true,
      onSlice: (slice, places) => {
        count += places.length;
        places.forEach((place, i) => {
          for (const k of [0, 1]) told[k * voxelCount(SIZE) + place] = slice[k * places.length + i]!;
        });
      },
    });
    expect(count).toBe(voxelCount(SIZE));
    expect(told).toEqual(probabilities?.data);
  });

  it('leaves out of the confidence what does not count', async () => {
    const counted = Uint8Array.from({ length: voxelCount(SIZE) }, (_, i) => (i % 3 === 0 ? 0 : 1));
    const inRegion = cutOut({ ...scan(), data: Float32Array.from(counted) }).data;
    const fine = model({}, 0.7);
    const found = await segmentCascade([fine], scan(), {
      coarse: { models: [coarse()], marginMm: 3 },
      confidence: true,
      counted,
    });
    const alone = await segment(fine.session, fine.info, cutOut(scan()), {
      confidence: true,
      counted: Uint8Array.from(inRegion),
    });
    expect(found.confidence).toEqual(alone.confidence);
  });

  it('finds the same in any of the 48 axes', async () => {
    const volume = scan();
    const expected = await segmentCascade([model({}, 0.7)], volume, { coarse: { models: [coarse()], marginMm: 3 } });
    for (const storage of STORAGES) {
      const stored = storedAs(volume, storage);
      const first = model({ orientation: 'RAS', spacingMm: [2, 2, 3] }, 5);
      const fine = model({ orientation: 'RAS' }, 0.7);
      const { labels } = await segmentCascade([fine], stored, { coarse: { models: [first], marginMm: 3 } });
      const wanted = storedAs({ ...volume, data: Float32Array.from(expected.labels.data) }, storage);
      expect([...labels.data]).toEqual([...wanted.data]);
    }
  });

  it('segments nothing where the coarse model finds nothing, and says so', async () => {
    const fine = model({}, 0.7);
    let count = 0;
    const found = await segmentCascade([fine], scan(), {
      id: 'p1',
      coarse: { models: [model({}, 99)], marginMm: 3 },
      probabilities: true,
      confidence: 'entropy',
      onSlice: (slice, places) => {
        count += places.length;
        expect([...slice]).toEqual([...places.map(() => 1), ...places.map(() => 0)]);
      },
    });
    expect(fine.seen).toEqual([]);
    expect(found.region).toBeNull();
    expect(found.labels.data).toEqual(new Uint8Array(voxelCount(SIZE)));
    expect(found.warnings).toMatchObject([{ code: 'W_CASCADE_EMPTY' }]);
    expect(found.warnings[0]?.message).toMatch(/^p1: the coarse model found nothing/);
    expect(count).toBe(voxelCount(SIZE));
    expect(found.probabilities?.data.reduce((sum, value) => sum + value, 0)).toBe(voxelCount(SIZE));
    expect(found.confidence?.expectedDice).toEqual({ lesion: null });
    expect(found.confidence?.entropy?.data).toEqual(new Float32Array(voxelCount(SIZE)));
  });

  it('segments the whole volume without a coarse model, and where the region is all of it', async () => {
    const fine = model({}, 0.7);
    const alone = await segment(fine.session, fine.info, scan());
    expect(await segmentCascade([fine], scan(), {})).toEqual(alone);
    const all = await segmentCascade([fine], scan(), { coarse: { models: [coarse()], marginMm: 1000 } });
    expect(all.labels).toEqual(alone.labels);
    expect(all.region).toEqual({ start: [0, 0, 0], size: SIZE });
  });

  it('stops before the fine model where somebody objects to the region', async () => {
    const fine = model({}, 0.7);
    const stop = new Error('too small');
    const segmenting = segmentCascade([fine], scan(), {
      coarse: { models: [coarse()], marginMm: 3 },
      onRegion: region => {
        expect(region.sizeVoxels).toEqual(REGION.size);
        expect(region.affine).toEqual(cutOut(scan()).affine);
        throw stop;
      },
    });
    await expect(segmenting).rejects.toBe(stop);
    expect(fine.seen).toEqual([]);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a margin of %s', async marginMm => {
    const segmenting = segmentCascade([model({}, 0.7)], scan(), { coarse: { models: [coarse()], marginMm } });
    await expect(segmenting).rejects.toMatchObject({ code: 'E_CASCADE' });
  });

  it('refuses a fine model without a background, since the surroundings would be nothing', async () => {
    const labels = [1, 2].map(value => ({ value, name: `class ${value}` }));
    const segmenting = segmentCascade([model({ labels }, 0.7)], scan(), {
      coarse: { models: [coarse()], marginMm: 3 },
    });
    await expect(segmenting).rejects.toMatchObject({ code: 'E_MODEL_LABELS' });
  });
});

describe('a model that was trained in a region', () => {
  it('is refused without what finds its region, unless the whole volume is asked for in so many words', async () => {
    const [volume, fine] = [scan(), model({ cascade: { marginMm: 3 } }, 0.7)];
    const refusal = { code: 'E_CASCADE' };
    await expect(segment(fine.session, fine.info, volume)).rejects.toMatchObject(refusal);
    await expect(segmentCascade([fine], volume, {})).rejects.toMatchObject(refusal);
    expect(fine.seen).toEqual([]);
    const whole = await segmentCascade([fine], volume, { coarse: null });
    const plain = model({}, 0.7);
    expect(whole.labels.data).toEqual((await segment(plain.session, plain.info, volume)).labels.data);
    const inside = await segmentCascade([fine], volume, { coarse: { models: [coarse()], marginMm: 3 } });
    expect(inside.region).toEqual(REGION);
  });
});

it('reports what lies around the region apart from what the fine model says, where that is asked for', async () => {
  const told = async (volume: Volume) => {
    const [inside, around] = [new Set<number>(), new Set<number>()];
    await segmentCascade([model({}, 0.7)], volume, {
      coarse: { models: [coarse()], marginMm: 3 },
      onSlice: (_, places) => places.forEach(place => void inside.add(place)),
      onSurroundings: (_, places) => places.forEach(place => void around.add(place)),
    });
    return [inside.size, around.size, [...inside].every(place => !around.has(place))];
  };
  const [all, region] = [voxelCount(SIZE), voxelCount(REGION.size)];
  expect(await told(scan())).toEqual([region, all - region, true]);
  expect(await told({ ...scan(), data: new Float32Array(all) })).toEqual([0, all, true]);
});

describe('the region', () => {
  const grid = { sizeVoxels: [5, 5, 5], spacingMm: [1, 2, 0.5], affine: AFFINE } as const;
  const labelled = (...voxels: number[]) => {
    const data = new Uint16Array(125);
    for (const voxel of voxels) data[voxel] = 300;
    return { ...grid, data };
  };

  it('has its margin in millimetres, rounded up to voxels, within the grid', () => {
    // voxel 2, 2, 2
    expect(regionAround(labelled(62), 0)).toEqual({ start: [2, 2, 2], size: [1, 1, 1] });
    expect(regionAround(labelled(62), 1)).toEqual({ start: [1, 1, 0], size: [3, 3, 5] });
    expect(regionAround(labelled(0, 62), 0)).toEqual({ start: [0, 0, 0], size: [3, 3, 3] });
    expect(regionAround(labelled(), 5)).toBeUndefined();
    const looked = { ...labelled(62), ignore: 300 };
    expect(regionAround(looked, 0)).toBeUndefined();
    looked.data[0] = 2;
    expect(regionAround(looked, 0)).toEqual({ start: [0, 0, 0], size: [1, 1, 1] });
  });
});
