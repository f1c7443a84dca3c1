/** How unsure a model is of a case, against values that can be worked out by hand. */
import { describe, expect, it } from 'vitest';
import { byUncertainty, foregroundUncertainty } from '../../../src/metrics/foreground-uncertainty.ts';

const entropy = Float32Array.of(0.125, 0.5, 0.25, 1, 0.75);

describe('foregroundUncertainty', () => {
  it('is the mean entropy of what was found, of whatever class', () => {
    expect(foregroundUncertainty(entropy, Uint8Array.of(0, 1, 2, 0, 1))).toBe((0.5 + 0.25 + 0.75) / 3);
  });

  it('does not change with the background around the same structure', () => {
    const padded = new Float32Array(500);
    padded.set(entropy);
    const labels = new Uint16Array(500);
    labels.set([0, 1, 2, 0, 1]);
    expect(foregroundUncertainty(padded, labels)).toBe(foregroundUncertainty(entropy, Uint8Array.of(0, 1, 2, 0, 1)));
  });

  it('is the largest entropy where nothing was found', () => {
    expect(foregroundUncertainty(entropy, new Uint8Array(5))).toBe(1);
    expect(foregroundUncertainty(new Float32Array(5), new Uint8Array(5))).toBe(0);
  });
});

describe('byUncertainty', () => {
  it('puts the most uncertain case first, and equal ones by their ids', () => {
    const cases = [
      { id: 'd', uncertainty: 0.5 },
      { id: 'a', uncertainty: 0.1 },
      { id: 'c', uncertainty: 0.9 },
      { id: 'b', uncertainty: 0.5 },
    ];
    expect(byUncertainty(cases).map(({ id }) => id)).toEqual(['c', 'b', 'd', 'a']);
    expect(byUncertainty([...cases].reverse()).map(({ id }) => id)).toEqual(['c', 'b', 'd', 'a']);
  });
});
