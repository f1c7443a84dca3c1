import { expect, it } from 'vitest';
import { ShapeError } from '../../../src/core/errors.ts';
import { classVolumesMl, countOverlap, diceOf, presenceOf, volumeMl } from '../../../src/metrics/overlap.ts';

const reference = Uint8Array.of(0, 1, 1, 1, 2, 2, 0, 255);
const prediction = Uint8Array.of(1, 1, 1, 0, 2, 1, 3, 255);

it('counts each class in both volumes and where they agree, in the order asked for', () => {
  expect(countOverlap(reference, prediction, [2, 1, 3, 255, 7])).toEqual([
    { reference: 2, prediction: 1, intersection: 1 },
    { reference: 3, prediction: 4, intersection: 2 },
    { reference: 0, prediction: 1, intersection: 0 },
    { reference: 1, prediction: 1, intersection: 1 },
    { reference: 0, prediction: 0, intersection: 0 },
  ]);
});

it('counts regions of several labels as a whole: what is in the region in both, whichever label it has', () => {
  // members of 1+2:  reference 0 1 1 1 1 1 0 0, prediction 1 1 1 0 1 1 0 0
  expect(countOverlap(reference, prediction, [[1, 2], [2], [2, 3]])).toEqual([
    { reference: 5, prediction: 5, intersection: 4 },
    { reference: 2, prediction: 1, intersection: 1 },
    { reference: 2, prediction: 2, intersection: 1 },
  ]);
});

it('gives Dice by its formula, 0 where one volume lacks the class and null where both do', () => {
  const dice = countOverlap(reference, prediction, [1, 2, 3, 7]).map(diceOf);
  expect(dice[0]).toBeCloseTo(4 / 7, 15);
  expect(dice[1]).toBeCloseTo(2 / 3, 15);
  expect(dice.slice(2)).toEqual([0, null]);
});

it('names which volumes hold a class', () => {
  const ofBoth = countOverlap(reference, prediction, [1, 3, 7]).map(presenceOf);
  expect(ofBoth).toEqual(['both', 'prediction-only', 'neither']);
  expect(countOverlap(prediction, reference, [3]).map(presenceOf)).toEqual(['reference-only']);
});

it('turns voxels into millilitres by the spacing', () => {
  expect(volumeMl(1000, [0.5, 2, 3])).toBeCloseTo(3, 12);
});

it('reports the volume of each class and region by name, without the background', () => {
  const grid = { sizeVoxels: [5, 1, 1], spacingMm: [10, 10, 2], affine: [] } as const;
  const classes = [
    { value: 0, name: 'background' },
    { value: 1, name: 'core' },
    { value: 9, name: 'whole', region: [1, 2] },
    { value: 7, name: 'absent' },
  ];
  const volumes = classVolumesMl({ ...grid, data: Uint8Array.of(0, 1, 2, 2, 5) }, classes);
  expect(volumes).toEqual({ core: 0.2, whole: expect.closeTo(0.6, 12), absent: 0 });
});

it('refuses volumes of different length', () => {
  expect(() => countOverlap(reference, prediction.subarray(1), [1])).toThrow(ShapeError);
});
