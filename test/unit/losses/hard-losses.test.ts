/** Cross-entropies and soft Dice against closed forms, written out in plain loops. */
import { describe, expect, it } from 'vitest';
import type { Shape } from '../../../src/core/shape.ts';
import { GraphBuilder, type Value } from '../../../src/graph/graph.ts';
import type { VoxelWeights } from '../../../src/losses/class-weights.ts';
import { binaryCrossEntropy, categoricalCrossEntropy } from '../../../src/losses/cross-entropy.ts';
import { type DiceOptions, diceLoss } from '../../../src/losses/dice.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';

type Build = (builder: GraphBuilder, values: Value, target: Value) => Value;

function lossOf(build: Build, shape: Shape, values: Float64Array, target: Float64Array): number {
  const builder = new GraphBuilder();
  const value = build(builder, builder.input('values', shape), builder.input('target', shape));
  expect(value.shape).toEqual([]);
  return evaluate({ value }, { values, target })['value']![0]!;
}

const categorical =
  (weights: VoxelWeights): Build =>
  (builder, values, target) =>
    categoricalCrossEntropy(builder, values, target, { weights });
const binary =
  (weights: VoxelWeights): Build =>
  (builder, values, target) =>
    binaryCrossEntropy(builder, values, target, { weights });

const SHAPE = [2, 3, 1, 2, 2];
const [SAMPLES, CLASSES, VOXELS] = [2, 3, 4];
const at = (sample: number, channel: number, voxel: number): number => (sample * CLASSES + channel) * VOXELS + voxel;
const indices = (count: number): number[] => [...Array(count).keys()];
const total = (count: number, term: (index: number) => number): number =>
  indices(count).reduce((sum, index) => sum + term(index), 0);

const logits = draw({ shape: SHAPE, draw: 'signed' }, 'logits');
const classOf = (sample: number, voxel: number): number =>
  [
    [0, 1, 0, 1],
    [1, 0, 0, 0],
  ][sample]![voxel]!;
const oneHot = new Float64Array(24);
for (const sample of indices(SAMPLES))
  for (const voxel of indices(VOXELS)) oneHot[at(sample, classOf(sample, voxel), voxel)] = 1;

describe('categorical cross-entropy', () => {
  it('is the mean over voxels of - log softmax at the label', () => {
    const expected =
      total(SAMPLES, sample =>
        total(VOXELS, voxel => {
          const sum = total(CLASSES, channel => Math.exp(logits[at(sample, channel, voxel)]!));
          return Math.log(sum) - logits[at(sample, classOf(sample, voxel), voxel)]!;
        }),
      ) /
      (SAMPLES * VOXELS);
    expect(lossOf(categorical('uniform'), SHAPE, logits, oneHot)).toBeCloseTo(expected, 7);
  });

  it('is log C for a network that knows nothing, and 0 for one that is sure and right', () => {
    expect(lossOf(categorical('uniform'), SHAPE, new Float64Array(24), oneHot)).toBeCloseTo(Math.log(3), 7);
    const sure = oneHot.map(value => 100 * value);
    expect(lossOf(categorical('uniform'), SHAPE, sure, oneHot)).toBeCloseTo(0, 7);
  });

  it('does not overflow on large logits', () => {
    const wrong = oneHot.map(value => -1000 * value);
    expect(lossOf(categorical('uniform'), SHAPE, wrong, oneHot)).toBeCloseTo(1000 + Math.log(2), 3);
  });
});

describe('class weights', () => {
  // classes 0, 1 and 2 hold 5, 3 and 0 of the 8 voxels
  const counts = [5, 3];
  const meanOfClass = (wanted: number): number => {
    let sum = 0;
    for (const sample of indices(SAMPLES)) {
      for (const voxel of indices(VOXELS)) {
        if (classOf(sample, voxel) !== wanted) continue;
        const normal = Math.log(total(CLASSES, channel => Math.exp(logits[at(sample, channel, voxel)]!)));
        sum += normal - logits[at(sample, wanted, voxel)]!;
      }
    }
    return sum / counts[wanted]!;
  };
  const [first, second] = [meanOfClass(0), meanOfClass(1)];

  it('balanced: the mean over classes of the mean over the voxels of each, absent ones counting as 0', () => {
    expect(lossOf(categorical('balanced'), SHAPE, logits, oneHot)).toBeCloseTo((first + second) / 3, 3);
  });

  it('root: voxels weigh by the inverse square root of the frequency of their class', () => {
    const [a, b] = counts.map(count => Math.sqrt(8 / count) * count) as [number, number];
    expect(lossOf(categorical('root'), SHAPE, logits, oneHot)).toBeCloseTo((a * first + b * second) / (a + b), 3);
  });

  it('numbers: voxels weigh as given, whatever the frequency', () => {
    const expected = (2 * 5 * first + 7 * 3 * second) / (2 * 5 + 7 * 3);
    expect(lossOf(categorical([2, 7, 1]), SHAPE, logits, oneHot)).toBeCloseTo(expected, 3);
    expect(() => lossOf(categorical([2, 7]), SHAPE, logits, oneHot)).toThrow('2 class weights for 3 classes');
  });

  it('an exponent leads from uniform at 0 over root at 1/2 to balanced at 1', () => {
    const at = (exponent: number): number =>
      lossOf(
        (builder, values, target) =>
          categoricalCrossEntropy(builder, values, target, { weights: { exponent: builder.float(exponent) } }),
        SHAPE,
        logits,
        oneHot,
      );
    expect(at(0)).toBeCloseTo(lossOf(categorical('uniform'), SHAPE, logits, oneHot), 3);
    expect(at(0.5)).toBeCloseTo(lossOf(categorical('root'), SHAPE, logits, oneHot), 3);
    // with the absent class left out of the denominator, as its voxels are none
    expect(at(1)).toBeCloseTo((first + second) / 2, 2);
  });

  it('does not change when the volume is repeated', () => {
    const twice = (values: Float64Array): Float64Array =>
      Float64Array.from({ length: 48 }, (_, index) => values[Math.floor(index / 8) * 4 + (index % 4)]!);
    for (const weights of ['uniform', 'root', 'balanced'] as const) {
      const once = lossOf(categorical(weights), SHAPE, logits, oneHot);
      expect(lossOf(categorical(weights), [2, 3, 2, 2, 2], twice(logits), twice(oneHot))).toBeCloseTo(once, 3);
    }
  });

  it('balanced binary: inside and outside of each region weigh alike', () => {
    const values = Float64Array.of(2, -1, 0.5, 3);
    const target = Float64Array.of(1, 0, 0, 0);
    const term = (z: number, y: number): number => Math.log(1 + Math.exp(z)) - y * z;
    const outside = (term(-1, 0) + term(0.5, 0) + term(3, 0)) / 3;
    expect(lossOf(binary('balanced'), [1, 1, 1, 2, 2], values, target)).toBeCloseTo((term(2, 1) + outside) / 2, 3);
  });
});

describe('binary cross-entropy', () => {
  it('is the mean over voxels of the sum over channels of - y log p - (1 - y) log (1 - p)', () => {
    const target = draw({ shape: SHAPE, draw: 'positive' }, 'target').map(value => value / 2);
    const expected =
      total(24, index => {
        const [p, y] = [1 / (1 + Math.exp(-logits[index]!)), target[index]!];
        return -y * Math.log(p) - (1 - y) * Math.log(1 - p);
      }) /
      (SAMPLES * VOXELS);
    expect(lossOf(binary('uniform'), SHAPE, logits, target)).toBeCloseTo(expected, 7);
  });

  it('does not overflow on large logits of either sign', () => {
    const values = Float64Array.of(1000, -1000);
    expect(lossOf(binary('uniform'), [1, 1, 1, 1, 2], values, Float64Array.of(0, 0))).toBeCloseTo(500, 4);
    expect(lossOf(binary('uniform'), [1, 1, 1, 1, 2], values, Float64Array.of(1, 0))).toBe(0);
  });
});

describe('soft Dice', () => {
  const probability = draw({ shape: SHAPE, draw: 'positive' }, 'probability').map(value => value / 2);
  const choices = [false, true];
  const options: readonly DiceOptions[] = choices.flatMap(batch =>
    choices.flatMap(background =>
      choices.flatMap(squared => [1e-5, 1].map(smooth => ({ batch, background, squared, smooth }))),
    ),
  );

  it.each(options)(
    'has its closed form with batch $batch, background $background, squared $squared, smooth $smooth',
    own => {
      const { batch, background, squared, smooth } = own;
      const ratio = (samples: readonly number[], channel: number): number => {
        let [overlap, sizes] = [0, 0];
        for (const sample of samples)
          for (const voxel of indices(VOXELS)) {
            const [p, y] = [probability[at(sample, channel, voxel)]!, oneHot[at(sample, channel, voxel)]!];
            overlap += p * y;
            sizes += squared ? p * p + y * y : p + y;
          }
        return (2 * overlap + smooth) / (sizes + smooth);
      };
      const sets = batch ? [indices(SAMPLES)] : indices(SAMPLES).map(sample => [sample]);
      const channels = background ? [0, 1, 2] : [1, 2];
      const ratios = sets.flatMap(samples => channels.map(channel => ratio(samples, channel)));
      const expected = 1 - ratios.reduce((sum, value) => sum + value, 0) / ratios.length;
      const value = lossOf((builder, p, y) => diceLoss(builder, p, y, own), SHAPE, probability, oneHot);
      expect(value).toBeCloseTo(expected, 6);
    },
  );

  it('is 0 for a perfect prediction, empty classes included, and counts the only channel there is', () => {
    const own = { batch: false, background: false, squared: false, smooth: 1e-5 };
    const build: Build = (builder, p, y) => diceLoss(builder, p, y, own);
    expect(lossOf(build, SHAPE, oneHot, oneHot)).toBeCloseTo(0, 6);
    const [p, y] = [Float64Array.of(1, 0.5), Float64Array.of(1, 0)];
    expect(lossOf(build, [1, 1, 1, 1, 2], p, y)).toBeCloseTo(1 - 2 / 2.5, 5);
  });
});
