/** How long a study still takes, by hand. */
import { expect, it } from 'vitest';
import type { UnitReport } from '../../../../src/study/units/state.ts';
import { secondsLeft } from '../../../../src/study/units/time-left.ts';
import { unit } from '../../report/fixtures.ts';

const done = (arm: UnitReport['arm'], seconds: number) =>
  unit('done', { arm, timingsSeconds: { train: seconds - 10, evaluate: 10 } });
const running = (arm: UnitReport['arm'], etaSeconds: number | null) =>
  unit('running', {
    arm,
    progress: { stage: 'train', done: 1, total: 2, unit: 'step', secondsPerStep: null, etaSeconds },
  });

it('is what finished units of the same arm took for each that waits, shared by those that run', () => {
  const teachers = [done('teacher', 500), done('student', 100), done('student', 140)];
  expect(secondsLeft([...teachers, unit('waiting'), unit('queued')])).toBe(240);
  expect(
    secondsLeft([...teachers, running('student', 40), running('student', 30), unit('waiting'), unit('lost')]),
  ).toBe((40 + 30 + 120 + 120) / 2);
  expect(secondsLeft([done('student', 100), unit('waiting', { arm: 'baseline' })])).toBe(100);
});

it('is at least what the longest has left, and nothing where all have ended', () => {
  expect(secondsLeft([running('student', 900), running('student', 10)])).toBe(900);
  expect(secondsLeft([done('student', 100), unit('failed'), unit('cancelled')])).toBe(0);
});

it('is not known as long as nothing shows it', () => {
  expect(secondsLeft([running('student', null)])).toBeUndefined();
  expect(secondsLeft([running('student', 10), unit('waiting')])).toBeUndefined();
});

it('does not take the end of reading data for the end of a unit', () => {
  const reading = unit('running', {
    arm: 'student',
    progress: { stage: 'reading data', done: 9, total: 10, unit: 'case', secondsPerStep: 1, etaSeconds: 1 },
  });
  expect(secondsLeft([reading])).toBeUndefined();
  expect(secondsLeft([done('student', 100), reading])).toBe(100);
});
