/** Measurements against what geometry says, on voxels that are not cubes and on a grid that is turned. */
import { expect, it } from 'vitest';
import { marksOf } from '../../../web/measurement-marks.ts';
import {
  angleDegrees,
  lengthMm,
  type MeasuredImage,
  type Measurement,
  measuredText,
  regionValues,
} from '../../../web/measurements.ts';
import { measurementsCsv } from '../../../web/measurements-csv.ts';
import { type PlaneView, pixelOf, pointAt, viewAt } from '../../../web/plane-view.ts';

/** Voxels of 0.5 x 2 x 3 mm, stored from right to left, turned by 30 degrees about the axis that runs superior. */
const [COSINE, SINE] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
const SIZE = [8, 6, 2] as const;
const GRID = {
  sizeVoxels: SIZE,
  start: 7,
  steps: [-1, 8, 48],
  affine: [0.5 * COSINE, -2 * SINE, 0, 10, 0.5 * SINE, 2 * COSINE, 0, -5, 0, 0, 3, 1, 0, 0, 0, 1],
} as const;
/** The value of a voxel is its number along right plus ten times that along anterior. */
const DATA = Float32Array.from({ length: 96 }, (_, stored) => 7 - (stored % 8) + 10 * (Math.floor(stored / 8) % 6));
const IMAGE: MeasuredImage = { grid: GRID, data: DATA, unit: ' HU' };

const axial = (kind: Measurement['kind'], ...points: [number, number][]): Measurement => ({
  kind,
  plane: 'axial',
  points: points.map(([x, y]) => [x, y, 1]),
});

it('measures lengths in millimetres, whatever the shape of the voxels, with digits as they allow', () => {
  const length = axial('length', [0, 0], [6, 2]);
  expect(lengthMm(length.points, GRID)).toBeCloseTo(5, 10);
  expect(measuredText(length, IMAGE)).toBe('5.0 mm');
  const coarse = { ...IMAGE, grid: { ...GRID, affine: GRID.affine.map(value => value * 4) } };
  expect(measuredText(length, coarse)).toBe('20 mm');
});

it('measures angles in millimetres too, in whole degrees where the legs are short', () => {
  const angle = axial('angle', [6, 0], [0, 0], [6, 1.5]);
  expect(angleDegrees(angle.points, GRID)).toBeCloseTo(45, 10);
  expect(measuredText(angle, IMAGE)).toBe('45°');
  expect(angleDegrees(axial('angle', [1, 0], [0, 0], [-1, 0]).points, GRID)).toBeCloseTo(180, 10);
});

it('takes the voxels inside an ellipse of the slice, with their mean, deviation, area and volume', () => {
  // voxels 2, 3, 4 along right and 1, 2, 3 along anterior, without the corners
  const region = axial('region', [1.9, 0.9], [4.1, 3.1]);
  const values = [23, 13, 33, 22, 24];
  const mean = 23;
  const deviation = Math.sqrt((2 * 10 ** 2 + 2) / 4);
  expect(regionValues(region, IMAGE)).toEqual({
    voxels: 5,
    mean,
    deviation: expect.closeTo(deviation, 10),
    least: Math.min(...values),
    most: Math.max(...values),
    areaMm2: expect.closeTo(5, 10),
    volumeMl: expect.closeTo(0.015, 10),
  });
  expect(measuredText(region, IMAGE)).toBe('23.0 ± 7.1 HU, 5.00 mm², 15.0 µl, 5 voxels');
  // too small for the centre of any voxel: the nearest one
  expect(measuredText(axial('region', [3.2, 2.2], [3.4, 2.4]), IMAGE)).toMatch(/^23.00 ± 0.00 HU, .*, 1 voxel$/);
  // beyond the image
  expect(regionValues(axial('region', [-9, -9], [17, 15]), IMAGE).voxels).toBe(48);
});

it('writes a table for spreadsheets', () => {
  const list = [axial('length', [0, 0], [6, 2]), axial('region', [1.9, 0.9], [4.1, 3.1])];
  const [head, length, region] = measurementsCsv('a.nii', list, { ...IMAGE, unit: ' HU' }).split('\r\n');
  expect(head).toBe(
    'image,number,kind,plane,lengthMm,angleDegrees,mean,deviation,least,most,unit,voxels,areaMm2,volumeMl,pointsMm',
  );
  expect(length).toBe('a.nii,1,length,axial,5,,,,,,,,,,10.00 -5.00 4.00; 10.60 -0.04 4.00');
  expect(region).toMatch(/^a.nii,2,region,axial,,,23,7.10634,13,33,HU,5,5,0.015,/);
});

/** A coronal plane whose right is on the left of the screen, magnified. */
const VIEW: PlaneView = {
  plane: 'coronal',
  slice: 3,
  left: 100,
  top: 50,
  width: 200,
  height: 120,
  scale: [-0.1, -0.05],
  middle: [4, 3.2, 1.5],
};

it('finds voxels under pixels, and pixels of voxels', () => {
  expect(viewAt([VIEW], [100, 50])).toBe(VIEW);
  expect(viewAt([VIEW], [300, 60])).toBeUndefined();
  expect(pointAt(VIEW, [200, 110])).toEqual([4, 3, 1.5]);
  const point = pointAt(VIEW, [230, 90]);
  expect(point).toEqual([1, 3, 2.5]);
  expect(pixelOf(VIEW, point)).toEqual([230, 90]);
});

it('draws a measurement only in the slice of the plane in which it was made', () => {
  const made: Measurement = {
    kind: 'length',
    plane: 'coronal',
    points: [
      [4, 3, 1.5],
      [1, 3, 2.5],
    ],
  };
  expect(marksOf([made], ['5 mm'], [VIEW])).toEqual([
    { kind: 'line', from: [200, 110], to: [230, 90] },
    { kind: 'text', at: [236, 84], text: '5 mm' },
  ]);
  expect(marksOf([made], ['5 mm'], [{ ...VIEW, slice: 2 }])).toEqual([]);
  expect(marksOf([made], ['5 mm'], [{ ...VIEW, plane: 'axial' }])).toEqual([]);
});
