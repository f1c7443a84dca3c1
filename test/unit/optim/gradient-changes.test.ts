/** Clipping and regularization of the gradient, against PyTorch and closed forms. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { addRegularization, clipByNorm, gradientNorm } from '../../../src/optim/clipping.ts';
import { evaluate } from '../../support/evaluate.ts';

const { clipped } = JSON.parse(
  readFileSync(new URL('../../fixtures/optimizer-goldens.json', import.meta.url), 'utf8'),
) as { readonly clipped: Readonly<Record<string, readonly number[]>> };

describe('clipByNorm', () => {
  it.each(Object.entries(clipped))('clips a gradient of norm 13 to %s as PyTorch does', (maximum, expected) => {
    const builder = new GraphBuilder();
    const gradient = builder.input('gradient', [4]);
    const norm = gradientNorm(builder, gradient);
    const result = evaluate(
      { norm, clipped: clipByNorm(builder, gradient, norm, Number(maximum)) },
      { gradient: Float64Array.of(3, -4, 12, 0) },
    );
    expect(norm.shape).toEqual([]);
    expect(result['norm']![0]).toBe(13);
    result['clipped']!.forEach((value, index) => void expect(value).toBeCloseTo(expected[index]!, 6));
  });

  it('leaves a gradient of zeros alone', () => {
    const builder = new GraphBuilder();
    const gradient = builder.input('gradient', [2]);
    const result = evaluate(
      { clipped: clipByNorm(builder, gradient, gradientNorm(builder, gradient), 1) },
      { gradient: new Float64Array(2) },
    );
    expect([...result['clipped']!]).toEqual([0, 0]);
  });
});

describe('addRegularization', () => {
  const regularized = (l1: number, l2: number): number[] => {
    const builder = new GraphBuilder();
    const gradient = builder.input('gradient', [4]);
    const theta = builder.input('theta', [4]);
    const mask = Float32Array.of(1, 1, 1, 0);
    const value = addRegularization(builder, gradient, { theta, mask, l1, l2 });
    const feeds = { gradient: Float64Array.of(10, 20, 30, 40), theta: Float64Array.of(2, -3, 0, 5) };
    return [...evaluate({ value }, feeds)['value']!];
  };

  it('adds the sign of the kernels for L1 and twice the kernels for L2, and nothing elsewhere', () => {
    expect(regularized(0, 0)).toEqual([10, 20, 30, 40]);
    expect(regularized(0.5, 0)).toEqual([10.5, 19.5, 30, 40]);
    expect(regularized(0, 0.25)).toEqual([11, 18.5, 30, 40]);
    expect(regularized(0.5, 0.25)).toEqual([11.5, 18, 30, 40]);
  });

  it('is the derivative of l1 sum |w| + l2 sum w^2', () => {
    const penalty = (w: number): number => 0.5 * Math.abs(w) + 0.25 * w * w;
    [2, -3].forEach((w, index) => {
      const numeric = (penalty(w + 1e-6) - penalty(w - 1e-6)) / 2e-6;
      expect(regularized(0.5, 0.25)[index]! - [10, 20][index]!).toBeCloseTo(numeric, 6);
    });
  });
});
