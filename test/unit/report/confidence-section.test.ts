import { expect, it } from 'vitest';
import { renderConfidence } from '../../../src/report/confidence-section.ts';
import { arm, evaluation } from './fixtures.ts';

const RELIABILITY = {
  n: 52,
  spearman: 0.713,
  meanError: -0.0123,
  meanAbsoluteError: 0.0241,
  coverage: 46 / 52,
  intervals: 52,
};

it('says of each arm and class how far its expected Dice can be believed', () => {
  const scored = evaluation({ a: { Anterior: 0.8 } });
  const classes = {
    Anterior: {
      ...scored.summary.classes['Anterior']!,
      calibratedEce: { mean: 0.0021, ci95: [0.001, 0.003] as const, n: 1 },
    },
  };
  const evaluations = { student: { ...scored, summary: { ...scored.summary, classes } } };
  const comparison = { arms: { student: { ...arm(0.8, 10), expectedDice: { Anterior: RELIABILITY } } }, pairs: [] };
  const text = renderConfidence(comparison, evaluations)
    .map(({ markup }) => markup)
    .join('');
  for (const part of [
    'student, Anterior',
    '0.71',
    '\u22120.012',
    'absolute 0.024',
    '88.5 %',
    '0.0040',
    '0.0021 with temperature',
  ]) {
    expect(text).toContain(part);
  }
});

it('is empty where no arm expects a Dice', () => {
  expect(renderConfidence({ arms: { student: arm(0.8, 10) }, pairs: [] }, {})).toEqual([]);
});
