/**
 * Overlap of two label volumes on one grid: voxel counts per class in a single pass, and what follows from them.
 * Voxel order does not matter here, only that both volumes have the same.
 */
import { ShapeError } from '../core/errors.ts';
import { LABEL_VALUES, type LabelArray, type LabelVolume, type Xyz } from '../volume/volume.ts';

/** Presence of a class in the two volumes. */
export type Presence = 'both' | 'neither' | 'reference-only' | 'prediction-only';

/** Numbers of voxels that belong to one class. */
export interface Overlap {
  readonly reference: number;
  readonly prediction: number;
  /** Number of voxels that have the class in both. */
  readonly intersection: number;
}

/** A class as label values: one, or those of a region. */
export type ClassValues = number | readonly number[];

/**
 * Counts classes of two label volumes in one pass over the voxels.
 * @param reference label value per voxel
 * @param prediction label value per voxel, same grid
 * @param classes to report, in the order of the result; one that occurs nowhere gives zeros. Regions may overlap
 * @throws {ShapeError} if the volumes differ in length
 */
export function countOverlap(
  reference: LabelArray,
  prediction: LabelArray,
  classes: readonly ClassValues[],
): Overlap[] {
  if (reference.length !== prediction.length) {
    throw new ShapeError(
      `reference has ${reference.length} voxels and prediction ${prediction.length}; bring both to the same grid first`,
    );
  }
  const asked = [...new Set(classes.flat())];
  /** Place of a label value in the table, 0 for those that nobody asks for. */
  const placeOf = new Uint16Array(LABEL_VALUES);
  asked.forEach((value, index) => {
    placeOf[value] = index + 1;
  });
  const places = asked.length + 1;
  /** Voxels by place of the label in the reference (row) and in the prediction (column). */
  const joint = new Uint32Array(places * places);
  for (let i = 0; i < reference.length; i++) joint[placeOf[reference[i]!]! * places + placeOf[prediction[i]!]!]!++;
  const inReference = new Float64Array(places);
  const inPrediction = new Float64Array(places);
  for (let row = 0; row < places; row++) {
    for (let column = 0; column < places; column++) {
      const count = joint[row * places + column]!;
      inReference[row]! += count;
      inPrediction[column]! += count;
    }
  }
  return classes.map(values => {
    const all = [values].flat().map(value => placeOf[value]!);
    const total = (count: (place: number) => number): number => all.reduce((sum, place) => sum + count(place), 0);
    return {
      reference: total(place => inReference[place]!),
      prediction: total(place => inPrediction[place]!),
      intersection: total(row => total(column => joint[row * places + column]!)),
    };
  });
}

/** 1 where a volume has one of the values, 0 elsewhere. */
export function maskOf(labels: LabelArray, values: readonly number[]): Uint8Array {
  const isMember = new Uint8Array(LABEL_VALUES);
  for (const value of values) isMember[value] = 1;
  return Uint8Array.from(labels, label => isMember[label]!);
}

/** Dice coefficient 2 |A and B| / (|A| + |B|), in [0, 1]; null if both are empty, 0 if one is. */
export function diceOf(overlap: Overlap): number | null {
  const total = overlap.reference + overlap.prediction;
  return total === 0 ? null : (2 * overlap.intersection) / total;
}

/** Intersection over union |A and B| / |A or B|, in [0, 1]; null where both are empty, 0 where one is. */
export function iouOf({ reference, prediction, intersection }: Overlap): number | null {
  const union = reference + prediction - intersection;
  return union === 0 ? null : intersection / union;
}

/** Fraction of the reference that was found; null if the reference is empty. */
export function sensitivityOf({ reference, intersection }: Overlap): number | null {
  return reference === 0 ? null : intersection / reference;
}

/** Fraction of the prediction that is right; null if the prediction is empty. */
export function precisionOf({ prediction, intersection }: Overlap): number | null {
  return prediction === 0 ? null : intersection / prediction;
}

/** Presence of the class in the two volumes. */
export function presenceOf(overlap: Overlap): Presence {
  if (overlap.reference > 0) return overlap.prediction > 0 ? 'both' : 'reference-only';
  return overlap.prediction > 0 ? 'prediction-only' : 'neither';
}

/** Volume of a number of voxels in millilitres (1 ml = 1000 mm^3). */
export function volumeMl(voxels: number, spacingMm: Xyz): number {
  return (voxels * spacingMm[0] * spacingMm[1] * spacingMm[2]) / 1000;
}

/**
 * Volume in millilitres of each class but the background (value 0), by name; a region has the voxels of all its labels.
 */
export function classVolumesMl(
  { data, spacingMm }: LabelVolume,
  classes: readonly {
    readonly value: number;
    readonly name: string;
    readonly region?: readonly number[] | undefined;
  }[],
): Readonly<Record<string, number>> {
  const counts = new Float64Array(LABEL_VALUES);
  for (let i = 0; i < data.length; i++) counts[data[i]!]!++;
  const volumes = classes
    .filter(({ value }) => value !== 0)
    .map(({ value, name, region = [value] }) => {
      const voxels = region.reduce((sum, label) => sum + counts[label]!, 0);
      return [name, volumeMl(voxels, spacingMm)] as const;
    });
  return Object.fromEntries(volumes);
}
