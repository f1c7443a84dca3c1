/** Against enumeration of all references, against SciPy, and against counting. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import {
  diceReliability,
  expectedDice,
  FEWEST_FOR_INTERVAL,
  intervalHalfWidth,
  spearman,
} from '../../../src/metrics/expected-dice.ts';

const goldens = JSON.parse(
  readFileSync(new URL('../../fixtures/confidence-goldens.json', import.meta.url), 'utf8'),
) as { readonly spearman: readonly { readonly a: number[]; readonly b: number[]; readonly spearman: number }[] };

/** Mean Dice over all references of independent voxels, weighted by their chance. */
function exactExpectation(p: readonly number[], chosen: readonly boolean[]): number {
  let mean = 0;
  for (let bits = 0; bits < 2 ** p.length; bits++) {
    const reference = p.map((_, index) => ((bits >> index) & 1) === 1);
    const chance = p.reduce((product, value, index) => product * (reference[index] ? value : 1 - value), 1);
    const both = reference.filter((inside, index) => inside && chosen[index]).length;
    const sizes = reference.filter(Boolean).length + chosen.filter(Boolean).length;
    mean += (chance * 2 * both) / sizes;
  }
  return mean;
}

describe('expectedDice', () => {
  it('is the Dice itself where the probabilities are 0 and 1, and null where nothing was found', () => {
    // 3 voxels chosen, 2 of them right, 1 missed
    expect(expectedDice({ inside: 2, all: 3, voxels: 3 })).toBeCloseTo((2 * 2) / (3 + 3), 12);
    expect(expectedDice({ inside: 0, all: 0.4, voxels: 0 })).toBeNull();
  });

  it('is near the exact expectation over all references of independent voxels', () => {
    const numbers = random(5, 'probabilities');
    for (let round = 0; round < 20; round++) {
      const p = Array.from({ length: 12 }, () => numbers.uniform());
      const chosen = p.map(value => value >= 0.5);
      const sums = {
        inside: p.reduce((sum, value, index) => sum + (chosen[index] ? value : 0), 0),
        all: p.reduce((sum, value) => sum + value, 0),
        voxels: chosen.filter(Boolean).length,
      };
      expect(Math.abs(expectedDice(sums)! - exactExpectation(p, chosen))).toBeLessThan(0.03);
    }
  });
});

describe('intervalHalfWidth', () => {
  it('is the order statistic of split conformal prediction, and null below nine cases', () => {
    expect(FEWEST_FOR_INTERVAL).toBe(9);
    const errors = Array.from({ length: 19 }, (_, index) => (index % 2 === 0 ? 1 : -1) * (19 - index));
    expect(intervalHalfWidth(errors)).toBe(18);
    expect(intervalHalfWidth(errors.slice(0, 9))).toBe(19);
    expect(intervalHalfWidth(errors.slice(0, 8))).toBeNull();
  });

  it('holds at least nine in ten new cases', () => {
    const numbers = random(7, 'errors');
    let held = 0;
    const rounds = 4000;
    for (let round = 0; round < rounds; round++) {
      const halfWidth = intervalHalfWidth(Array.from({ length: 12 }, () => numbers.normal())) as number;
      if (Math.abs(numbers.normal()) <= halfWidth) held++;
    }
    // 12/13 by theory
    expect(held / rounds).toBeGreaterThan(0.9);
    expect(held / rounds).toBeLessThan(0.945);
  });
});

describe('diceReliability', () => {
  it.each(goldens.spearman)("Spearman's rank correlation agrees with SciPy", ({ a, b, spearman: golden }) => {
    expect(spearman(a, b)).toBeCloseTo(golden, 12);
  });

  it('has no rank correlation below three cases or where one side is constant', () => {
    expect(spearman([1, 2], [1, 2])).toBeNull();
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeNull();
  });

  it('counts errors, and the cases that lie in their intervals', () => {
    const found = diceReliability([
      { expected: 0.9, dice: 0.8, halfWidth: 0.15 },
      { expected: 0.8, dice: 0.6, halfWidth: 0.15 },
      { expected: 0.5, dice: 0.55, halfWidth: null },
    ]);
    expect(found).toMatchObject({ n: 3, spearman: 1, coverage: 0.5, intervals: 2 });
    expect(found.meanError).toBeCloseTo((0.1 + 0.2 - 0.05) / 3, 12);
    expect(found.meanAbsoluteError).toBeCloseTo((0.1 + 0.2 + 0.05) / 3, 12);
    expect(diceReliability([])).toEqual({
      n: 0,
      spearman: null,
      meanError: null,
      meanAbsoluteError: null,
      coverage: null,
      intervals: 0,
    });
  });
});
