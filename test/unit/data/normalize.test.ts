import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { type ImageNormalization, normalize } from '../../../src/data/normalize.ts';

const CT = { ct: { low: -100, high: 300, mean: 50, deviation: 25 } };
const METHODS: readonly ImageNormalization[] = ['min-max', 'percentile', 'z-score', 'z-score-nonzero', CT, 'none'];

function run(values: readonly number[], method: ImageNormalization, channels = 1) {
  const { data, warnings } = normalize({ id: 'case_1', data: Float32Array.from(values), channels }, method);
  return { values: Array.from(data), codes: warnings.map(({ code }) => code), warnings };
}

/** numpy's default, straight from a sorted list. */
function sortedPercentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = ((sorted.length - 1) * percent) / 100;
  const lower = Math.floor(rank);
  return sorted[lower]! + (rank - lower) * ((sorted[lower + 1] ?? sorted[lower]!) - sorted[lower]!);
}

describe('normalize', () => {
  test('min-max maps the smallest value to 0 and the largest to 1', () => {
    expect(run([-10, 0, 30], 'min-max')).toMatchObject({ values: [0, 0.25, 1], codes: [] });
  });

  test('z-score has mean 0 and population deviation 1', () => {
    const root = Math.fround(Math.sqrt(1.5));
    expect(run([1, 2, 3], 'z-score').values).toEqual([-root, 0, root]);
  });

  test('none keeps the values', () => {
    expect(run([5, -3, 1e6], 'none')).toMatchObject({ values: [5, -3, 1e6], codes: [] });
  });

  test('percentile clips at the 0.5th and 99.5th percentile, as a sorted list says', () => {
    const value = fc.oneof(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -100000, max: 100000 }));
    fc.assert(
      fc.property(fc.array(value, { minLength: 2, maxLength: 400 }), values => {
        const [low, high] = [sortedPercentile(values, 0.5), sortedPercentile(values, 99.5)];
        fc.pre(high > low);
        const result = run(values, 'percentile').values;
        values.forEach((one, i) => {
          expect(result[i]).toBeCloseTo((Math.min(high, Math.max(low, one)) - low) / (high - low), 5);
        });
      }),
      { numRuns: 150 },
    );
  });

  test('one outlier squeezes min-max but not percentile', () => {
    const source = random(1);
    const values = [...Array.from({ length: 999 }, () => source.uniform()), 1e6];
    const spread = (method: ImageNormalization): number => {
      const inner = run(values, method).values.slice(0, 999);
      return Math.max(...inner) - Math.min(...inner);
    };
    expect(spread('min-max')).toBeLessThan(1e-5);
    expect(spread('percentile')).toBeCloseTo(1, 5);
  });

  test('a volume that is nearly all background falls back to its whole range', () => {
    const values = [...new Array<number>(999).fill(3), 5];
    expect(run(values, 'percentile').values.slice(998)).toEqual([0, 1]);
  });

  test.each(['min-max', 'percentile', 'z-score'] as const)(
    '%s turns a constant volume into zeros and says so',
    method => {
      expect(run([7, 7, 7], method)).toMatchObject({ values: [0, 0, 0], codes: ['W_IMAGE_CONSTANT'] });
      expect(run([7], method)).toMatchObject({ values: [0], codes: ['W_IMAGE_CONSTANT'] });
    },
  );

  test('none keeps a constant volume and says so', () => {
    expect(run([7, 7], 'none')).toMatchObject({ values: [7, 7], codes: ['W_IMAGE_CONSTANT'] });
  });

  test('z-score-nonzero has mean 0 and deviation 1 over what is not 0, and keeps what is', () => {
    const root = Math.fround(Math.sqrt(1.5));
    expect(run([0, 1, 0, 2, 3, 0], 'z-score-nonzero').values).toEqual([0, -root, 0, 0, root, 0]);
    expect(run([0, 1, Number.NaN, 2, 3], 'z-score-nonzero')).toMatchObject({
      values: [0, -root, 0, 0, root],
      codes: ['W_IMAGE_NOT_FINITE'],
    });
  });

  test('ct clips and scales by the numbers of a data set, whatever the volume holds', () => {
    expect(run([-1000, -100, 50, 100, 3000], CT).values).toEqual([-6, -6, 0, 2, 10]);
    expect(run([75, 75], CT)).toMatchObject({ values: [1, 1], codes: ['W_IMAGE_CONSTANT'] });
  });

  test('every channel may have a method of its own', () => {
    const result = run([0, 2, 4, 50, 75, 100, 7, 8, 9], ['min-max', CT, 'none'], 3);
    expect(result.values).toEqual([0, 0.5, 1, 0, 1, 2, 7, 8, 9]);
    const error = expect.objectContaining({ code: 'E_CHANNELS', message: expect.stringMatching(/2 .*3 channel/) });
    expect(() => run([1, 2, 3], ['none', 'none'], 3)).toThrow(error);
  });

  test.each<ImageNormalization>(['min-max', 'percentile', 'z-score', CT, 'none'])(
    '%o gives NaN and infinities the smallest result and counts them',
    method => {
      const clean = run([1, 2, 3], method).values;
      const dirty = run([Number.NaN, 1, Number.POSITIVE_INFINITY, 2, Number.NEGATIVE_INFINITY, 3], method);
      const [low, middle, high] = method === CT ? [-6, ...clean.slice(1)] : clean;
      expect(dirty.values).toEqual([low, method === CT ? clean[0] : low, low, middle, low, high]);
      expect(dirty.codes).toEqual(['W_IMAGE_NOT_FINITE']);
      expect(dirty.warnings[0]?.message).toMatch(/case "case_1": 3 of 6 voxels/);
    },
  );

  test.each(METHODS)('%o of a volume without any finite voxel is zeros', method => {
    expect(run([Number.NaN, Number.NaN], method)).toMatchObject({ values: [0, 0], codes: ['W_IMAGE_NOT_FINITE'] });
  });

  test('channels are normalised each by itself and named', () => {
    const result = run([0, 2, 4, 9, 9, 9, 100, 200, 300], 'min-max', 3);
    expect(result.values).toEqual([0, 0.5, 1, 0, 0, 0, 0, 0.5, 1]);
    expect(result.warnings[0]?.message).toContain('channel 1');
  });

  test('the result is finite whatever the values', () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1, maxLength: 40 }), fc.constantFrom(...METHODS), (data, method) => {
        const before = data.slice();
        expect(normalize({ id: 'x', data, channels: 1 }, method).data.every(Number.isFinite)).toBe(true);
        expect(data).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });
});
