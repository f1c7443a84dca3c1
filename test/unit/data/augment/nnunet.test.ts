/** nnU-Net's augmentation against batchgeneratorsv2, see test/fixtures/make-augmentation-goldens.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { percentileOf } from '../../../../src/core/percentile.ts';
import { random } from '../../../../src/core/random.ts';
import { type AugmentSettings, drawAugmentation, UNVARIED } from '../../../../src/data/augment/augmentation.ts';
import { type ChannelVariation, drawChannels, UNCHANGED } from '../../../../src/data/augment/channels.ts';
import { changeIntensities } from '../../../../src/data/augment/intensity.ts';
import { cutPatch } from '../../../../src/data/augment/spatial.ts';
import { parseRecipe } from '../../../../src/recipe/parse.ts';
import type { Xyz } from '../../../../src/volume/volume.ts';

interface Pipeline {
  readonly size: Xyz;
  readonly patch: Xyz;
  readonly draws: number;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

const goldens = JSON.parse(
  readFileSync(new URL('../../../fixtures/augmentation-goldens.json', import.meta.url), 'utf8'),
) as {
  readonly operations: Readonly<Record<string, readonly number[]>>;
  readonly pipelines: Readonly<Record<'volume' | 'thickSlices', Pipeline>>;
};

/** The pseudo-random values of the script. */
function pseudoRandom(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  });
}

/** nnU-Net's augmentation for a patch size, as a recipe has it. */
function nnunet(size: Xyz, more = 'augment: nnunet'): AugmentSettings {
  const text = `data: { dataset: d }
patch: { size: [${size.join(', ')}] }
teacher: { onnx: t.onnx }
student: { meshnet: {}, train: { steps: 1, batch: 1 } }
${more}`;
  return parseRecipe(text, { path: 'recipe.yaml' }).augment;
}

describe('operations', () => {
  const size: Xyz = [9, 7, 7];
  const patch = Float32Array.from(pseudoRandom(7 * 7 * 9, 3), value => value ** 2 * 3 - 1);
  const changed = (drawn: Partial<ChannelVariation>): Float32Array => {
    const data = patch.slice();
    changeIntensities({ data, size }, { ...UNCHANGED, ...drawn }, random(1));
    return data;
  };
  const furthest = (got: Float32Array, name: string, counts = (_: number) => true): number =>
    Math.max(...goldens.operations[name]!.map((value, i) => (counts(i) ? Math.abs(value - got[i]!) : 0)));

  test.each<[string, Partial<ChannelVariation>]>([
    ['brightnessFactor', { brightnessFactor: 1.2 }],
    ['contrastUp', { contrast: 1.25, contrastInRange: true }],
    ['contrastDown', { contrast: 0.75, contrastInRange: true }],
    ['lowResolution', { lowResolution: [0.6, 0.6, 0.6], lowResolutionBy: 'nearest' }],
    ['lowResolutionInPlane', { lowResolution: [0.6, 0.6, 1], lowResolutionBy: 'nearest' }],
    ['gamma', { gamma: 0.8, gammaKeepsMoments: true }],
    ['invertedGamma', { invertedGamma: 1.4, gammaKeepsMoments: true }],
  ])('%s gives the values of batchgeneratorsv2', (name, drawn) => {
    expect(furthest(changed(drawn), name)).toBeLessThan(1e-5);
  });

  test('blur is that of batchgeneratorsv2 but for the tail of the Gaussian and the border', () => {
    const inside = (i: number): boolean => {
      const place = [i % 9, Math.floor(i / 9) % 7, Math.floor(i / 63)];
      return place.every((at, axis) => at >= 3 && at < size[axis]! - 3);
    };
    expect(furthest(changed({ blurVoxels: [0.9, 0.7, 0.8] }), 'blur', inside)).toBeLessThan(0.015);
    expect(furthest(changed({ blurVoxels: [0.7, 0.9, 0.8] }), 'blur', inside)).toBeGreaterThan(0.03);
  });
});

describe('the preset', () => {
  test('turns thick slices within their plane, and volumes about every axis', () => {
    expect(nnunet([64, 64, 32])).toMatchObject({ rotateDegrees: 30, thickAxis: null, flip: ['x', 'y', 'z'] });
    expect(nnunet([64, 64, 21])).toMatchObject({ rotateDegrees: 180, thickAxis: 'z' });
    expect(nnunet([16, 64, 64])).toMatchObject({ rotateDegrees: 180, thickAxis: 'x' });
    expect(nnunet([64, 48, 1])).toMatchObject({ rotateDegrees: 180, thickAxis: 'z' });
    expect(nnunet([64, 40, 1])).toMatchObject({ rotateDegrees: 15, thickAxis: 'z' });
  });

  test('keys beside it win, one by one', () => {
    const all = nnunet([32, 32, 32]);
    const some = nnunet(
      [32, 32, 32],
      'augment: { preset: nnunet, flip: [y], elasticMm: 3, probability: { noise: 0.5 }, channelProbability: { blur: 1 } }',
    );
    expect(some).toEqual({
      ...all,
      flip: ['y'],
      elasticMm: 3,
      probability: { ...all.probability, noise: 0.5 },
      channelProbability: { ...all.channelProbability, blur: 1 },
    });
  });

  test('factors lie below or above 1 equally often and are uniform on each side', () => {
    const settings = nnunet([16, 16, 16]);
    const always = { ...settings, probability: UNVARIED.probability, channelProbability: UNVARIED.channelProbability };
    const drawn = Array.from({ length: 1000 }, (_, seed) => {
      const patch = drawAugmentation(always, { patchSize: [16, 16, 16], spacingMm: [1, 1, 1] }, random('patch', seed));
      return { patch, channels: drawChannels(always, { drawn: patch, channels: 2 }, random('channels', seed)) };
    });
    const quartiles = (values: readonly number[]) => [0, 25, 50, 75, 100].map(percent => percentileOf(values, percent));
    const gammas = drawn.flatMap(({ channels }) => channels.map(({ gamma }) => gamma));
    const expected = [0.7, 0.85, 1, 1.25, 1.5];
    quartiles(gammas).forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(0.035);
    });
    // the field of view has a factor of 0.7 to 1.4
    const views = drawn.map(({ patch }) => Math.hypot(patch.matrix![0]!, patch.matrix![3]!, patch.matrix![6]!));
    [0.7, 0.875, 1.05, 1.225, 1.4].forEach((value, i) => {
      expect(Math.abs(quartiles(views)[i]! - value)).toBeLessThan(0.04);
    });
    const blurs = drawn.flatMap(({ channels }) => channels.flatMap(({ blurVoxels }) => blurVoxels));
    expect(Math.min(...blurs)).toBeGreaterThanOrEqual(0.5);
    expect(Math.max(...blurs)).toBeLessThanOrEqual(1);
    expect(new Set(blurs).size).toBe(6000);
    expect(drawn.every(({ channels: [a, b] }) => a?.gamma !== b?.gamma && a?.noise === b?.noise)).toBe(true);
  });

  test('a channel takes part as often as its probability says', () => {
    const settings = nnunet([16, 16, 16]);
    const source = random('share');
    const patch = drawAugmentation(UNVARIED, { patchSize: [16, 16, 16], spacingMm: [1, 1, 1] }, random(1));
    const drawn = Array.from({ length: 4000 }, () => drawChannels(settings, { drawn: patch, channels: 2 }, source));
    const share = (happens: (one: ChannelVariation) => boolean): number =>
      drawn.flat().filter(happens).length / drawn.flat().length;
    const parts: readonly (readonly [number, (one: ChannelVariation) => boolean])[] = [
      [0.1, one => one.blurVoxels[0] > 0],
      [0.125, one => one.lowResolution[0] < 1],
      [0.15, one => one.brightnessFactor !== 1],
      [0.15, one => one.contrast !== 1],
      [0.3, one => one.gamma !== 1],
      [0.1, one => one.invertedGamma !== 1],
    ];
    // four standard deviations of a share of 4000 patches
    for (const [expected, happens] of parts) expect(Math.abs(share(happens) - expected)).toBeLessThan(0.029);
    const both = drawn.filter(channels => channels.every(({ gamma }) => gamma !== 1)).length / drawn.length;
    expect(Math.abs(both - 0.3)).toBeLessThan(0.029);
  });

  test('thick slices are never mixed', () => {
    const settings = { ...nnunet([20, 20, 6]), elasticMm: 2, probability: UNVARIED.probability };
    const { matrix, deformation } = drawAugmentation(
      settings,
      { patchSize: [20, 20, 6], spacingMm: [1, 1, 4] },
      random(3),
    );
    expect(matrix!.slice(6)).toEqual([0, 0, 1].map(value => expect.closeTo(value, 12)));
    expect([matrix![2], matrix![5]]).toEqual([0, 0].map(value => expect.closeTo(value, 12)));
    expect(deformation!.displacement[2].every(value => value === 0)).toBe(true);
    const [one] = drawChannels(
      { ...settings, channelProbability: UNVARIED.channelProbability },
      { drawn: drawAugmentation(settings, { patchSize: [20, 20, 6], spacingMm: [1, 1, 4] }, random(3)), channels: 1 },
      random(4),
    );
    expect(one!.lowResolution[2]).toBe(1);
    expect(one!.lowResolution[0]).toBeLessThan(1);
  });
});

describe('the whole augmentation', () => {
  /** Waves and noise, and a wave of another scale, as in the script. */
  function formulaImage([width, height, depth]: Xyz): Float32Array {
    const voxels = width * height * depth;
    const noise = pseudoRandom(voxels, 7);
    const image = new Float32Array(2 * voxels);
    for (let i = 0; i < voxels; i++) {
      const [x, y, z] = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))];
      image[i] = Math.sin(0.3 * x) + Math.cos(0.21 * y) * Math.sin(0.17 * z + 1) + noise[i]!;
      image[voxels + i] = 3 * Math.cos(0.11 * x + 0.13 * y + 0.19 * z) ** 2 - 0.5 * noise[i]!;
    }
    return image;
  }

  function statisticsOf(image: Float32Array, label: Int32Array, [width, height, depth]: Xyz): number[] {
    const voxels = width * height * depth;
    const rows = [0, 1].flatMap(channel => {
      // sorted once here, so that the five percentiles sort nothing
      const data = Array.from(image.subarray(channel * voxels, (channel + 1) * voxels).toSorted());
      const mean = data.reduce((sum, value) => sum + value, 0) / voxels;
      const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / voxels;
      return [mean, Math.sqrt(variance), ...[1, 25, 50, 75, 99].map(percent => percentileOf(data, percent))];
    });
    const roughness = (stride: number, inside: (i: number) => boolean): number => {
      let [sum, count] = [0, 0];
      for (let i = 0; i < voxels; i++) {
        if (!inside(i)) continue;
        sum += Math.abs(image[i + stride]! - image[i]!);
        count++;
      }
      return sum / count;
    };
    const alongX = roughness(1, i => i % width < width - 1);
    const alongZ = roughness(width * height, i => i < voxels - width * height);
    return [...rows, alongX, alongZ, label.reduce((sum, value) => sum + value, 0) / voxels];
  }

  test.each(['volume', 'thickSlices'] as const)('of a %s has the distribution of nnU-Net', name => {
    const { size, patch, draws, mean, deviation } = goldens.pipelines[name];
    const settings = nnunet(patch);
    const image = formulaImage(size);
    const voxels = size[0] * size[1] * size[2];
    const label = Uint8Array.from(image.subarray(0, voxels), value => (value > 1 ? 1 : 0));
    const patchVoxels = patch[0] * patch[1] * patch[2];
    const start = size.map((length, axis) => (length - patch[axis]!) / 2) as unknown as Xyz;
    const count = 600;
    const rows = Array.from({ length: count }, (_, seed) => {
      const source = random(name, seed);
      const augmentation = drawAugmentation(settings, { patchSize: patch, spacingMm: [1, 1, 1] }, source);
      const target = { image: new Float32Array(2 * patchVoxels), label: new Int32Array(patchVoxels) };
      const from = { image, label, sizeVoxels: size, channels: 2, minima: [0, 0] };
      cutPatch(target, from, { window: { start, size: patch }, padding: 'constant', augmentation });
      drawChannels(settings, { drawn: augmentation, channels: 2 }, random('channels', name, seed)).forEach(
        (drawn, channel) => {
          const data = target.image.subarray(channel * patchVoxels, (channel + 1) * patchVoxels);
          changeIntensities({ data, size: patch }, drawn, source);
        },
      );
      return statisticsOf(target.image, target.label, patch);
    });
    mean.forEach((expected, i) => {
      const values = rows.map(row => row[i]!);
      const own = values.reduce((sum, value) => sum + value, 0) / count;
      const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - own) ** 2, 0) / count);
      const error = deviation[i]! * Math.sqrt(1 / draws + 1 / count);
      expect(Math.abs(own - expected), `mean of statistic ${i}`).toBeLessThan(4 * error + 0.005);
      expect(spread / deviation[i]!, `deviation of statistic ${i}`).toBeGreaterThan(0.8);
      expect(spread / deviation[i]!, `deviation of statistic ${i}`).toBeLessThan(1.25);
    });
  });
});
