/** The intensities by which painted patches are mapped to the normalisation of a teacher. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import type { TrainingCase } from '../../../src/data/loader.ts';
import { normalize } from '../../../src/data/normalize.ts';
import { rawIntensities } from '../../../src/teacher/raw-intensities.ts';
import { inNormalization } from '../../../src/teacher/view.ts';
import { synthesisOf } from '../../support/synthesis.ts';

const numbers = random('raw');
const painted = Float32Array.from({ length: 60 }, () => 40 + 10 * numbers.normal());
const KNOWN = [{ minimum: 0, maximum: 1000, mean: 300, deviation: 50 }];

function caseOf(id: string, more: Partial<TrainingCase> = {}): TrainingCase {
  const empty = { image: new Float32Array(0), label: new Uint8Array(0) };
  return { id, ...empty, sizeVoxels: [5, 4, 3], spacingMm: [1, 1, 1], channels: 1, ...more };
}

const data = {
  train: [caseOf('map', { synthesis: { settings: synthesisOf(), normalize: 'min-max' } }), caseOf('scan')],
  unlabelled: [],
  intensities: new Map([
    ['map', KNOWN],
    ['scan', KNOWN],
  ]),
};

describe('the raw intensities of a patch', () => {
  it.each([
    ['min-max', 'z-score'],
    ['z-score', 'min-max'],
    ['min-max', 'min-max'],
  ] as const)('of a map make a patch normalised by %s what %s makes of the painted one', (from, to) => {
    const given = normalize({ id: 'map', data: painted, channels: 1 }, from).data;
    const raw = rawIntensities(data, { image: given, caseIds: ['map'] });
    const seen = inNormalization(given, raw, { from: { normalize: from }, to: { normalize: to } });
    const expected = normalize({ id: 'map', data: painted, channels: 1 }, to).data;
    seen.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index]!, 4);
    });
  });

  it('of a case with an image are those of its case, and each sample of a batch has its own', () => {
    const image = Float32Array.from([...painted, ...painted.map(value => 2 * value)]);
    const [first, second] = rawIntensities(data, { image, caseIds: ['scan', 'map'] });
    expect(first).toBe(KNOWN);
    expect(second?.[0]?.maximum).toBeCloseTo(2 * Math.max(...painted), 4);
  });
});
