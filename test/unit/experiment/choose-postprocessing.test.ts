/** The choice against counting by hand, and against applying the steps and scoring the result. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { type ClassPieces, chooseSteps, takeApart } from '../../../src/experiment/choose-postprocessing.ts';
import { type ClassSteps, postprocess } from '../../../src/inference/postprocess.ts';
import { countOverlap, diceOf } from '../../../src/metrics/overlap.ts';
import type { LabelVolume, Xyz } from '../../../src/volume/volume.ts';

/** A row of labels between two rows of background, so that its gaps are no holes. */
function row(digits: string): LabelVolume {
  const data = new Uint8Array(3 * digits.length);
  data.set(Array.from(digits, Number), digits.length);
  return { data, sizeVoxels: [digits.length, 3, 1], spacingMm: [1, 1, 2], affine: [] };
}

function pieces(prediction: string, reference: string): ClassPieces {
  return takeApart(row(prediction), row(reference), 1);
}

/** A list several times over. */
function times<T>(count: number, list: readonly T[]): T[] {
  return Array.from({ length: count }, () => list).flat();
}

const close = (value: number): unknown => expect.closeTo(value, 12);

describe('chooseSteps', () => {
  it('keeps the largest component where the rest is wrong, and says what was compared', () => {
    const pair = [pieces('0111100100', '0111100000'), pieces('0111000011', '0111000000')];
    const { steps, trials } = chooseSteps('organ', times(10, pair));
    // reference components of 8 and 6 mm^3: half of the smaller one is 3, which drops one voxel (2 mm^3) but not two
    expect(steps).toEqual({ minimumVolumeMm3: 3, largestComponent: true });
    const [none, volume, both] = [(8 / 9 + 6 / 8) / 2, (1 + 6 / 8) / 2, 1];
    expect(trials).toMatchObject([
      {
        class: 'organ',
        step: 'fillHoles',
        diceWithout: close(none),
        diceWith: close(none),
        cases: 20,
        kept: false,
        reason: 'no gain',
      },
      {
        class: 'organ',
        step: 'minimumVolumeMm3',
        minimumVolumeMm3: 3,
        diceWithout: close(none),
        diceWith: close(volume),
        cases: 20,
        kept: true,
        largestLoss: 0,
        pValue: 2 / 2 ** 10,
      },
      {
        class: 'organ',
        step: 'largestComponent',
        diceWithout: close(volume),
        diceWith: close(both),
        cases: 20,
        kept: true,
      },
    ]);
  });

  it('keeps nothing that does not help: right parts, or no part at all', () => {
    expect(chooseSteps('organ', [pieces('0110110000', '0110110000')]).steps).toEqual({});
    expect(chooseSteps('organ', [pieces('0110000000', '0110110000')]).steps).toEqual({});
    expect(chooseSteps('organ', [pieces('0000', '0000')])).toMatchObject({
      steps: {},
      trials: [{ cases: 0 }, { cases: 0 }],
    });
    expect(chooseSteps('organ', []).steps).toEqual({});
  });

  it('does no harm: nothing on few cases, nothing where a case gets clearly worse, nothing that is not proven', () => {
    const better = pieces('0111100110', '0111100000');
    const worse = pieces('0111100110', '0111100110');
    const same = pieces('0111100000', '0111100000');
    const largest = (cases: readonly ClassPieces[]) =>
      chooseSteps('organ', cases).trials.find(({ step }) => step === 'largestComponent');
    expect(largest(times(9, [better]))).toMatchObject({ kept: false, reason: 'too few cases', cases: 9 });
    expect(largest(times(10, [better]))).toMatchObject({ kept: true, reason: null });
    expect(largest([...times(19, [better]), worse])).toMatchObject({ kept: false, reason: 'a case gets worse' });
    expect(largest([...times(5, [better]), ...times(15, [same])])).toMatchObject({
      kept: false,
      reason: 'gain not proven',
    });
    expect(largest([...times(6, [better]), ...times(15, [same])])).toMatchObject({ kept: true });
  });

  it('predicts the Dice that applying the steps gives', () => {
    const source = random(11, 'labels');
    const size: Xyz = [9, 8, 7];
    const draw = (density: number): LabelVolume => ({
      data: Uint8Array.from({ length: 504 }, () => (source.uniform() < density ? 1 : 0)),
      sizeVoxels: size,
      spacingMm: [1, 1, 2],
      affine: [],
    });
    for (let round = 0; round < 20; round++) {
      // dense enough for holes, or thin enough for many components
      const [prediction, reference] = [draw(round % 2 === 0 ? 0.93 : 0.06), draw(0.5)];
      const { trials } = chooseSteps('organ', times(10, [takeApart(prediction, reference, 1)]));
      let steps: ClassSteps = {};
      for (const { step, minimumVolumeMm3, diceWithout, diceWith, kept } of trials) {
        const diceOfSteps = (asked: ClassSteps): number => {
          const { data } = postprocess(prediction, [{ value: 1, name: 'organ' }], { organ: asked });
          return diceOf(countOverlap(reference.data, data, [1])[0]!) ?? Number.NaN;
        };
        const next = { ...steps, [step]: minimumVolumeMm3 ?? true };
        expect(diceWithout).toBeCloseTo(diceOfSteps(steps), 12);
        expect(diceWith).toBeCloseTo(diceOfSteps(next), 12);
        expect(kept).toBe(diceWith > diceWithout);
        if (kept) steps = next;
      }
    }
  });
});
