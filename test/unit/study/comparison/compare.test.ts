/** Arms side by side: means, costs and paired tests, against numbers worked out by hand. */

import { describe, expect, it } from 'vitest';
import { readEvaluation } from '../../../../src/experiment/evaluation-file.ts';
import type { Evaluation } from '../../../../src/experiment/record.ts';
import type { CaseScore } from '../../../../src/metrics/case-score.ts';
import { compareArms } from '../../../../src/study/comparison/compare.ts';
import { failedCases, failedNotes } from '../../../../src/study/comparison/failed-cases.ts';
import { pooledEvaluation } from '../../../../src/study/comparison/pooled-evaluation.ts';
import { memoryFiles } from '../../../support/memory-files.ts';
import { classScore, classSummary } from '../../../support/scores.ts';

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
    thresholds: {},
    thresholdTrials: [],
    confidence: { temperature: null, halfWidths: {}, reliability: {} },
  };
}

function arm(name: string, ...evaluations: readonly Evaluation[]) {
  return { name, repeats: evaluations.map((item, index) => ({ fold: null, seed: index + 1, evaluation: item })) };
}

const STUDENT = [0.81, 0.72, 0.63, 0.84, 0.95, 0.76];
const BASELINE = [0.8, 0.7, 0.6, 0.8, 0.9, 0.7];

describe('compareArms', () => {
  it('tests student minus baseline on the same cases', () => {
    const { pairs } = compareArms([arm('student', evaluation(STUDENT)), arm('baseline', evaluation(BASELINE))]);
    const [pair] = pairs;
    expect(pair).toMatchObject({ a: 'student', b: 'baseline', metric: 'meanDice', n: 6, test: 'wilcoxon signed-rank' });
    // Differences 0.01 .. 0.06, all positive: of 2^6 sign patterns one is as extreme on each side.
    expect(pair?.meanDifference).toBeCloseTo(0.035, 12);
    expect(pair?.pValue).toBeCloseTo(2 / 64, 12);
    expect(pair?.sentence).toMatch(
      /^The student has a higher mean Dice than the baseline \(\+0\.035, .*p = 0\.031, 6 cases, 1 trained model each\)\.$/,
    );
    const metrics = [
      'dice',
      'hd95Mm',
      'assdMm',
      'surfaceDice',
      'sensitivity',
      'precision',
      'volumeErrorPercent',
      'ece',
    ];
    const known = metrics.filter(metric => pairs.some(test => test.metric === `${metric}:Anterior`));
    expect(pairs.map(({ metric }) => metric)).toEqual(['meanDice', ...known.map(metric => `${metric}:Anterior`)]);
  });

  it('says that no difference was found where the test does not support one', () => {
    const { pairs } = compareArms([arm('student', evaluation([0.9, 0.8])), arm('baseline', evaluation([0.8, 0.7]))]);
    expect(pairs[0]?.sentence).toBe(
      '2 cases cannot tell the student from the baseline in mean Dice: p cannot fall below 0.500 (+0.100, no interval below 5 cases, 2 cases, 1 trained model each).',
    );
    const seven = [0.82, 0.71, 0.64, 0.83, 0.96, 0.75, 0.6];
    const sentenceOf = (other: readonly number[]) =>
      compareArms([arm('student', evaluation([...STUDENT, 0.5])), arm('baseline', evaluation(other))]).pairs[0]
        ?.sentence;
    expect(sentenceOf(seven)).toMatch(/^No difference in mean Dice found between the student and the baseline/);
    expect(sentenceOf([...STUDENT, 0.6])).toMatch(/^7 cases, of which 1 differ, cannot tell/);
    expect(sentenceOf([...STUDENT, 0.5])).toBe(
      'The student and the baseline have the same mean Dice in each of 7 cases, 1 trained model each.',
    );
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

  it('tests no mean Dice of some classes against that of others', () => {
    const [student, teacher] = [evaluation(STUDENT), evaluation(BASELINE)];
    const cases = teacher.cases.map(one => ({ ...one, classes: { ...one.classes, whole: classScore({ dice: 1 }) } }));
    const { pairs } = compareArms([arm('student', student), arm('teacher', { ...teacher, cases })]);
    expect(pairs.map(({ metric }) => metric)).toEqual(['dice:Anterior']);
  });

  it('averages a case over seeds before it averages over cases', () => {
    const { arms, pairs } = compareArms([
      arm('student', evaluation([0.5, 0.9], 1), evaluation([0.7, null], 3)),
      arm('baseline', evaluation([0.5, 0.5])),
    ]);
    // Case means 0.6 and 0.9; a mean over all scores would be 0.7.
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

describe('compareArms over seeds', () => {
  /** Seed 2 is 0.1 better on every case, for both arms. */
  const shifted = (dice: readonly number[], by: number) => dice.map(value => value + by);
  const student = arm('student', evaluation(STUDENT), evaluation(shifted(STUDENT, 0.1)));
  const baseline = arm('baseline', evaluation(BASELINE), evaluation(shifted(BASELINE, 0.1)));

  it('tests as many differences as there are cases, not as there are models times cases', () => {
    const [pair] = compareArms([student, baseline]).pairs;
    expect(pair).toMatchObject({ n: 6, models: [2, 2] });
    expect(pair?.meanDifference).toBeCloseTo(0.035, 12);
    expect(pair?.pValue).toBeCloseTo(2 / 64, 12);
    expect(pair?.sentence).toContain('6 cases, 2 trained models each');
  });

  it('compares models of one seed with each other, so that what a seed does to both arms is no noise', () => {
    const same = compareArms([student, baseline]).pairs[0]!;
    const apart = { ...baseline, repeats: baseline.repeats.map(repeat => ({ ...repeat, seed: repeat.seed + 10 })) };
    const other = compareArms([student, apart]).pairs[0]!;
    const width = ({ ci95 }: typeof same) => ci95[1] - ci95[0];
    expect(other.meanDifference).toBeCloseTo(same.meanDifference, 12);
    expect(width(other)).toBeGreaterThan(2 * width(same));
    // of one arm alone the seeds are noise
    const { meanDiceCi95 } = compareArms([student]).arms['student']!;
    const oneSeed = compareArms([arm('student', evaluation(STUDENT))]).arms['student']!.meanDiceCi95;
    expect(meanDiceCi95[1] - meanDiceCi95[0]).toBeGreaterThan(oneSeed[1] - oneSeed[0]);
  });
});

describe('compareArms over folds', () => {
  const fold = (number: number, from: number, dice: readonly number[]) => {
    const { cases, ...rest } = evaluation(dice);
    const own = cases.map((item, index) => ({ ...item, id: `case-${from + index}` }));
    return { fold: number, seed: 1, evaluation: { ...rest, cases: own } };
  };
  const folded = (name: string, dice: readonly number[]) => ({
    name,
    repeats: [fold(0, 0, dice.slice(0, 2)), fold(1, 2, dice.slice(2))],
  });

  it('pools the cases of all folds into the table of one test', () => {
    const { arms, pairs } = compareArms([folded('student', STUDENT), folded('baseline', BASELINE)]);
    const whole = compareArms([arm('student', evaluation(STUDENT)), arm('baseline', evaluation(BASELINE))]);
    expect(pairs[0]).toMatchObject({ n: 6, pValue: whole.pairs[0]!.pValue, models: [2, 2] });
    expect(arms['student']?.meanDice).toBeCloseTo(whole.arms['student']!.meanDice, 12);
    expect(arms['student']?.folds?.['0']?.meanDice).toBeCloseTo((0.81 + 0.72) / 2, 12);
    expect(arms['student']).not.toHaveProperty('seeds');
  });

  it('finds the shared cases of arms that were divided otherwise', () => {
    const { pairs } = compareArms([folded('student', STUDENT), arm('baseline', evaluation(BASELINE))]);
    expect(pairs[0]).toMatchObject({ n: 6, models: [2, 1] });
    expect(pairs[0]?.meanDifference).toBeCloseTo(0.035, 12);
    expect(pairs[0]?.sentence).toContain('6 cases, 2 and 1 trained model)');
  });
});

describe('other metrics than Dice', () => {
  const far = (hd95Mm: number | null, volumeErrorPercent: number) =>
    classScore({ presence: hd95Mm === null ? 'reference-only' : 'both', dice: 0.8, hd95Mm, volumeErrorPercent });
  const withScores = (scores: readonly (readonly [number | null, number])[]): Evaluation => {
    const { cases, ...rest } = evaluation(scores.map(() => 0.8));
    const own = cases.map((item, index) => ({ ...item, classes: { Anterior: far(...scores[index]!) } }));
    return { ...rest, cases: own };
  };
  const student = Array.from({ length: 8 }, (_, index) => [index === 7 ? null : 5 + index, -10 - index] as const);
  const baseline = student.map(([hd95], index) => [hd95 === null ? 3 : hd95 - 1 - index / 8, 2] as const);
  const { pairs } = compareArms([arm('student', withScores(student)), arm('baseline', withScores(baseline))]);
  const find = (metric: string) => pairs.find(test => test.metric === metric)!;

  it('are tested too, with what is worse, in their unit, and with how many cases a distance lacks', () => {
    expect(find('hd95Mm:Anterior')).toMatchObject({ n: 7, missed: [1, 0], pValue: 2 / 2 ** 7 });
    expect(find('hd95Mm:Anterior').sentence).toMatch(
      /^The student has a higher HD95 of Anterior than the baseline \(worse\) \(\+1\.38 mm, 95 % CI \+1\.11 to \+1\.64, p = 0\.016, 7 cases, 1 trained model each; without the cases where a structure is missed or made up, 1 of the student and 0 of the baseline\)\.$/,
    );
  });

  it('go by the size of a signed error', () => {
    // 10 to 17 against 2
    expect(find('volumeErrorPercent:Anterior').meanDifference).toBeCloseTo(11.5, 12);
  });
});

describe('several pairs', () => {
  it('are corrected together, metric by metric, and a sentence goes by the corrected p', () => {
    const arms = [arm('student', evaluation(STUDENT)), arm('baseline', evaluation(BASELINE))];
    const third = arm('other', evaluation(BASELINE));
    const { pairs } = compareArms([...arms, third]);
    const onMean = pairs.filter(({ metric }) => metric === 'meanDice');
    // 0.03125 twice and 1: Holm's factors are 3, 2 and 1
    expect(onMean.map(({ pValue }) => pValue)).toEqual([2 / 64, 2 / 64, 1]);
    expect(onMean.map(({ pValueHolm }) => pValueHolm)).toEqual([6 / 64, 6 / 64, 1]);
    expect(onMean[0]?.sentence).toMatch(
      /^6 cases cannot tell the student from the baseline in mean Dice: p cannot fall below 0\.094 after Holm's correction for 3 tests \(\+0\.035, 95 % CI of this difference alone /,
    );
    expect(compareArms(arms).pairs[0]?.pValueHolm).toBe(2 / 64);
  });
});

describe('pooledEvaluation', () => {
  it('has the cases of all folds, each with its mean over the seeds', () => {
    const { cases, summary } = pooledEvaluation(arm('student', evaluation([0.5, 0.9]), evaluation([0.7, null])));
    expect(cases.map(({ id }) => id)).toEqual(['case-0', 'case-1']);
    expect(cases[0]?.meanDice).toBeCloseTo(0.6, 12);
    expect(cases[0]?.classes['Anterior']?.dice).toBeCloseTo(0.6, 12);
    expect(cases[1]?.classes['Anterior']).toMatchObject({ dice: 0.9, presence: 'both' });
    expect(summary.meanDice.mean).toBeCloseTo(0.75, 12);
  });

  it('is the evaluation itself where there is one', () => {
    const single = evaluation(STUDENT);
    expect(pooledEvaluation(arm('student', single))).toBe(single);
  });
});

describe('readEvaluation', () => {
  it('reads what was written, with null for a number that JSON cannot hold', async () => {
    const written = {
      ...evaluation([0.5, null]),
      summary: { meanDice: { mean: Number.NaN, ci95: [Number.NaN, 1], n: 0 }, classes: {} },
    };
    expect(await readEvaluation(memoryFiles({ 'e.json': JSON.stringify(written) }), 'e.json')).toEqual(written);
  });

  it('keeps the cases that failed, which a comparison says', async () => {
    const failed = [
      { id: 'x', code: 'E_NIFTI_CORRUPT', message: 'x.nii is truncated.' },
      { id: 'y', code: 'E_CASE_MISSING', message: 'y.nii is missing.' },
    ];
    const files = memoryFiles({ 'e.json': JSON.stringify({ ...evaluation(STUDENT), failed }) });
    const read = await readEvaluation(files, 'e.json');
    expect(read.failed).toEqual(failed);
    const again = { ...evaluation(STUDENT), failed: failed.slice(1) };
    const arms = [arm('b', again, read), arm('c', evaluation(STUDENT))];
    expect(failedCases(arms)).toEqual({ b: [failed[1], failed[0]] });
    expect(pooledEvaluation(arms[0]!).failed).toEqual([failed[1], failed[0]]);
    expect(failedNotes(failedCases(arms))).toEqual([
      'b lacks cases: 2 cases failed and are in no score: y (E_CASE_MISSING), x (E_NIFTI_CORRUPT).',
    ]);
    expect(failedNotes(failedCases([arm('c', again)]))).toEqual([
      'c lacks cases: 1 case failed and is in no score: y (E_CASE_MISSING).',
    ]);
  });

  it('names the fields that are wrong', async () => {
    const wrong = { ...evaluation([]), dataset: 3, split: undefined };
    const files = memoryFiles({ 'e.json': JSON.stringify(wrong), 'cut.json': '{' });
    await expect(readEvaluation(files, 'e.json')).rejects.toThrow(/e\.json dataset: .*\ne\.json split: /);
    await expect(readEvaluation(files, 'cut.json')).rejects.toThrow(/cut\.json is not JSON/);
  });
});
