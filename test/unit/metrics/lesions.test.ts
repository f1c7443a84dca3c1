/** Scores structure by structure against panoptica, and by hand. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scoreLesions } from '../../../src/metrics/lesions.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

interface Golden {
  readonly reference: string;
  readonly prediction: string;
  readonly truth: number;
  readonly found: number;
  readonly matched: number;
  readonly f1: number | null;
  readonly dice: number | null;
  readonly panopticQuality: number | null;
}

const { size, cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/lesion-goldens.json', import.meta.url), 'utf8'),
) as { readonly size: Xyz; readonly cases: readonly Golden[] };

function row(digits: string): Uint8Array {
  return Uint8Array.from(digits, Number);
}

function score(reference: string, prediction: string) {
  return scoreLesions(row(reference), row(prediction), { sizeVoxels: [reference.length, 1, 1], value: 1 });
}

describe('scores of structures', () => {
  it.each(cases.map((golden, index) => ({ index, golden })))('are those of panoptica, volume $index', ({ golden }) => {
    const { lesionF1, lesionDice, panopticQuality } = scoreLesions(row(golden.reference), row(golden.prediction), {
      sizeVoxels: size,
      value: 1,
    });
    expect(lesionF1).toBeCloseTo(golden.f1 ?? 0, 9);
    expect(panopticQuality).toBeCloseTo(golden.panopticQuality ?? 0, 9);
    if (golden.matched === 0) expect(lesionDice).toBeNull();
    else expect(lesionDice).toBeCloseTo(golden.dice!, 9);
  });

  it('count what is found, missed and made up', () => {
    // one of two is found exactly, one is made up: F1 2 / (2 + 2), Dice 1, quality 1 / (1 + 1 / 2 + 1 / 2)
    expect(score('0110001100', '0110000001')).toEqual({ lesionF1: 0.5, lesionDice: 1, panopticQuality: 0.5 });
  });

  it('match above half an IoU only', () => {
    // IoU 2 / 4 is not enough, 3 / 5 is
    expect(score('0111000', '0011100')).toEqual({ lesionF1: 0, lesionDice: null, panopticQuality: 0 });
    expect(score('01111000', '00111100').lesionDice).toBeCloseTo(6 / 8, 12);
  });

  it('say nothing where there is none, and 0 where all are missed', () => {
    expect(score('000', '000')).toEqual({ lesionF1: null, lesionDice: null, panopticQuality: null });
    expect(score('010', '000')).toEqual({ lesionF1: 0, lesionDice: null, panopticQuality: 0 });
  });
});
