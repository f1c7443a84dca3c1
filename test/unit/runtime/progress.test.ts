/** The pace of a task. */
import { describe, expect, it } from 'vitest';
import { createPace, paceBetween } from '../../../src/runtime/progress.ts';

describe('the pace of a task', () => {
  it('is the mean between two sights', () => {
    const pace = paceBetween({ done: 2, atMs: 1000 }, { done: 6, atMs: 9000 }, 10);
    expect(pace).toEqual({ secondsPerStep: 2, secondsLeft: 8 });
  });

  it('is unknown until a step was done', () => {
    expect(paceBetween({ done: 2, atMs: 0 }, { done: 2, atMs: 5 }, 10)).toBeUndefined();
  });

  it('does not count the steps before a resume', () => {
    let atMs = 0;
    const pace = createPace(1000, () => atMs);
    expect(pace(900)).toBeUndefined();
    atMs = 4000;
    expect(pace(904)).toEqual({ secondsPerStep: 1, secondsLeft: 96 });
  });
});
