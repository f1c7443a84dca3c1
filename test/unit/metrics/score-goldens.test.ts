/**
 * Every score of a case against NumPy and SciPy: anisotropic voxels, classes that lack on one side or both, single
 * voxels, borders.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ClassScore, scoreCase } from '../../../src/metrics/case-score.ts';

type Scored = 'dice' | 'iou' | 'hd95Mm' | 'assdMm' | 'surfaceDice' | 'volumeMl' | 'referenceMl';

interface Goldens {
  readonly spacingMm: readonly [number, number, number];
  readonly sizeVoxels: readonly [number, number, number];
  readonly toleranceMm: number;
  readonly cases: readonly {
    readonly name: string;
    readonly reference: string;
    readonly prediction: string;
    readonly classes: Readonly<Record<string, Readonly<Record<Scored, number | null>>>>;
  }[];
}

const { cases, ...grid }: Goldens = JSON.parse(
  readFileSync(new URL('../../fixtures/score-goldens.json', import.meta.url), 'utf8'),
);
const classes = [1, 2, 3].map(value => ({ value, name: String(value) }));

test.each(cases)('$name', ({ name, reference, prediction, classes: wanted }) => {
  const [known, predicted] = [reference, prediction].map(digits => Uint8Array.from(digits, Number)) as [
    Uint8Array,
    Uint8Array,
  ];
  const scores = scoreCase(known, predicted, { id: name, ...grid, classes }).classes;
  for (const [label, golden] of Object.entries(wanted)) {
    for (const [metric, value] of Object.entries(golden)) {
      const score = scores[label]![metric as keyof ClassScore] as number | null;
      if (value === null) expect(score, `${label} ${metric}`).toBeNull();
      else expect(score, `${label} ${metric}`).toBeCloseTo(value, 6);
    }
  }
});
