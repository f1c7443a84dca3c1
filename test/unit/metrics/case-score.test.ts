import { expect, it } from 'vitest';
import type { Evaluation } from '../../../src/experiment/record.ts';
import { type CaseScore, scoreCase, summarizeCases } from '../../../src/metrics/case-score.ts';

const options = {
  id: 'case_1',
  sizeVoxels: [4, 2, 1] as const,
  spacingMm: [1, 2, 10] as const,
  classes: [
    { value: 1, name: 'left' },
    { value: 2, name: 'right' },
    { value: 3, name: 'missed' },
    { value: 4, name: 'invented' },
    { value: 5, name: 'absent' },
  ],
};
// One slice of two rows, x fastest.
const reference = Uint8Array.of(1, 1, 0, 2, 3, 0, 0, 2);
const prediction = Uint8Array.of(0, 1, 1, 2, 4, 0, 0, 2);

/** What a class says that is not made of many structures. */
const NOT_MULTIPLE = { lesionF1: null, lesionDice: null, panopticQuality: null };

/** What a class says whose model is not asked how sure it is. */
const NOT_SURE = { calibratedEce: null, expectedDice: null };

it('scores structure by structure the classes that are said to be made of many, and no other', () => {
  const { classes } = scoreCase(reference, prediction, { ...options, lesions: ['right'] });
  expect(classes['right']).toMatchObject({ lesionF1: 1, lesionDice: 1, panopticQuality: 1 });
  expect(classes['left']).toMatchObject(NOT_MULTIPLE);
});

it('scores every class by its definition', () => {
  const { classes } = scoreCase(reference, prediction, { ...options, ece: { left: 0.125, absent: 0.01 } });
  // Directed distances of `left` are 1, 0 and 0, 1; their 95th percentile is 0.95.
  expect(classes['left']).toEqual({
    ...NOT_MULTIPLE,
    ...NOT_SURE,
    presence: 'both',
    dice: 0.5,
    iou: 1 / 3,
    sensitivity: 0.5,
    precision: 0.5,
    hd95Mm: 0.95,
    assdMm: 0.5,
    surfaceDice: 1,
    volumeMl: 0.04,
    referenceMl: 0.04,
    volumeErrorMl: 0,
    volumeErrorPercent: 0,
    ece: 0.125,
  });
  expect(classes['right']).toMatchObject({ presence: 'both', dice: 1, hd95Mm: 0, assdMm: 0, surfaceDice: 1 });
});

it('gives Dice 0 and no distance where one has the class, and nothing where neither has', () => {
  const { classes } = scoreCase(reference, prediction, options);
  const lost = { dice: 0, iou: 0, hd95Mm: null, assdMm: null, surfaceDice: 0, ece: null };
  expect(classes['missed']).toEqual({
    ...NOT_MULTIPLE,
    ...NOT_SURE,
    presence: 'reference-only',
    ...lost,
    sensitivity: 0,
    precision: null,
    volumeMl: 0,
    referenceMl: 0.02,
    volumeErrorMl: -0.02,
    volumeErrorPercent: -100,
  });
  expect(classes['invented']).toEqual({
    ...NOT_MULTIPLE,
    ...NOT_SURE,
    presence: 'prediction-only',
    ...lost,
    sensitivity: null,
    precision: 0,
    volumeMl: 0.02,
    referenceMl: 0,
    volumeErrorMl: 0.02,
    volumeErrorPercent: null,
  });
  expect(classes['absent']).toEqual({
    ...NOT_MULTIPLE,
    ...NOT_SURE,
    presence: 'neither',
    dice: null,
    iou: null,
    sensitivity: null,
    precision: null,
    hd95Mm: null,
    assdMm: null,
    surfaceDice: null,
    volumeMl: 0,
    referenceMl: 0,
    volumeErrorMl: null,
    volumeErrorPercent: null,
    ece: null,
  });
});

it('distinguishes too much from too little', () => {
  // two voxels of 0.02 ml in the reference, three in the prediction, two in both
  const [of, by] = [Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0), Uint8Array.of(1, 1, 1, 0, 0, 0, 0, 0)];
  expect(scoreCase(of, by, options).classes['left']).toMatchObject({
    iou: 2 / 3,
    sensitivity: 1,
    precision: 2 / 3,
    volumeErrorMl: 0.02,
    volumeErrorPercent: 50,
  });
  expect(scoreCase(by, of, options).classes['left']).toMatchObject({
    sensitivity: 2 / 3,
    precision: 1,
    volumeErrorMl: -0.02,
    volumeErrorPercent: expect.closeTo(-100 / 3, 12),
  });
});

it('averages Dice over the classes that either has', () => {
  expect(scoreCase(reference, prediction, options).meanDice).toBeCloseTo((0.5 + 1 + 0 + 0) / 4, 15);
  const empty = new Uint8Array(8);
  expect(scoreCase(empty, empty, options).meanDice).toBeNull();
});

it('passes the tolerance on', () => {
  const { classes } = scoreCase(reference, prediction, { ...options, toleranceMm: 0.5 });
  expect(classes['left']?.surfaceDice).toBe(0.5);
});

it('survives a round trip through JSON and fits the run record', () => {
  const score: Evaluation['cases'][number] = scoreCase(reference, prediction, options);
  expect(JSON.parse(JSON.stringify(score))).toEqual(score);
});

it('summarises cases over those that count, and counts the others', () => {
  const swapped = scoreCase(prediction, reference, { ...options, id: 'case_2' });
  const nothing = scoreCase(new Uint8Array(8), new Uint8Array(8), { ...options, id: 'case_3' });
  const perfect = scoreCase(reference, reference, { ...options, id: 'case_4' });
  const cases: readonly CaseScore[] = [scoreCase(reference, prediction, options), swapped, nothing, perfect];
  const summary: Evaluation['summary'] = summarizeCases(cases);
  const { left, missed, absent } = summary.classes;
  expect(summary.meanDice).toMatchObject({ mean: (0.375 + 0.375 + 1) / 3, n: 3 });
  expect(left).toMatchObject({ dice: { mean: 2 / 3, n: 3 }, hd95Mm: { n: 3 }, bothEmpty: 1, oneEmpty: 0 });
  expect(left?.hd95Mm.mean).toBeCloseTo(1.9 / 3, 12);
  expect(left?.assdMm.mean).toBeCloseTo(1 / 3, 12);
  expect(missed).toMatchObject({
    dice: { mean: 1 / 3, n: 3 },
    hd95Mm: { mean: 0, n: 1 },
    surfaceDice: { mean: 1 / 3, n: 3 },
    sensitivity: { n: 2 },
    precision: { n: 2 },
    volumeErrorMl: { mean: 0, n: 3 },
    volumeErrorPercent: { mean: -50, n: 2 },
    ece: { n: 0 },
    bothEmpty: 1,
    oneEmpty: 2,
  });
  expect(absent).toMatchObject({ dice: { mean: Number.NaN, n: 0 }, bothEmpty: 4, oneEmpty: 0 });
});

it('scores a region as nnU-Net does: the union of its labels in both volumes', () => {
  const reference = Uint8Array.of(0, 1, 1, 2, 2, 0, 0, 0);
  const prediction = Uint8Array.of(0, 0, 2, 2, 1, 1, 0, 0);
  const whole = { value: 1, name: 'whole', region: [1, 2] };
  const scored = scoreCase(reference, prediction, { ...options, classes: [whole] }).classes['whole'];
  const asMask = (labels: Uint8Array): Uint8Array => labels.map(label => (label > 0 ? 1 : 0));
  const plain = { ...options, classes: [{ value: 1, name: 'whole' }] };
  expect(scored).toEqual(scoreCase(asMask(reference), asMask(prediction), plain).classes['whole']);
  expect(scored?.dice).toBe(6 / 8);
});
