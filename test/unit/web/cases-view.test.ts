/** What the page says of a round of corrections. */
import { describe, expect, it } from 'vitest';
import { checkText } from '../../../web/distil/cases-view.ts';

const result = (cases: readonly (readonly [number, number])[], isTaken = true) => ({
  model: 'm',
  isTaken,
  trained: 2,
  cases: cases.map(([before, after], index) => ({ id: `p${index}`, before, after })),
});

describe('checkText', () => {
  it('says both figures with their number of cases, and which student is used', () => {
    expect(
      checkText(
        1,
        result([
          [0.5, 0.75],
          [0.7, 0.65],
        ]),
      ),
    ).toBe(
      'Round 1 learnt from 2 labelled cases. Held-out check on 2 cases that no training has seen: mean Dice 0.600 before, 0.700 now, so the new student is used.',
    );
    expect(checkText(3, result([[0.5, 0.25]], false))).toMatch(
      /0\.500 before, 0\.250 now, so the student before is kept\.$/,
    );
  });

  it('says that there was no check', () => {
    expect(checkText(1, result([]))).toContain('It was not checked');
  });
});
