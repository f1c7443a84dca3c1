/** Small records of a run, for the tests of the report. */

import type { Evaluation } from '../../../src/experiment/record.ts';
import type { CaseScore } from '../../../src/metrics/case-score.ts';
import type { ArmSummary, Comparison, PairTest } from '../../../src/study/comparison/comparison.ts';
import type { UnitReport } from '../../../src/study/units/state.ts';
import { classScore, classSummary } from '../../support/scores.ts';

function caseScore(id: string, dice: Readonly<Record<string, number>>): CaseScore {
  const values = Object.values(dice);
  return {
    id,
    classes: Object.fromEntries(
      Object.entries(dice).map(([name, value]) => [
        name,
        classScore({ dice: value, hd95Mm: 2, assdMm: 0.5, surfaceDice: 0.9, volumeMl: 1.5, referenceMl: 1.6 }),
      ]),
    ),
    meanDice: values.reduce((sum, value) => sum + value, 0) / values.length,
  };
}

/** An evaluation whose cases are given as class scores by case id. */
export function evaluation(cases: Readonly<Record<string, Readonly<Record<string, number>>>>): Evaluation {
  const scores = Object.entries(cases).map(([id, dice]) => caseScore(id, dice));
  const estimate = (mean: number) => ({ mean, ci95: [mean - 0.01, mean + 0.01] as const, n: scores.length });
  const names = [...new Set(scores.flatMap(score => Object.keys(score.classes)))];
  return {
    model: {
      path: 'model.onnx',
      sha256: '',
      parameters: 1,
      multiplyAdds: 1,
      bytes: 1,
      secondsPerCase: 1,
      peakBytes: 1,
    },
    dataset: 'Task04',
    split: 'test',
    cases: scores,
    summary: {
      meanDice: estimate(0.8),
      classes: Object.fromEntries(
        names.map(name => [
          name,
          classSummary(estimate(0.8), {
            hd95Mm: estimate(2.25),
            assdMm: estimate(0.5),
            surfaceDice: estimate(0.9),
            volumeErrorPercent: estimate(-4),
            ece: estimate(0.004),
            bothEmpty: 3,
            oneEmpty: 1,
          }),
        ]),
      ),
    },
    postprocess: {},
    postprocessTrials: [],
    thresholds: {},
    thresholdTrials: [],
    confidence: { temperature: null, halfWidths: {}, reliability: {} },
    calibration: Object.fromEntries(
      names.map(name => [
        name,
        [
          { voxels: 900, probability: 0.02, frequency: 0.01 },
          { voxels: 0, probability: null, frequency: null },
          { voxels: 80, probability: 0.9, frequency: 0.7 },
        ],
      ]),
    ),
  };
}

/** An arm with this mean Dice and number of parameters. */
export function arm(meanDice: number, parameters: number): ArmSummary {
  return {
    meanDice,
    meanDiceCi95: [meanDice - 0.02, meanDice + 0.02],
    classes: { Anterior: meanDice, Posterior: meanDice },
    parameters,
    bytes: parameters * 4,
    multiplyAdds: parameters * 1000,
    secondsPerCase: 0.25,
    peakBytes: 2e8,
  };
}

/** A paired test of mean Dice. */
export function pair(a: string, b: string, meanDifference: number, pValue: number): PairTest {
  return {
    a,
    b,
    metric: 'meanDice',
    meanDifference,
    ci95: [meanDifference - 0.01, meanDifference + 0.02],
    pValue,
    pValueHolm: pValue,
    smallestPHolm: 0,
    test: 'wilcoxon signed-rank',
    n: 40,
    differing: 40,
    models: [1, 1],
    sentence: `${a} against ${b}.`,
  };
}

/** Three arms with the given tests. */
export function comparison(pairs: readonly PairTest[]): Comparison {
  return { arms: { teacher: arm(0.88, 100_000), student: arm(0.85, 6_250), baseline: arm(0.84, 6_250) }, pairs };
}

/** A unit of a study. */
export function unit(state: UnitReport['state'], known: Partial<UnitReport> = {}): UnitReport {
  return {
    folder: 'student',
    arm: 'student',
    fold: null,
    seed: 1,
    label: `a ${state} one`,
    place: 0,
    state,
    attempt: state === 'waiting' ? 0 : 1,
    node: state === 'waiting' ? null : 'node-1',
    job: null,
    progress: null,
    timingsSeconds: {},
    error: null,
    queuedFor: null,
    ...known,
  };
}
