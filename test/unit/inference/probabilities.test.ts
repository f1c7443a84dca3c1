import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/core/errors.ts';
import { random } from '../../../src/core/random.ts';
import { activate, labelsFromProbabilities } from '../../../src/inference/probabilities.ts';

describe('the activation', () => {
  it('turns logits into softmax over channels, at any magnitude', () => {
    // Two voxels; the second is the first shifted by 1000, which must not change anything.
    const values = Float32Array.of(4, 1004, 1, 1001, -2, 998);
    expect(activate(values, 3, 'softmax')).toBeCloseTo(2, 6);
    // exp(4 - z), exp(1 - z), exp(-2 - z) with z = log(e^4 + e + e^-2)
    [0.950331, 0.950331, 0.0473142, 0.0473142, 0.00235563, 0.00235563].forEach((expected, index) => {
      expect(values[index]).toBeCloseTo(expected, 5);
    });
  });

  it('is exp(z) over the sum of all of them at every voxel of a large window', () => {
    const [voxels, classes] = [5000, 4];
    const numbers = random('large window');
    const logits = Float32Array.from({ length: classes * voxels }, () => 10 * numbers.normal());
    const values = logits.slice();
    expect(activate(values, classes, 'softmax')).toBeCloseTo(voxels, 3);
    const errors = values.map((value, i) => {
      const voxel = i % voxels;
      const sum = [0, 1, 2, 3].reduce((total, k) => total + Math.exp(logits[k * voxels + voxel]! - logits[i]!), 0);
      return Math.abs(value * sum - 1);
    });
    // two roundings of float32, and those of numbers too small for all of its digits
    expect(Math.max(...errors.filter((_, i) => values[i]! > 1e-30))).toBeLessThan(2e-7);
  });

  it('turns logits into independent sigmoids', () => {
    const values = Float32Array.of(0, 2, -2, 100);
    activate(values, 2, 'sigmoid');
    [0.5, 0.880797, 0.119203, 1].forEach((expected, index) => {
      expect(values[index]).toBeCloseTo(expected, 6);
    });
  });

  it('leaves probabilities as they are', () => {
    const values = Float32Array.of(0.25, 0.5, 0.75, 0.5);
    expect(activate(values, 2, 'none')).toBe(2);
    expect(values).toEqual(Float32Array.of(0.25, 0.5, 0.75, 0.5));
  });

  it.each(['softmax', 'sigmoid', 'none'] as const)('gives a sum that is not finite where %s meets NaN', activation => {
    expect(activate(Float32Array.of(1, 2, Number.NaN, 3), 2, activation)).toBeNaN();
  });
});

describe('the class of a voxel', () => {
  it('is the most likely channel of a softmax, the first of equals', () => {
    const probabilities = Float32Array.of(0.5, 0.2, 0.1, 0.3, 0.4, 0.1, 0.2, 0.4, 0.8);
    expect(labelsFromProbabilities(probabilities, { classes: 3, kind: 'softmax' })).toEqual(Uint8Array.of(0, 1, 2));
  });

  it('is the most likely sigmoid channel that reaches 0.5, counted from 1, else background', () => {
    const probabilities = Float32Array.of(0.4, 0.5, 0.9, 0.6, 0.49, 0.1, 0.8, 0.7);
    expect(labelsFromProbabilities(probabilities, { classes: 2, kind: 'sigmoid' })).toEqual(Uint8Array.of(0, 1, 1, 2));
  });

  it('is background or foreground for a single sigmoid channel', () => {
    expect(labelsFromProbabilities(Float32Array.of(0.2, 0.5, 0.8), { classes: 1, kind: 'sigmoid' })).toEqual(
      Uint8Array.of(0, 1, 1),
    );
  });

  it('is the last region that reaches 0.5, whatever its probability, else background', () => {
    // whole, core and tip at four voxels
    const probabilities = Float32Array.of(0.4, 0.9, 0.99, 0.8, 0.3, 0.4, 0.6, 0.5, 0.2, 0.1, 0.2, 0.7);
    expect(labelsFromProbabilities(probabilities, { classes: 3, kind: 'regions' })).toEqual(Uint8Array.of(0, 1, 2, 3));
  });

  it('needs as many probabilities for every class', () => {
    expect(() => labelsFromProbabilities(new Float32Array(7), { classes: 2, kind: 'softmax' })).toThrow(ShapeError);
  });

  it('lets a class win beside the background from its threshold on, and 0.5 changes nothing', () => {
    // share of class 1 of itself and the background: 0.4, 0.3
    const probabilities = Float32Array.of(0.6, 0.7, 0.4, 0.3);
    const decide = (threshold: number) =>
      labelsFromProbabilities(probabilities, { classes: 2, kind: 'softmax', thresholds: [0.5, threshold] });
    expect(decide(0.5)).toEqual(labelsFromProbabilities(probabilities, { classes: 2, kind: 'softmax' }));
    expect(decide(0.35)).toEqual(Uint8Array.of(1, 0));
    expect(decide(0.25)).toEqual(Uint8Array.of(1, 1));
    const independent = Float32Array.of(0.6, 0.3, 0.5, 0.45);
    const of = (thresholds?: readonly number[]) =>
      labelsFromProbabilities(independent, { classes: 2, kind: 'sigmoid', ...(thresholds && { thresholds }) });
    expect(of([0.5, 0.5])).toEqual(of());
    // voxel 0: 0.6 and 0.5, of which the second now counts for more; voxel 1: the second is present from 0.4 on
    expect(of([0.5, 0.4])).toEqual(Uint8Array.of(2, 2));
    expect(labelsFromProbabilities(independent, { classes: 2, kind: 'regions', thresholds: [0.2, 0.48] })).toEqual(
      Uint8Array.of(2, 1),
    );
  });
});
