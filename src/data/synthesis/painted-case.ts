/** The image of a case that is a label map alone, on the map's own grid. */
import type { LabelVolume, Volume } from '../../volume/volume.ts';
import type { CaseFiles } from '../case-list.ts';
import type { LabelRules } from './label-rules.ts';
import { paintingKey } from './painted-cases.ts';
import { paintInto } from './painting.ts';
import type { SynthesisSettings } from './settings.ts';

/**
 * Paints the image of a case: one of the paintings of the map, by its id. Nothing is moved, so that the map stays the
 * reference.
 */
export function paintCase(
  map: LabelVolume,
  { id }: CaseFiles,
  { settings, rules }: { readonly settings: SynthesisSettings; readonly rules: LabelRules },
): Volume {
  const { sizeVoxels: size, spacingMm, affine, isPlaced } = map;
  const data = new Float32Array(map.data.length);
  paintInto(data, { labels: map.data, size, spacingMm }, { settings, rules, key: paintingKey(id) });
  return { data, sizeVoxels: size, channels: 1, spacingMm, affine, ...(isPlaced === false && { isPlaced }) };
}
