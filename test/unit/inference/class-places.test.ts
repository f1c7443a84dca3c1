/** Warnings of places of classes that are not those of the training cases. */
import { describe, expect, it } from 'vitest';
import type { TrainingFacts } from '../../../src/data/training-facts.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';
import { placeWarnings } from '../../../src/inference/plausibility/class-places.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

const at = (min: number, max: number) => ({ min, median: (min + max) / 2, max });
const extent = at(200, 200);
const training: TrainingFacts = {
  cases: 10,
  extentMm: [extent, extent, extent],
  classes: [
    { name: 'below', cases: 10, placeMm: [at(-2, 2), at(-40, -10), at(-50, -36)] },
    { name: 'above', cases: 10, placeMm: [at(-2, 2), at(5, 15), at(10, 20)] },
    { name: 'anywhere', cases: 4, placeMm: [at(-60, 60), at(-60, 60), at(-60, 60)] },
  ],
};
const info = { orientation: 'RAS' } as ModelInfo;
/** Margin: 0.1 x 200 mm x (1 + 2 / 10). */
const MARGIN_MM = 24;

const usual: Readonly<Record<string, Xyz>> = { below: [0, -25, -44], above: [0, 10, 15] };
const of = (places: Readonly<Record<string, Xyz>>, facts = training) =>
  placeWarnings(() => places, [{ info }, { info, training: facts }], 'scan');

describe('placeWarnings', () => {
  it('says nothing of the places of training, nor of those a little beyond', () => {
    expect(of(usual)).toEqual([]);
    expect(of({ ...usual, below: [0, -10 + MARGIN_MM - 0.1, -44] })).toEqual([]);
  });

  it('reports all classes that are elsewhere in one warning, each along its first axis', () => {
    expect(of({ below: [0, -10 + MARGIN_MM + 0.1, 44], above: [0, 10, -44] })).toEqual([
      {
        code: 'W_CLASS_PLACE',
        message:
          'scan: below lies at 14.1 mm along y from the middle of all classes, in training at −40 to −10 mm; ' +
          'above lies at −44 mm along z from the middle of all classes, in training at 10 to 20 mm. ' +
          'The header of the image may exchange or reverse its axes. Look at the result before use.',
      },
    ]);
  });

  it('asks no class that may be anywhere', () => {
    expect(of({ ...usual, anywhere: [0, 0, 180] })).toEqual([]);
  });

  it('says nothing where a class is missing that every case has, since the middle has moved', () => {
    expect(of({ above: [0, 60, 15] })).toEqual([]);
  });

  it('says nothing for a model that does not know', () => {
    const { extentMm: _, ...facts } = training;
    expect(of({ ...usual, below: [0, 90, -44] }, facts)).toEqual([]);
    const unplaced = training.classes!.map(({ name, cases }) => ({ name, cases }));
    expect(of({ ...usual, below: [0, 90, -44] }, { ...training, classes: unplaced })).toEqual([]);
  });

  it('asks for the places in the axes of the model', () => {
    const asked: string[] = [];
    const look = (axes: 'world' | 'stored') => {
      asked.push(axes);
      return usual;
    };
    placeWarnings(look, [{ info, training }], 'scan');
    placeWarnings(look, [{ info: {} as ModelInfo, training }], 'scan');
    expect(asked).toEqual(['world', 'stored']);
  });
});
