/** The fit against its closed form and against SciPy's minimisation. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { fitTemperature, type LogitRows } from '../../../src/metrics/temperature.ts';

const { temperatures } = JSON.parse(
  readFileSync(new URL('../../fixtures/confidence-goldens.json', import.meta.url), 'utf8'),
) as {
  temperatures: readonly {
    readonly name: string;
    readonly classes: number;
    readonly logits: readonly number[];
    readonly truth: readonly number[];
    readonly temperature: number;
    readonly nllBefore: number;
    readonly nllAfter: number;
  }[];
};

/** Two classes, all rows with the same difference of logits; the first is right in some of them. */
function sameLogits(difference: number, { right, wrong }: { right: number; wrong: number }): LogitRows {
  const rows = right + wrong;
  const logits = Float32Array.from({ length: 2 * rows }, (_, index) => (index % 2 === 0 ? difference : 0));
  return { classes: 2, logits, truth: Array.from({ length: rows }, (_, row) => (row < right ? 0 : 1)) };
}

describe('fitTemperature', () => {
  it('is the closed form where all logits are the same: the difference over the log odds of being right', () => {
    for (const [difference, right, wrong] of [
      [4, 3, 1],
      [1, 9, 1],
      [-3, 1, 4],
    ] as const) {
      const fit = fitTemperature(sameLogits(difference, { right, wrong }));
      expect(fit?.temperature).toBeCloseTo(difference / Math.log(right / wrong), 5);
      const [p, q] = [right / (right + wrong), wrong / (right + wrong)];
      // the likelihood is then the entropy of being right
      expect(fit?.nllAfter).toBeCloseTo(-p * Math.log(p) - q * Math.log(q), 9);
      expect(fit?.nllBefore).toBeCloseTo(Math.log(1 + Math.exp(difference)) - p * difference, 9);
    }
  });

  it.each(temperatures)('agrees with SciPy: $name', ({ classes, logits, truth, temperature, nllBefore, nllAfter }) => {
    const fit = fitTemperature({ classes, logits: Float32Array.from(logits), truth });
    expect(fit?.temperature).toBeCloseTo(temperature, 5);
    expect(fit?.nllBefore).toBeCloseTo(nllBefore, 6);
    expect(fit?.nllAfter).toBeCloseTo(nllAfter, 6);
  });

  it('does not depend on a constant that is added to all logits of a row', () => {
    const { classes, logits, truth } = temperatures[1]!;
    const numbers = random(3, 'shift');
    const shifts = truth.map(() => Math.round(numbers.normal() * 8) / 4);
    const moved = Float32Array.from(logits, (value, index) => value + shifts[Math.floor(index / classes)]!);
    const [a, b] = [Float32Array.from(logits), moved].map(one => fitTemperature({ classes, logits: one, truth }));
    expect(b?.temperature).toBeCloseTo(a!.temperature, 4);
  });

  it('ends at its range where every row is right or says nothing, and is undefined without a row', () => {
    expect(fitTemperature(sameLogits(2, { right: 5, wrong: 0 }))?.temperature).toBeCloseTo(0.05, 9);
    expect(fitTemperature(sameLogits(2, { right: 0, wrong: 5 }))?.temperature).toBeCloseTo(20, 9);
    expect(fitTemperature({ classes: 3, logits: new Float32Array(0), truth: [] })).toBeUndefined();
  });
});
