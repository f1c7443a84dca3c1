import { expect, it } from 'vitest';
import { classPlacesMm } from '../../../src/metrics/class-places.ts';
import type { LabelVolume } from '../../../src/volume/volume.ts';

const CLASSES = [
  { value: 0, name: 'background' },
  { value: 1, name: 'one' },
  { value: 2, name: 'two' },
  { value: 3, name: 'three' },
];

/** A volume of 4 x 3 x 2 voxels of 1 x 2 x 5 mm whose first axis runs to the left and whose second one up. */
function labelled(at: Readonly<Record<number, number>>): LabelVolume {
  const data = new Uint8Array(24);
  for (const [index, value] of Object.entries(at)) data[Number(index)] = value;
  return {
    data,
    sizeVoxels: [4, 3, 2],
    spacingMm: [1, 2, 5],
    affine: [-1, 0, 0, 70, 0, 0, 5, -9, 0, 2, 0, 4, 0, 0, 0, 1],
  };
}

it('is the distance of the centre of a class from the centre of all, along stored axes or those of the world', () => {
  // one at (0, 0, 0) and (2, 0, 0), two at (3, 2, 1) and (3, 2, 0)
  const labels = labelled({ 0: 1, 2: 1, 23: 2, 11: 2 });
  // centres (1, 0, 0) and (3, 2, 0.5), of all (2, 1, 0.25)
  expect(classPlacesMm(labels, CLASSES, 'stored')).toEqual({ one: [-1, -2, -1.25], two: [1, 2, 1.25] });
  expect(classPlacesMm(labels, CLASSES, 'world')).toEqual({ one: [1, -1.25, -2], two: [-1, 1.25, 2] });
});

it('counts every value of a region, and the voxels of all classes once', () => {
  const regions = [
    { value: 1, name: 'whole', region: [1, 2] },
    { value: 2, name: 'core', region: [2] },
  ];
  const places = classPlacesMm(labelled({ 0: 1, 2: 2 }), regions, 'stored');
  expect(places).toEqual({ whole: [0, 0, 0], core: [1, 0, 0] });
});

it('leaves out values that are no class, and says nothing where there is none', () => {
  expect(classPlacesMm(labelled({ 0: 1, 2: 1, 3: 9 }), CLASSES, 'stored')).toEqual({ one: [0, 0, 0] });
  expect(classPlacesMm(labelled({}), CLASSES, 'world')).toEqual({});
});
