/** What was drawn for a painted image, in words: to score images apart by what they show. */
import { random } from '../../core/random.ts';
import type { Xyz } from '../../volume/volume.ts';
import { drawAcquisition } from './acquisition.ts';
import { drawContrast } from './contrast.ts';
import type { LabelRules } from './label-rules.ts';
import type { SynthesisSettings } from './settings.ts';

/** Groups that a painted image is in. */
export interface PaintingFacts {
  /** Which scan it shows. */
  readonly scan: 'as the map' | 'coarse' | 'thick slices';
  /** The longest side of its voxels, by the millimetre. */
  readonly voxels: string;
  /** Whether all that may be missing is there. */
  readonly strips: 'whole' | 'stripped';
}

/** The facts of an image. @param options as of paintInto */
export function paintingFacts(
  spacingMm: Xyz,
  {
    settings,
    rules,
    key,
  }: { readonly settings: SynthesisSettings; readonly rules: LabelRules; readonly key: readonly (number | string)[] },
): PaintingFacts {
  const { voxelMm } = drawAcquisition(settings, spacingMm, random(...key, 'acquisition'));
  const { means, deviations } = drawContrast(settings, rules, random(...key, 'contrast'));
  const isMissing = rules.strips.some(({ paints }) =>
    paints.every(paint => means[paint] === 0 && deviations[paint] === 0),
  );
  const coarser = voxelMm.filter((size, axis) => size > spacingMm[axis]!).length;
  const longest = Math.floor(Math.max(...voxelMm));
  return {
    scan: coarser === 0 ? 'as the map' : coarser === 1 ? 'thick slices' : 'coarse',
    voxels: `${longest} to ${longest + 1} mm`,
    strips: isMissing ? 'stripped' : 'whole',
  };
}
