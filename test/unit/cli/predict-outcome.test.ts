/** What `predict` prints at its end. */
import { expect, it } from 'vitest';
import { predictionOutcome } from '../../../src/cli/commands/predict.ts';

const done = {
  inputs: ['in/a.nii.gz'],
  output: 'out/a.nii.gz',
  device: 'cpu' as const,
  seconds: 2,
  volumesMl: { blob: 0.25 },
  warnings: [],
};
const failure = {
  inputs: ['in/b_0000.nii.gz', 'in/b_0001.nii.gz'],
  code: 'E_SHAPE_MISMATCH',
  message: 'other sizes',
} as const;

it('lists the volumes that failed after the others, with exit code 1', () => {
  const { json, text, exitCode } = predictionOutcome([done], [failure]);
  expect(exitCode).toBe(1);
  expect(json).toEqual({ predictions: [done], failed: [failure], passedOver: [] });
  expect(text.split('\n').slice(1)).toEqual([
    '1 of 2 volumes failed:',
    '  in/b_0000.nii.gz, in/b_0001.nii.gz: E_SHAPE_MISMATCH: other sizes',
  ]);
});

it('says nothing of failures where there are none', () => {
  const { json, text, exitCode } = predictionOutcome([done], []);
  expect(exitCode).toBe(0);
  expect(json).toEqual({ predictions: [done], failed: [], passedOver: [] });
  expect(text).toMatch(/^out\/a\.nii\.gz: blob 0\.25 ml \(.*\)$/);
});

it('repeats the warnings below their result, and is alarming where it is far from the training cases', () => {
  const rounding = { code: 'W_GEOMETRY_ROUNDING', message: 'a rounding' } as const;
  const volume = { code: 'W_CLASS_VOLUME', message: 'a: blob 361 ml', class: 'blob', found: 361 } as const;
  const { text, isAlarming, exitCode } = predictionOutcome([{ ...done, warnings: [rounding, volume] }], []);
  expect(text.split('\n').slice(1)).toEqual(['  W_GEOMETRY_ROUNDING: a rounding', '  W_CLASS_VOLUME: a: blob 361 ml']);
  expect([exitCode, isAlarming]).toEqual([0, true]);
  expect(predictionOutcome([{ ...done, warnings: [rounding] }], []).isAlarming).toBe(false);
});

it('says the expected Dice of every class below the result, and whether it is calibrated', () => {
  const expectedDice = {
    blob: { dice: 0.8712, interval: [0.8, 0.94] as const },
    cyst: { dice: null, interval: null },
  };
  const lines = (temperature: number | null) =>
    predictionOutcome([{ ...done, expectedDice, temperature }], [])
      .text.split('\n')
      .slice(1);
  expect(lines(1.5)).toEqual(['  expected Dice: blob 0.871 (0.800 to 0.940), cyst not found']);
  expect(lines(null)).toEqual(['  expected Dice: blob 0.871 (0.800 to 0.940), cyst not found; not calibrated']);
});
