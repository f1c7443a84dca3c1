import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/core/errors.ts';
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
    expect(labelsFromProbabilities(probabilities, 3, 'softmax')).toEqual(Uint8Array.of(0, 1, 2));
  });

  it('is the most likely sigmoid channel that reaches 0.5, counted from 1, else background', () => {
    const probabilities = Float32Array.of(0.4, 0.5, 0.9, 0.6, 0.49, 0.1, 0.8, 0.7);
    expect(labelsFromProbabilities(probabilities, 2, 'sigmoid')).toEqual(Uint8Array.of(0, 1, 1, 2));
  });

  it('is background or foreground for a single sigmoid channel', () => {
    expect(labelsFromProbabilities(Float32Array.of(0.2, 0.5, 0.8), 1, 'sigmoid')).toEqual(Uint8Array.of(0, 1, 1));
  });

  it('is the last region that reaches 0.5, whatever its probability, else background', () => {
    // whole, core and tip at four voxels
    const probabilities = Float32Array.of(0.4, 0.9, 0.99, 0.8, 0.3, 0.4, 0.6, 0.5, 0.2, 0.1, 0.2, 0.7);
    expect(labelsFromProbabilities(probabilities, 3, 'regions')).toEqual(Uint8Array.of(0, 1, 2, 3));
  });

  it('needs as many probabilities for every class', () => {
    expect(() => labelsFromProbabilities(new Float32Array(7), 2, 'softmax')).toThrow(ShapeError);
  });
});
