import { expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import {
  addCounts,
  CALIBRATION_BINS,
  countReliability,
  emptyCounts,
  expectedCalibrationError,
  reliabilityBins,
} from '../../../src/metrics/calibration.ts';

it('weighs the gap between probability and frequency of each bin by its voxels', () => {
  const counts = emptyCounts();
  // bins of 1/15: two voxels in bin 0, two in bin 12 (0.8 to 0.867), one in the last
  const probabilities = Float32Array.of(0, 0.0625, 0.8125, 0.84375, 1);
  countReliability(counts, probabilities, { reference: Uint8Array.of(0, 2, 7, 7, 7), value: 7 });
  const bins = reliabilityBins(counts);
  expect(bins.length).toBe(CALIBRATION_BINS);
  expect(bins[0]).toEqual({ voxels: 2, probability: 0.03125, frequency: 0 });
  expect(bins[12]).toEqual({ voxels: 2, probability: 0.828125, frequency: 1 });
  expect(bins[14]).toEqual({ voxels: 1, probability: 1, frequency: 1 });
  expect(bins[5]).toEqual({ voxels: 0, probability: null, frequency: null });
  expect(expectedCalibrationError(counts)).toBeCloseTo((2 * 0.03125 + 2 * 0.171875 + 0) / 5, 12);
});

it('is small where classes occur as often as their probability says, and the shift where all are shifted', () => {
  const source = random(5, 'calibration');
  const truth = Float64Array.from({ length: 200_000 }, () => 0.2 + 0.6 * source.uniform());
  const reference = Uint8Array.from(truth, p => (source.uniform() < p ? 1 : 0));
  const errorOf = (shift: number): number => {
    const counts = emptyCounts();
    countReliability(
      counts,
      Float32Array.from(truth, p => p + shift),
      { reference, value: 1 },
    );
    return expectedCalibrationError(counts);
  };
  // the standard error of a bin's frequency is about 0.004
  expect(errorOf(0)).toBeLessThan(0.005);
  expect(errorOf(0.1)).toBeCloseTo(0.1, 2);
});

it('counts parts to the same as the whole', () => {
  const source = random(6, 'calibration');
  const probabilities = Float32Array.from({ length: 1000 }, () => source.uniform());
  const reference = Uint8Array.from({ length: 1000 }, () => source.integer(3));
  const whole = emptyCounts();
  countReliability(whole, probabilities, { reference, value: 2 });
  const sum = emptyCounts();
  for (const [first, end] of [
    [0, 300],
    [300, 1000],
  ] as const) {
    const part = emptyCounts();
    countReliability(part, probabilities.subarray(first, end), { reference: reference.subarray(first, end), value: 2 });
    addCounts(sum, part);
  }
  expect(sum.voxels).toEqual(whole.voxels);
  expect(sum.hits).toEqual(whole.hits);
  expect(expectedCalibrationError(sum)).toBeCloseTo(expectedCalibrationError(whole), 12);
});

it('is undefined where nothing was counted', () => {
  expect(expectedCalibrationError(emptyCounts())).toBeNaN();
});
