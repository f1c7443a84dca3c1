/**
 * Focal, top-k and Tversky losses against PyTorch and its libraries (torchvision, MONAI, nnU-Net), closed forms and
 * central differences. Goldens: test/fixtures/make-hard-loss-goldens.py.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { elementCount, type Shape } from '../../../src/core/shape.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { hardestVoxels } from '../../../src/losses/hard-voxels.ts';
import { type HardLossOptions, hardLossTerms } from '../../../src/training/hard-loss.ts';
import { centralDifference, relativeError } from '../../support/central-difference.ts';
import { evaluate } from '../../support/evaluate.ts';

const GOLDENS: Readonly<Record<string, { readonly value: number; readonly gradient: readonly number[] }>> = JSON.parse(
  readFileSync(new URL('../../fixtures/hard-loss-goldens.json', import.meta.url), 'utf8'),
);
const SPACE = [2, 3, 5];
const logits = Float64Array.from({ length: 180 }, (_, index) => 3 * Math.sin(1.7 * index));
const label = Float64Array.from({ length: 60 }, (_, index) => ((index * 7) % 11) % 3);
const DICE = { batch: true, background: false, squared: false, smooth: 1 };

const ce = (own: Partial<HardLossOptions['crossEntropy']>, more: Partial<HardLossOptions> = {}): HardLossOptions => ({
  crossEntropy: { weight: 1, kind: 'categorical', classWeights: 'uniform', ...own },
  dice: { weight: 0, ...DICE },
  ...more,
});
const dice = (own: Partial<HardLossOptions['dice']>, more: Partial<HardLossOptions> = {}): HardLossOptions => ({
  ...ce({ weight: 0 }, more),
  dice: { weight: 1, ...DICE, ...own },
});
const regions = [[1, 2], [2], [0]];

interface Given {
  readonly logits?: Float64Array;
  readonly label?: Float64Array;
  /** 1 or 0 for each sample and channel; all if not given. */
  readonly annotated?: readonly number[];
  readonly space?: readonly number[];
}

function run(settings: HardLossOptions, given: Given = {}) {
  const own = { logits, label, space: SPACE, ...given };
  const builder = new GraphBuilder();
  const samples = own.label.length / elementCount(own.space);
  const classes = own.logits.length / own.label.length;
  const z = builder.input('logits', [samples, classes, ...own.space]);
  const terms = hardLossTerms(builder, z, builder.input('label', [samples, 1, ...own.space], 'int32'), {
    ...settings,
    ...(given.annotated && { annotated: builder.input('annotated', [samples, classes, 1, 1, 1]) }),
  });
  const loss = terms[0]!.value;
  const [slope] = gradient(builder, loss, [z]);
  const feeds = {
    ...{ logits: own.logits, label: own.label },
    ...(given.annotated && { annotated: Float64Array.from(given.annotated) }),
  };
  const results = evaluate({ value: loss, slope: slope! }, feeds);
  return { value: results['value']![0]!, slope: results['slope']!, loss, feeds };
}

describe('against other libraries', () => {
  it.each<[string, HardLossOptions]>([
    ['focal, gamma 2', ce({ focalGamma: 2 })],
    ['focal, gamma 0.5', ce({ focalGamma: 0.5 })],
    ['focal of regions, gamma 2', ce({ kind: 'binary', focalGamma: 2 }, { regions })],
    ['top 10 %', ce({ topPercent: 10 })],
    ['top 25 %', ce({ topPercent: 25 })],
    ['Tversky 0.3, 0.7', dice({ falsePositives: 0.3, falseNegatives: 0.7 })],
    ['Tversky 1, 0.2 of each sample', dice({ falsePositives: 1, falseNegatives: 0.2, batch: false })],
  ])('%s has their value and gradient', (name, settings) => {
    const { value, slope } = run(settings);
    const golden = GOLDENS[name]!;
    // a thousandth of a voxel keeps the mean over the hardest 6 or 15 from a division by 0; constants are float32
    const tolerance = name.startsWith('top') ? 2e-4 : 1e-6;
    expect(Math.abs(value / golden.value - 1)).toBeLessThan(tolerance);
    expect(relativeError(slope, golden.gradient)).toBeLessThan(tolerance);
  });
});

const SETTINGS: readonly (readonly [string, HardLossOptions])[] = [
  ['focal', ce({ focalGamma: 2 })],
  ['focal with an exponent below 1, balanced', ce({ focalGamma: 0.5, classWeights: 'balanced' })],
  ['focal of given weights with an ignore label', ce({ focalGamma: 1.5, classWeights: [1, 2, 3] }, { ignore: 2 })],
  ['focal of regions', ce({ kind: 'binary', focalGamma: 2 }, { regions })],
  ['top k', ce({ topPercent: 10 })],
  ['top k of a broken number of voxels', ce({ topPercent: 27 })],
  ['top k by the root of the frequency', ce({ topPercent: 30, classWeights: 'root' })],
  ['top k balanced, with an ignore label', ce({ topPercent: 40, classWeights: 'balanced' }, { ignore: 1 })],
  ['top k of regions, balanced', ce({ kind: 'binary', topPercent: 20, classWeights: 'balanced' }, { regions })],
  ['focal of the top k', ce({ topPercent: 20, focalGamma: 2 })],
  ['Tversky', dice({ falsePositives: 0.3, falseNegatives: 0.7 })],
  ['Tversky of false positives alone', dice({ falsePositives: 1, falseNegatives: 0, background: true })],
  ['Tversky with an ignore label', dice({ falsePositives: 0.3, falseNegatives: 0.7 }, { ignore: 1 })],
  [
    'Tversky of regions',
    { ...dice({ falseNegatives: 2 }, { regions }), crossEntropy: ce({ weight: 0, kind: 'binary' }).crossEntropy },
  ],
];

/** Fewer voxels, since every logit costs two runs. */
const FEW = { logits: logits.slice(0, 48), label: label.slice(0, 16), space: [1, 2, 4] };

describe('the slope of central differences', () => {
  it.each(SETTINGS)('is that of the loss: %s', (_, settings) => {
    const { slope, loss, feeds } = run(settings, FEW);
    expect(relativeError(slope, centralDifference(loss, feeds, 'logits'))).toBeLessThan(1e-6);
  });

  it.each(SETTINGS)('is that of the loss of partly annotated samples: %s', (_, settings) => {
    const annotated = [1, 1, 1, 1, 1, 0];
    const { slope, loss, feeds } = run(settings, {
      ...{ ...FEW, annotated },
      label: FEW.label.map(value => (value === 2 ? 0 : value)),
    });
    expect(relativeError(slope, centralDifference(loss, feeds, 'logits'))).toBeLessThan(1e-6);
  });

  it.each(SETTINGS)('is the ordinary one where every class was looked for: %s', (_, settings) => {
    const [plain, marginal] = [run(settings), run(settings, { annotated: [1, 1, 1, 1, 1, 1] })];
    expect(Math.abs(marginal.value / plain.value - 1)).toBeLessThan(1e-3);
    expect(relativeError(marginal.slope, plain.slope)).toBeLessThan(1e-3);
  });
});

describe('the focal loss', () => {
  it('is the cross-entropy at 0, and close to it just above', () => {
    const plain = run(ce({}));
    expect(run(ce({ focalGamma: 0 })).value).toBe(plain.value);
    expect(run(ce({ focalGamma: 1e-4 })).value).toBeCloseTo(plain.value, 3);
  });

  it('is (1 - p)^gamma times - log p where p is the marginal probability of the background', () => {
    const z = [0.3, -1.2, 2.1];
    const [a, b, c] = z.map(Math.exp) as [number, number, number];
    const p = (a + c) / (a + b + c);
    const all = Float64Array.from({ length: 90 }, (_, index) => z[Math.floor(index / 30)]!);
    const { value } = run(ce({ focalGamma: 3 }), { logits: all, label: new Float64Array(30), annotated: [1, 1, 0] });
    expect(value).toBeCloseTo(-((1 - p) ** 3) * Math.log(p), 9);
  });

  it('stays finite, with its slope, where a voxel is sure and right or sure and wrong', () => {
    const sure = Float64Array.from({ length: 180 }, (_, index) => (Math.floor(index / 30) % 3 === 0 ? 2000 : 0));
    for (const focalGamma of [0.5, 2]) {
      const { value, slope } = run(ce({ focalGamma }), { logits: sure });
      const wrong = label.filter(value => value !== 0).length / 60;
      expect(value).toBeCloseTo(2000 * wrong, 3);
      expect(slope.every(Number.isFinite)).toBe(true);
    }
  });
});

describe('the hardest voxels', () => {
  const maskOf = (losses: readonly number[], percent: number, counted?: readonly number[]): number[] => {
    const shape: Shape = [1, 1, 1, 1, losses.length];
    const builder = new GraphBuilder();
    const mask = hardestVoxels(builder, builder.input('losses', shape), {
      percent,
      ...(counted && { counted: builder.input('counted', shape) }),
    });
    expect(elementCount(mask.shape)).toBe(losses.length);
    const feeds = { losses: Float64Array.from(losses), ...(counted && { counted: Float64Array.from(counted) }) };
    return [...evaluate({ mask }, feeds)['mask']!];
  };

  it('are those with the largest losses, and share what is left at ties', () => {
    expect(maskOf([3, 1, 4, 1, 5], 40)).toEqual([0, 0, 1, 0, 1]);
    expect(maskOf([3, 1, 4, 1, 5], 80)).toEqual([1, 0.5, 1, 0.5, 1]);
    expect(maskOf([2, 2, 2, 2], 50)).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(maskOf([0, 0, 0, 7], 50)).toEqual([expect.closeTo(1 / 3), expect.closeTo(1 / 3), expect.closeTo(1 / 3), 1]);
    expect(maskOf([0, 0, 0, 0], 25)).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it('are all of them at 100 %, a broken share of the last one, and at least one', () => {
    expect(maskOf([3, 1, 4], 100)).toEqual([1, 1, 1]);
    expect(maskOf([3, 1, 4], 50)).toEqual([0.5, 0, 1]);
    expect(maskOf([3, 1, 4], 0.1)).toEqual([0, 0, 1]);
  });

  it('are a share of the voxels that count, and none where none counts', () => {
    expect(maskOf([9, 1, 4, 8, 3, 2], 50, [0, 1, 1, 0, 1, 1])).toEqual([0, 0, 1, 0, 1, 0]);
    expect(maskOf([9, 1], 50, [0, 0])).toEqual([0, 0]);
  });

  it('are found among losses of very different size', () => {
    expect(maskOf([1e4, 1e-3, 2e-3, 0], 50)).toEqual([1, 0, 1, 0]);
  });

  it('are the same whatever the order of the voxels', () => {
    const losses = Array.from({ length: 40 }, (_, index) => Math.abs(Math.sin(index * index)));
    const mask = maskOf(losses, 35);
    expect(maskOf(losses.toReversed(), 35).toReversed()).toEqual(mask);
    const sorted = losses.toSorted((a, b) => b - a);
    expect(losses.filter((_, index) => mask[index] === 1).toSorted((a, b) => b - a)).toEqual(sorted.slice(0, 14));
  });

  it('give a loss of 0 with a slope of 0 where every voxel is ignored', () => {
    const ignored = new Float64Array(60).fill(7);
    for (const settings of [
      ce({ topPercent: 10 }, { ignore: 7 }),
      dice({ falseNegatives: 2, smooth: 1e-5 }, { ignore: 7 }),
    ]) {
      const { value, slope } = run(settings, { label: ignored });
      expect(value).toBeCloseTo(0, 9);
      expect(slope.every(entry => Math.abs(entry) === 0)).toBe(true);
    }
  });
});

describe('the Tversky loss', () => {
  it('is exactly Dice at 0.5 and 0.5, as a graph too', () => {
    const nodes = (settings: HardLossOptions): string[] => {
      const builder = new GraphBuilder();
      const made: string[] = [];
      const input = builder.input('logits', [2, 3, ...SPACE]);
      const walk = ({ op, inputs }: typeof input): void => {
        made.push(op);
        inputs.forEach(walk);
      };
      walk(hardLossTerms(builder, input, builder.input('label', [2, 1, ...SPACE], 'int32'), settings)[0]!.value);
      return made;
    };
    for (const own of [{}, { squared: true, batch: false }]) {
      const half = dice({ ...own, falsePositives: 0.5, falseNegatives: 0.5 });
      expect(run(half).value).toBe(run(dice(own)).value);
      expect(nodes(half)).toEqual(nodes(dice(own)));
    }
  });

  it('has its closed form, also where a class is in neither', () => {
    const [a, b, e] = [0.2, 0.9, 1e-3];
    const own = dice({ falsePositives: a, falseNegatives: b, smooth: e });
    const few = label.map(value => (value === 2 ? 1 : value));
    const probability = (voxel: number, channel: number): number => {
      const [sample, at] = [Math.floor(voxel / 30), voxel % 30];
      const of = (other: number): number => Math.exp(logits[(3 * sample + other) * 30 + at]!);
      return of(channel) / (of(0) + of(1) + of(2));
    };
    const index = [1, 2].map(channel => {
      let [hit, wrong, missed] = [0, 0, 0];
      few.forEach((value, voxel) => {
        const p = probability(voxel, channel);
        if (value === channel) [hit, missed] = [hit + p, missed + 1 - p];
        else wrong += p;
      });
      return (hit + e / 2) / (hit + a * wrong + b * missed + e / 2);
    });
    expect(run(own, { label: few }).value).toBeCloseTo(1 - (index[0]! + index[1]!) / 2, 6);
  });

  it('punishes what is missed more where false negatives weigh more', () => {
    const blind = Float64Array.from({ length: 180 }, (_, index) => (Math.floor(index / 30) % 3 === 0 ? 3 : 0));
    const at = (falseNegatives: number): number => run(dice({ falseNegatives }), { logits: blind }).value;
    expect(at(0.9)).toBeGreaterThan(at(0.5));
  });
});
