/** Intervals over cases and seeds, against NumPy and where they are known in closed form. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { caseValues, hierarchicalBootstrap, type ScoreTable } from '../../../src/metrics/hierarchical-bootstrap.ts';
import { bootstrapMean } from '../../../src/metrics/statistics.ts';

interface Golden {
  readonly name: string;
  /** One per stratum. */
  readonly tables: readonly ScoreTable[];
  /** Of the arm that is subtracted, its models drawn apart. */
  readonly minus: readonly ScoreTable[] | null;
  readonly mean: number;
  readonly ci95: readonly [number, number];
}

const goldens = JSON.parse(
  readFileSync(new URL('../../fixtures/statistics-goldens.json', import.meta.url), 'utf8'),
) as { readonly bootstraps: readonly Golden[] };

const one = (table: ScoreTable) => [{ table, sign: 1 }] as const;

describe('the bootstrap over cases and seeds', () => {
  it.each(goldens.bootstraps)('agrees with NumPy within resampling error: $name', ({ tables, minus, mean, ci95 }) => {
    const strata = tables.map((table, at) => [
      ...one(table),
      ...(minus === null ? [] : [{ table: minus[at]!, sign: -1 } as const]),
    ]);
    const estimate = hierarchicalBootstrap(strata, { resamples: 8000, seed: 3 });
    expect(estimate.mean).toBeCloseTo(mean, 12);
    const width = ci95[1] - ci95[0];
    for (const end of [0, 1] as const) {
      expect(Math.abs(estimate.ci95[end] - ci95[end])).toBeLessThan(0.03 * width);
    }
  });

  it('is the bootstrap over cases where there is one seed', () => {
    const values = [0.7, 0.8, 0.85, 0.91, 0.6];
    expect(hierarchicalBootstrap([one([values])])).toEqual(bootstrapMean(values));
  });

  it('sees the seeds: the interval is wider than that of the cases alone', () => {
    // every case alike, so that all that varies are two models at 0 and 1: resamples have 0, 1/2 and 1
    const estimate = hierarchicalBootstrap([one([new Array(30).fill(0), new Array(30).fill(1)])]);
    expect(estimate).toEqual({ mean: 0.5, ci95: [0, 1], n: 30 });
  });

  it('never carries a model or case from one fold into another', () => {
    // the fold of ones has three times the cases of the fold of zeros, in every resample
    const folds = [one([[1, 1, 1]]), one([[0]])];
    expect(hierarchicalBootstrap(folds)).toEqual({ mean: 0.75, ci95: [0.75, 0.75], n: 4 });
  });

  it('means a case over the models that have scored it, and leaves out one that none has', () => {
    const table = [
      [0.5, 0.9, null],
      [0.7, null, null],
    ];
    const [first, ...others] = caseValues(one(table));
    expect(first).toBeCloseTo(0.6, 12);
    expect(others).toEqual([0.9, null]);
    const estimate = hierarchicalBootstrap([one(table)]);
    expect(estimate.mean).toBeCloseTo(0.75, 12);
    expect(estimate.n).toBe(2);
    expect(estimate.ci95.every(Number.isFinite)).toBe(true);
    expect(hierarchicalBootstrap([one([[null]])])).toEqual({ mean: Number.NaN, ci95: [Number.NaN, Number.NaN], n: 0 });
  });
});
