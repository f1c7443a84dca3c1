/**
 * Error maps: where a segmentation and its reference differ, in colours and patterns that no class has, so that errors
 * are not taken for structures. Knows nothing of HTML.
 */

import type { Colour } from '../results/label-colours.ts';
import type { LabelVolume } from '../volume/volume.ts';

/** A kind of error of a voxel. */
export type ErrorKind = 'missed' | 'made up' | 'wrong structure';

/** How a kind of error is drawn. */
export interface ErrorStyle {
  readonly colour: Colour;
  readonly pattern: 'filled' | 'striped' | 'dotted';
  /** What it means. */
  readonly meaning: string;
}

/** All kinds of errors; the patterns distinguish them without colour. */
export const ERROR_STYLES: Readonly<Record<ErrorKind, ErrorStyle>> = {
  missed: { colour: [255, 64, 255], pattern: 'filled', meaning: 'in the reference, not found' },
  'made up': { colour: [176, 255, 48], pattern: 'striped', meaning: 'found, not in the reference' },
  'wrong structure': { colour: [255, 255, 255], pattern: 'dotted', meaning: 'another structure than in the reference' },
};

/** The kind of error of a voxel by its two labels; undefined where they agree or the reference does not say. */
export function errorKind(reference: number, predicted: number, ignore: number | undefined): ErrorKind | undefined {
  if (reference === predicted || reference === ignore) return undefined;
  if (predicted === 0) return 'missed';
  return reference === 0 ? 'made up' : 'wrong structure';
}

/** A volume of 1 where two segmentations differ, and 0 elsewhere. */
export function differenceOf(reference: LabelVolume, predicted: LabelVolume): LabelVolume {
  const data = Uint8Array.from(reference.data, (label, voxel) =>
    errorKind(label, predicted.data[voxel]!, reference.ignore) === undefined ? 0 : 1,
  );
  const { sizeVoxels, spacingMm, affine } = reference;
  return { data, sizeVoxels, spacingMm, affine };
}

const PERIOD_PIXELS = 6;

/** Whether the pattern of an error covers a pixel of the picture. */
export function isDrawn({ pattern }: ErrorStyle, x: number, y: number): boolean {
  if (pattern === 'filled') return true;
  if (pattern === 'striped') return (x + y) % PERIOD_PIXELS < PERIOD_PIXELS / 2;
  return x % 4 < 2 && y % 4 < 2;
}
