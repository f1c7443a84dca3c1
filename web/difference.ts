/** Compares two segmentations of one image: a label volume of their differences, and their agreement. */
import { countOverlap, diceOf } from '../src/metrics/overlap.ts';
import type { LabelVolume } from '../src/volume/volume.ts';
import type { Segmented } from './segmentations.ts';
import type { LabelStyle } from './viewer.ts';

export interface Difference {
  /** 1 where only the first has a class, 2 where only the second has one, 3 where they have different ones. */
  readonly labels: LabelVolume;
  readonly styles: readonly LabelStyle[];
  /** Number of different voxels. */
  readonly voxels: number;
  /** Dice of each common class, null if neither has it. */
  readonly dice: readonly { readonly name: string; readonly dice: number | null }[];
}

function kindOf(first: number, second: number): 0 | 1 | 2 | 3 {
  if (first === second) return 0;
  if (second === 0) return 1;
  return first === 0 ? 2 : 3;
}

/** Compares two segmentations on one grid. */
export function differenceOf(first: Segmented, second: Segmented): Difference {
  const [a, b] = [first.labels.data, second.labels.data];
  const kinds = Uint8Array.from(a, (value, voxel) => kindOf(value, b[voxel]!));
  const classes = first.classes.filter(({ value }) => value !== 0);
  const overlaps = countOverlap(
    b,
    a,
    classes.map(({ value, region = [value] }) => region),
  );
  return {
    labels: { ...first.labels, data: kinds },
    styles: [
      { value: 1, name: `only ${first.name}`, colour: [230, 159, 0] },
      { value: 2, name: `only ${second.name}`, colour: [86, 180, 233] },
      { value: 3, name: 'another class', colour: [204, 121, 167] },
    ],
    voxels: kinds.reduce((sum, kind) => sum + (kind === 0 ? 0 : 1), 0),
    dice: classes.map(({ name }, index) => ({ name, dice: diceOf(overlaps[index]!) })),
  };
}
