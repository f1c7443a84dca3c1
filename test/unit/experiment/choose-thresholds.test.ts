/** What is counted in one pass against deciding anew with every threshold; and the rule of what is kept. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import {
  countThresholds,
  keptThresholds,
  TRIED_THRESHOLDS,
  tryThreshold,
  tryTogether,
} from '../../../src/experiment/choose-thresholds.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';
import { activate, labelsFromProbabilities } from '../../../src/inference/probabilities.ts';
import { countOverlap, diceOf } from '../../../src/metrics/overlap.ts';
import { meanOf } from '../../../src/metrics/statistics.ts';
import type { LabelVolume } from '../../../src/volume/volume.ts';

const LABELS = [
  { value: 0, name: 'background' },
  { value: 3, name: 'left' },
  { value: 5, name: 'right' },
];
const VOXELS = 200;

function info(activation: 'softmax' | 'sigmoid'): ModelInfo {
  const names = { inputName: 'i', outputName: 'o' };
  return { labels: LABELS, channels: 1, normalize: 'none', patch: [1, 1, 1], activation, ...names };
}

function drawCase(activation: 'softmax' | 'sigmoid', seed: number) {
  const numbers = random(seed, activation);
  const classes = activation === 'softmax' ? 3 : 2;
  const probabilities = Float32Array.from({ length: classes * VOXELS }, () => 2 * numbers.normal() - 0.3);
  activate(probabilities, classes, activation);
  const data = Uint8Array.from({ length: VOXELS }, () => [0, 3, 5, 9][numbers.integer(4)]!);
  const reference: LabelVolume = { data, sizeVoxels: [VOXELS, 1, 1], spacingMm: [1, 1, 1], affine: [], ignore: 9 };
  return { probabilities, reference, classes };
}

describe('countThresholds', () => {
  it.each(['softmax', 'sigmoid'] as const)('counts what deciding anew with each threshold gives: %s', activation => {
    const counter = countThresholds(info(activation));
    const cases = [1, 2, 3].map(seed => drawCase(activation, seed));
    const places = Int32Array.from({ length: VOXELS }, (_, index) => index);
    for (const { probabilities, reference } of cases) {
      counter.begin(reference);
      counter.slice(probabilities, places);
      counter.end();
    }
    const scores = counter.scores();
    expect([...scores.keys()]).toEqual(['left', 'right']);
    cases.forEach(({ probabilities, reference, classes }, index) => {
      for (const [place, name] of ['left', 'right'].entries()) {
        TRIED_THRESHOLDS.forEach((threshold, at) => {
          const thresholds = [0.5, 0.5].with(place, threshold);
          const own = activation === 'softmax' ? [0.5, ...thresholds] : thresholds;
          const decided = labelsFromProbabilities(probabilities, { classes, kind: activation, thresholds: own });
          const labels = decided.map((one, voxel) => (reference.data[voxel] === 9 ? 0 : LABELS[one]!.value));
          const truth = reference.data.map(label => (label === 9 ? 0 : label));
          const dice = countOverlap(truth, labels, [3, 5]).map(diceOf);
          expect(scores.get(name)?.[index]?.[at]).toBeCloseTo(meanOf(dice as number[]), 12);
        });
      }
    });
  });

  it('leaves out a case without any class in its reference', () => {
    const counter = countThresholds(info('softmax'));
    const { probabilities, reference } = drawCase('softmax', 1);
    counter.begin({ ...reference, data: new Uint8Array(VOXELS) });
    counter.slice(
      probabilities,
      Int32Array.from({ length: VOXELS }, (_, index) => index),
    );
    counter.end();
    expect(counter.scores().get('left')).toEqual([]);
  });
});

/** Mean Dice of a case whose best threshold is known: it falls off on both sides. */
function peaked(best: number, top: number): number[] {
  return TRIED_THRESHOLDS.map(threshold => top - Math.abs(threshold - best) / 5);
}

describe('tryThreshold', () => {
  const good = Array.from({ length: 12 }, (_, index) => peaked(0.3, 0.8 + index / 100));

  it('keeps a threshold that wins on cases that did not choose it', () => {
    const trial = tryThreshold('left', good);
    expect(trial).toMatchObject({ class: 'left', threshold: 0.3, cases: 12, kept: true, reason: null, largestLoss: 0 });
    expect(trial.diceWith - trial.diceWithout).toBeCloseTo(0.04, 12);
    expect(keptThresholds([trial])).toEqual({ left: 0.3 });
  });

  it('keeps none on few cases, without a gain, or where one case gets clearly worse', () => {
    expect(tryThreshold('left', good.slice(0, 9))).toMatchObject({ kept: false, reason: 'too few cases' });
    expect(tryThreshold('left', [...good, peaked(0.7, 0.9)])).toMatchObject({
      kept: false,
      reason: 'a case gets worse',
    });
    const plain = good.map(() => peaked(0.5, 0.9));
    expect(tryThreshold('left', plain)).toMatchObject({ kept: false, reason: 'no gain', threshold: 0.5 });
    expect(tryThreshold('left', [])).toMatchObject({ kept: false, cases: 0, threshold: 0.5 });
    expect(keptThresholds([tryThreshold('left', plain)])).toEqual({});
  });

  it('scores a case by the threshold of the others: one case that alone wants another does not pull itself up', () => {
    // all others are flat, so that this case alone chooses, and is not scored by its own choice
    const flat = Array.from({ length: 11 }, () => TRIED_THRESHOLDS.map(() => 0.8));
    const trial = tryThreshold('left', [...flat, peaked(0.2, 0.9)]);
    expect(trial.threshold).toBe(0.2);
    expect(trial.diceWith).toBeCloseTo(trial.diceWithout, 12);
    expect(trial).toMatchObject({ kept: false, reason: 'no gain' });
  });
});

it('judges several thresholds together by the same rule', () => {
  const before = Array.from({ length: 12 }, (_, index) => 0.7 + index / 100);
  expect(
    tryTogether(
      before,
      before.map(dice => dice + 0.01),
    ),
  ).toMatchObject({ class: null, kept: true });
  expect(
    tryTogether(
      before,
      before.map((dice, index) => (index === 4 ? dice - 0.02 : dice + 0.01)),
    ),
  ).toMatchObject({
    kept: false,
    reason: 'a case gets worse',
  });
});
