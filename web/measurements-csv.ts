/** Measurements as a table for spreadsheets. */
import {
  angleDegrees,
  lengthMm,
  type MeasuredImage,
  type Measurement,
  millimetresOf,
  regionValues,
} from './measurements.ts';
import { csvText } from './results-csv.ts';

const HEAD = [
  'image',
  'number',
  'kind',
  'plane',
  'lengthMm',
  'angleDegrees',
  'mean',
  'deviation',
  'least',
  'most',
  'unit',
  'voxels',
  'areaMm2',
  'volumeMl',
  'pointsMm',
];

type Cell = string | number | undefined;

/** Numbers with six digits, which is more than any place of a hand has. */
function rounded(value: Cell): Cell {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}

function cellsOf(measurement: Measurement, image: MeasuredImage): readonly Cell[] {
  const { kind, points } = measurement;
  const { grid, unit } = image;
  if (kind === 'length') return [lengthMm(points, grid), ...new Array<undefined>(9).fill(undefined)];
  if (kind === 'angle') return [undefined, angleDegrees(points, grid), ...new Array<undefined>(8).fill(undefined)];
  const { mean, deviation, least, most, voxels, areaMm2, volumeMl } = regionValues(measurement, image);
  return [undefined, undefined, mean, deviation, least, most, unit.trim(), voxels, areaMm2, volumeMl];
}

/**
 * A row for each measurement; places are right, anterior, superior.
 * @param name of the image
 */
export function measurementsCsv(name: string, list: readonly Measurement[], image: MeasuredImage): string {
  const lines = list.map((measurement, index) => {
    const { kind, plane, points } = measurement;
    const places = points.map(point =>
      millimetresOf(point, image.grid)
        .map(mm => mm.toFixed(2))
        .join(' '),
    );
    return [name, index + 1, kind, plane, ...cellsOf(measurement, image).map(rounded), places.join('; ')];
  });
  return csvText([HEAD, ...lines]);
}
