/** Which cases a report shows in pictures, and why. */
import { describe, expect, it } from 'vitest';
import type { CaseScore } from '../../../src/metrics/case-score.ts';
import { chooseCases } from '../../../src/study/gallery.ts';
import { classScore } from '../../support/scores.ts';

function scored(id: string, scores: Parameters<typeof classScore>[0], dice: number): CaseScore {
  return { id, meanDice: dice, classes: { Anterior: classScore({ ...scores, dice }) } };
}

const reasonsOf = (cases: readonly CaseScore[], id: string): readonly string[] =>
  chooseCases(cases).flatMap(choice => (choice.id === id ? [choice.reason] : []));

describe('the cases in pictures', () => {
  const cases = [
    scored('a', { hd95Mm: 1, volumeErrorPercent: -2 }, 0.7),
    scored('b', { hd95Mm: 9, volumeErrorPercent: 3 }, 0.9),
    scored('c', { hd95Mm: 2, volumeErrorPercent: -30 }, 0.8),
  ];

  it('are the worst by each metric with its score, the median and the best', () => {
    expect(chooseCases(cases)[0]).toMatchObject({ id: 'a', reason: 'worst mean Dice, 0.700' });
    expect(reasonsOf(cases, 'b')).toEqual(
      expect.arrayContaining(['worst HD95 of Anterior, 9.00 mm', 'best mean Dice, 0.900']),
    );
    expect(reasonsOf(cases, 'c')).toEqual(
      expect.arrayContaining(['worst absolute volume error of Anterior, 30.0 %', 'median mean Dice, 0.800']),
    );
  });

  it('leave out a metric in which all cases are alike', () => {
    expect(chooseCases(cases).some(({ metric }) => metric === 'assdMm:Anterior')).toBe(false);
  });

  it('show a structure that is missed, of which no distance says anything', () => {
    const missed: CaseScore = {
      id: 'd',
      meanDice: 0,
      classes: { Anterior: { ...classScore({ dice: 0 }), presence: 'reference-only', hd95Mm: null } },
    };
    expect(reasonsOf([...cases, missed], 'd')).toEqual(
      expect.arrayContaining(['worst mean Dice, 0.000', 'Anterior is missed']),
    );
    expect(reasonsOf([...cases, missed], 'b')).toContain('worst HD95 of Anterior, 9.00 mm');
  });
});
