/** Where windows lie along an axis. */
import { describe, expect, it } from 'vitest';
import { placements } from '../../../src/inference/placements.ts';

const startsOf = (size: number, window: number, overlap: number): number[] =>
  placements({ size, window, overlap, weighting: 'constant' }).map(({ start }) => start);

describe('windows along an axis', () => {
  it('reach from border to border, at most window * (1 - overlap) apart on average, for odd windows too', () => {
    for (const window of [3, 5, 7, 8, 9, 15]) {
      for (const overlap of [0, 0.25, 0.5, 0.7]) {
        for (let size = window + 1; size < 5 * window; size++) {
          const starts = startsOf(size, window, overlap);
          expect([starts[0], starts.at(-1)]).toEqual([0, size - window]);
          const step = (size - window) / (starts.length - 1);
          expect(step, `window ${window}, overlap ${overlap}, size ${size}`).toBeLessThanOrEqual(
            Math.max(1, window * (1 - overlap)),
          );
        }
      }
    }
  });

  it('are as few as that allows where the step is whole', () => {
    expect(startsOf(20, 8, 0.5)).toEqual([0, 4, 8, 12]);
    expect(startsOf(21, 8, 0.5)).toEqual([0, 3, 7, 10, 13]);
  });
});
