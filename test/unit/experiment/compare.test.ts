/** Arms side by side: means, costs and paired tests, against numbers worked out by hand. */
import { describe, expect, it } from 'vitest';
import { compareArms } from '../../../src/experiment/compare.ts';
import { parseEvaluation } from '../../../src/experiment/evaluation-file.ts';
import type { Evaluation } from '../../../src/experiment/record.ts';
import type { CaseScore } from '../../../src/metrics/case-score.ts';
import { classScore, classSummary } from '../../support/scores.ts';

const ESTIMATE = { mean: 0, ci95: [0, 0], n: 0 } as const;

function caseScore(id: string, dice: number | null): CaseScore {
  const score = classScore({ presence: dice === null ? 'neither' : 'both', dice });
  return { id, classes: { Anterior: score }, meanDice: dice };
}

function evaluation(dice: readonly (number | null)[], secondsPerCase = 1): Evaluation {
  return {
    model: {
      path: 'm',
      sha256: '',
      parameters: 10,
      multiplyAdds: 20,
      bytes: 30,
      secondsPerCase,
      peakBytes: 100 * secondsPerCase,
    },
    dataset: 'd',
    split: 'test',
    cases: dice.map((value, index) => caseScore(`case-${index}`, value)),
    summary: {
      meanDice: ESTIMATE,
      classes: { Anterior: classSummary(ESTIMATE) },
    },
    calibration: {},
    postprocess: {},
    postprocessTrials: [],
  };
}

function arm(name: string, ...evaluations: readonly Evaluation[]) {
  return { name, seeds: evaluations.map((item, index) => ({ seed: index + 1, evaluation: item })) };
}

const STUDENT = [0.81, 0.72, 0.63, 0.84, 0.95, 0.76];
const BASELINE = [0.8, 0.7, 0.6, 0.8, 0.9, 0.7];

describe('compareArms', () => {
  it('tests student minus baseline on the same cases', () => {
    const { pairs } = compareArms([arm('student', evaluation(STUDENT)), arm('baseline', evaluation(BASELINE))]);
    const [pair] = pairs;
    expect(pair).toMatchObject({ a: 'student', b: 'baseline', metric: 'meanDice', n: 6, test: 'wilcoxon signed-rank' });
    // Differences .01 .. .06, all positive: of 2^6 sign patterns one is as extreme on each side.
    expect(pair?.meanDifference).toBeCloseTo(0.035, 12);
    expect(pair?.pValue).toBeCloseTo(2 / 64, 12);
    expect(pair?.sentence).toMatch(
      /^student has a higher mean Dice than baseline \(\+0\.035, .*p = 0\.031, 6 cases\)\.$/,
    );
    expect(pairs.map(({ metric }) => metric)).toEqual(['meanDice', 'dice:Anterior']);
  });

  it('says that no difference was found where the test does not support one', () => {
    const { pairs } = compareArms([arm('student', evaluation([0.9, 0.8])), arm('baseline', evaluation([0.8, 0.7]))]);
    expect(pairs[0]?.sentence).toMatch(/^No difference in mean Dice found between student and baseline/);
  });

  it('puts the student first and the teacher last in every pair', () => {
    const arms = ['teacher', 'student', 'baseline'].map(name => arm(name, evaluation(STUDENT)));
    const { pairs } = compareArms(arms);
    const onMeanDice = pairs.filter(({ metric }) => metric === 'meanDice').map(({ a, b }) => `${a} - ${b}`);
    expect(onMeanDice).toEqual(['student - baseline', 'student - teacher', 'baseline - teacher']);
  });

  it('leaves out of a pair the cases that only one side has or scores', () => {
    const { pairs } = compareArms([arm('a', evaluation([0.5, null, 0.9])), arm('b', evaluation([0.4, 0.8]))]);
    expect(pairs[0]).toMatchObject({ n: 1, pValue: 1 });
    expect(pairs[0]?.meanDifference).toBeCloseTo(0.1, 12);
    expect(compareArms([arm('a', evaluation([0.5])), arm('b', evaluation([null]))]).pairs).toEqual([]);
  });

  it('averages a case over seeds before it averages over cases', () => {
    const { arms, pairs } = compareArms([
      arm('student', evaluation([0.5, 0.9], 1), evaluation([0.7, null], 3)),
      arm('baseline', evaluation([0.5, 0.5])),
    ]);
    // Case means .6 and .9; a mean over all scores would be .7.
    expect(arms['student']?.meanDice).toBeCloseTo(0.75, 12);
    expect(arms['student']?.classes['Anterior']).toBeCloseTo(0.75, 12);
    expect(arms['student']).toMatchObject({
      parameters: 10,
      multiplyAdds: 20,
      bytes: 30,
      secondsPerCase: 2,
      peakBytes: 300,
    });
    expect(arms['student']?.seeds?.['2']?.meanDice).toBeCloseTo(0.7, 12);
    expect(arms['baseline']).not.toHaveProperty('seeds');
    expect(pairs[0]?.n).toBe(2);
  });
});

describe('parseEvaluation', () => {
  it('reads what was written, with null for a number that JSON cannot hold', () => {
    const written = {
      ...evaluation([0.5, null]),
      summary: { meanDice: { mean: Number.NaN, ci95: [Number.NaN, 1], n: 0 }, classes: {} },
    };
    expect(parseEvaluation(JSON.stringify(written), 'e.json')).toEqual(written);
  });

  it('names every field that is wrong', () => {
    const wrong = { ...evaluation([]), dataset: 3, split: undefined };
    expect(() => parseEvaluation(JSON.stringify(wrong), 'e.json')).toThrow(/e\.json dataset: .*\ne\.json split: /);
    expect(() => parseEvaluation('{', 'e.json')).toThrow(/e\.json is not JSON/);
  });
});
