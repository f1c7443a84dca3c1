/** Compares two segmentations of one image: a label volume of their differences, and their agreement by structure. */
import { countOverlap, diceOf, maskOf, volumeMl } from '../src/metrics/overlap.ts';
import { surfaceDistance } from '../src/metrics/surface-distance.ts';
import type { LabelVolume } from '../src/volume/volume.ts';
import type { Segmented } from './segmentations.ts';
import type { LabelStyle } from './viewer.ts';

/** How two segmentations agree on one structure. */
export interface Agreement {
  readonly value: number;
  /** Null if neither has it. */
  readonly dice: number | null;
  readonly firstMl: number;
  readonly secondMl: number;
}

export interface Difference {
  /** 1 where only the first has a class, 2 where only the second has one, 3 where they have different ones. */
  readonly labels: LabelVolume;
  readonly styles: readonly LabelStyle[];
  /** Number of different voxels. */
  readonly voxels: number;
  readonly agreements: readonly Agreement[];
}

function kindOf(first: number, second: number): 0 | 1 | 2 | 3 {
  if (first === second) return 0;
  if (second === 0) return 1;
  return first === 0 ? 2 : 3;
}

/** The structures that two segmentations are compared by: those of a model, since labels alone name none. */
function comparedClasses(first: Segmented, second: Segmented): Segmented['classes'] {
  const { classes } = first.model === undefined && second.model !== undefined ? second : first;
  return classes.filter(({ value }) => value !== 0);
}

/** Compares two segmentations on one grid. Its colours are none of those of structures. */
export function differenceOf(first: Segmented, second: Segmented): Difference {
  const [a, b] = [first.labels.data, second.labels.data];
  const { spacingMm } = first.labels;
  const kinds = Uint8Array.from(a, (value, voxel) => kindOf(value, b[voxel]!));
  const classes = comparedClasses(first, second);
  const overlaps = countOverlap(
    b,
    a,
    classes.map(({ value, region = [value] }) => region),
  );
  return {
    labels: { ...first.labels, data: kinds },
    styles: [
      { value: 1, name: `only ${first.name}`, colour: [255, 0, 255] },
      { value: 2, name: `only ${second.name}`, colour: [170, 255, 0] },
      { value: 3, name: 'another structure', colour: [255, 255, 255] },
    ],
    voxels: kinds.reduce((sum, kind) => sum + (kind === 0 ? 0 : 1), 0),
    agreements: classes.map(({ value }, index) => ({
      value,
      dice: diceOf(overlaps[index]!),
      firstMl: volumeMl(overlaps[index]!.prediction, spacingMm),
      secondMl: volumeMl(overlaps[index]!.reference, spacingMm),
    })),
  };
}

/** Distance in millimetres between the surfaces of each structure, 95th percentile, one structure at a time. */
export function* distancesOf(
  first: Segmented,
  second: Segmented,
): Generator<{ readonly value: number; readonly hd95Mm: number }> {
  const { sizeVoxels, spacingMm } = first.labels;
  for (const { value, region } of comparedClasses(first, second)) {
    const [prediction, reference] = [first, second].map(({ labels }) =>
      region === undefined ? labels.data : maskOf(labels.data, region),
    ) as [Uint8Array, Uint8Array];
    const options = { sizeVoxels, spacingMm, value: region === undefined ? value : 1 };
    yield { value, hd95Mm: surfaceDistance(reference, prediction, options).hd95Mm };
  }
}
