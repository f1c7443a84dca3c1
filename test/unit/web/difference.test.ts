/** The difference of two segmentations: which voxels, which scores, which colours, and the table that is saved. */
import { expect, it } from 'vitest';
import type { ModelFile } from '../../../src/experiment/model-file.ts';
import { labelColour } from '../../../src/results/label-colours.ts';
import { differenceOf, distancesOf } from '../../../web/difference.ts';
import { csvField, volumesCsv } from '../../../web/results-csv.ts';
import { type Segmented, structuresOf } from '../../../web/segmentations.ts';

const model = {} as ModelFile;
const IDENTITY = [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** Labels of one row of six voxels, 2 mm apart. */
function segmented(name: string, labels: readonly number[], names?: readonly string[]): Segmented {
  return {
    name,
    labels: { data: Uint8Array.from(labels), sizeVoxels: [6, 1, 1], spacingMm: [2, 1, 1], affine: IDENTITY },
    classes: (names ?? ['background', 'label 1', 'label 2']).map((text, value) => ({ value, name: text })),
    ...(names && { model }),
    madeAt: '2026-11-28T00:00:00Z',
    cost: '',
    warnings: [],
  };
}

const student = segmented('student', [1, 1, 0, 2, 2, 0], ['background', 'Anterior', 'Posterior']);
const reference = segmented('reference', [1, 1, 1, 1, 2, 2]);

it('maps where two segmentations differ, with Dice, volumes and distances by structure', () => {
  const { labels, voxels, agreements } = differenceOf(student, reference);
  expect([...labels.data]).toEqual([0, 0, 2, 3, 0, 2]);
  expect(voxels).toBe(3);
  expect(agreements).toEqual([
    { value: 1, dice: 4 / 6, firstMl: 0.004, secondMl: 0.008 },
    { value: 2, dice: 2 / 4, firstMl: 0.004, secondMl: 0.004 },
  ]);
  // of the surface 1 1 1 1 the last two voxels are 2 and 4 mm away: numpy.percentile([0, 0, 2, 4], 95) = 3.7
  expect([...distancesOf(student, reference)].map(({ hd95Mm }) => hd95Mm)).toEqual([
    expect.closeTo(3.7, 9),
    expect.closeTo(1.9, 9),
  ]);
});

it('has colours that no structure has', () => {
  const structures = new Set([1, 2, 3, 4, 5, 6].map(value => String(labelColour(value))));
  for (const { colour } of differenceOf(student, reference).styles) expect(structures).not.toContain(String(colour));
});

it('names structures by the values of their labels: models before references, and both names where models differ', () => {
  expect(structuresOf([reference])).toEqual([
    { value: 1, name: 'label 1' },
    { value: 2, name: 'label 2' },
  ]);
  const other = segmented('other', [1, 0, 0, 0, 0, 0], ['background', 'A', 'Posterior']);
  expect(structuresOf([reference, student, other])).toEqual([
    { value: 1, name: 'Anterior / A' },
    { value: 2, name: 'Posterior' },
  ]);
});

it('writes the volumes of all as CSV, with the scores beside the one that was compared', () => {
  const rows = differenceOf(student, reference).agreements.map(one => ({ ...one, name: '', hd95Mm: 1.5 }));
  const text = volumesCsv('a,b', [student, reference], { first: 'student', second: 'reference', rows });
  expect(text.split('\r\n')).toEqual([
    'image,segmentation,structure,label,volumeMl,comparedWith,dice,hd95Mm,volumeDifferenceMl',
    `"a,b",student,Anterior,1,0.004,reference,${4 / 6},1.5,-0.004`,
    '"a,b",student,Posterior,2,0.004,reference,0.5,1.5,0',
    '"a,b",reference,Anterior,1,0.008,,,,',
    '"a,b",reference,Posterior,2,0.004,,,,',
    '',
  ]);
  expect(csvField('=1+1')).toBe("'=1+1");
  expect(csvField('say "a"')).toBe('"say ""a"""');
});
