/** Where the classes of a segmentation lie: their centres, seen from the middle of everything that is segmented. */
import { LABEL_VALUES, type LabelVolume, type Xyz } from '../volume/volume.ts';

/** A class, as in classVolumesMl. */
interface PlacedClass {
  readonly value: number;
  readonly name: string;
  readonly region?: readonly number[] | undefined;
}

/** Voxels of each label value, and sums of their indices along x, y and z. */
interface Sums {
  readonly count: Float64Array;
  readonly along: readonly [Float64Array, Float64Array, Float64Array];
}

function sumsOf({ data, sizeVoxels: [width, height, depth] }: LabelVolume): Sums {
  const sums = () => new Float64Array(LABEL_VALUES);
  const [count, x, y, z] = [sums(), sums(), sums(), sums()];
  let i = 0;
  for (let k = 0; k < depth; k++) {
    for (let j = 0; j < height; j++) {
      for (let h = 0; h < width; h++, i++) {
        const value = data[i]!;
        if (value === 0) continue;
        count[value]!++;
        x[value]! += h;
        y[value]! += j;
        z[value]! += k;
      }
    }
  }
  return { count, along: [x, y, z] };
}

/** Centre of some label values, in voxels; undefined where there are none. */
function centreOf({ count, along }: Sums, values: readonly number[]): Xyz | undefined {
  const total = (sums: Float64Array): number => values.reduce((sum, value) => sum + sums[value]!, 0);
  const voxels = total(count);
  return voxels === 0 ? undefined : [total(along[0]) / voxels, total(along[1]) / voxels, total(along[2]) / voxels];
}

/**
 * The centre of each class that is there, in mm from the centre of all classes together.
 * @param axes `world`: to the right, front and top by the affine; `stored`: along the axes of the voxels
 */
export function classPlacesMm(
  labels: LabelVolume,
  classes: readonly PlacedClass[],
  axes: 'world' | 'stored',
): Readonly<Record<string, Xyz>> {
  const { affine, spacingMm } = labels;
  const sums = sumsOf(labels);
  const foreground = classes.filter(({ value }) => value !== 0);
  const valuesOf = ({ value, region = [value] }: PlacedClass): readonly number[] => region;
  const middle = centreOf(sums, [...new Set(foreground.flatMap(valuesOf))]);
  if (middle === undefined) return {};
  const inMm = (voxels: Xyz): Xyz => {
    const [x, y, z] = [voxels[0] - middle[0], voxels[1] - middle[1], voxels[2] - middle[2]];
    if (axes === 'stored') return [x * spacingMm[0], y * spacingMm[1], z * spacingMm[2]];
    const row = (from: number): number => affine[from]! * x + affine[from + 1]! * y + affine[from + 2]! * z;
    return [row(0), row(4), row(8)];
  };
  const places = foreground.flatMap(one => {
    const centre = centreOf(sums, valuesOf(one));
    return centre === undefined ? [] : [[one.name, inMm(centre)] as const];
  });
  return Object.fromEntries(places);
}
