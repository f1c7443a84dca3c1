/** The time of a run, worked out by hand. */
import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/experiment/plan.ts';
import { runSeconds } from '../../../src/experiment/plan-time.ts';

describe('runSeconds', () => {
  it('counts steps, and a forward pass for every window of every pass over a case', () => {
    const plan = { steps: 100, batch: 2, medianSizeVoxels: [40, 40, 40], patchVoxels: [40, 40, 20] } as unknown as Plan;
    const stepMs = { teacher: 1000, student: 500 };
    const time = (labelledCases: number, repeats = 1) =>
      runSeconds(plan, labelledCases, { stepMs, division: { validation: 0.1, test: 0.2, repeats } });
    // a baseline step is a student's without the 300 ms of its teacher; all three take 100 steps
    const training = (100 * (1000 + 500 + 200)) / 1000;
    expect(time(0)).toBeCloseTo(training, 9);
    // 40 planes in windows of 20 with half of overlap are three; eleven passes over one case in ten, one over two in
    // ten
    const passes = 10 * (11 * 0.1 + 0.2) * 3;
    expect(time(10)).toBeCloseTo(training + (passes * 0.3 * (1 + 0.2 + 0.2)) / 2, 9);
    expect(time(10, 5)).toBeCloseTo(5 * time(10), 9);
  });
});
