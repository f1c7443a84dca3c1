/** A case as training sees it: cropped, normalised and resampled, by the same steps in the same order as inference. */
import type { LoadedCase } from '../data/loaded-case.ts';
import type { TrainingCase } from '../data/loader.ts';
import { type ImageNormalization, normalize } from '../data/normalize.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import { countLabelled } from '../volume/label-volume.ts';
import { boxOfCrop, croppedVolume } from '../volume/nonzero.ts';
import { labelsToCanonical, toCanonical } from '../volume/orientation.ts';
import { resampleLabelsToSpacing, resampleToSpacing } from '../volume/resample.ts';
import type { LabelVolume } from '../volume/volume.ts';

/** Preprocessing of every volume. */
export interface Preprocessing extends Omit<Recipe['preprocess'], 'normalize'> {
  readonly normalize: ImageNormalization;
}

/** Says that labelled voxels were cut away. */
function cutAwayWarnings(
  id: string,
  whole: LabelVolume | undefined,
  kept: LabelVolume | undefined,
): readonly VolumeWarning[] {
  if (whole === undefined || kept === undefined || whole === kept) return [];
  const [all, inside] = [countLabelled(whole), countLabelled(kept)];
  if (all === inside) return [];
  const message =
    `case "${id}": ${all - inside} of ${all} labelled voxels lie where the image is 0, outside of the box that preprocess.crop keeps. ` +
    'No model can find them; correct the case, or set preprocess.crop to none.';
  return [{ code: 'W_CROP_LABELS', message }];
}

/**
 * A label map as training sees it: turned to canonical axes and resampled with its own values; what is painted on it is
 * normalised once it is painted.
 */
function prepareMap(
  map: LabelVolume,
  { id, image }: LoadedCase,
  { spacingMm, labelInterpolation }: Pick<Preprocessing, 'spacingMm' | 'labelInterpolation'>,
): TrainingCase {
  const turned = labelsToCanonical(map, image);
  const labels = spacingMm === null ? turned : resampleLabelsToSpacing(turned, spacingMm, labelInterpolation);
  return {
    id,
    image: new Float32Array(0),
    label: labels.data,
    sizeVoxels: labels.sizeVoxels,
    spacingMm: labels.spacingMm,
    channels: 1,
  };
}

/** A loaded case as training sees it; the same steps in the same order as before inference. */
export function prepareCase(
  loaded: LoadedCase,
  { crop, spacingMm, orientation, imageInterpolation, labelInterpolation, normalize: method }: Preprocessing,
): { readonly case: TrainingCase; readonly warnings: readonly string[] } {
  const { id } = loaded;
  const ownMap = loaded.map;
  if (ownMap !== undefined)
    return { warnings: [], case: prepareMap(ownMap, loaded, { spacingMm, labelInterpolation }) };
  const whole = orientation === 'canonical' ? toCanonical(loaded.image) : loaded.image;
  const wholeLabel =
    loaded.label && orientation === 'canonical' ? labelsToCanonical(loaded.label, loaded.image) : loaded.label;
  const box = boxOfCrop(whole, crop);
  const image = croppedVolume(whole, box);
  const label = wholeLabel && croppedVolume(wholeLabel, box);
  const normalized = normalize({ id, data: image.data, channels: image.channels }, method);
  const volume = { ...image, data: normalized.data };
  const ready = spacingMm === null ? volume : resampleToSpacing(volume, spacingMm, imageInterpolation);
  const labels =
    label === undefined || spacingMm === null ? label : resampleLabelsToSpacing(label, spacingMm, labelInterpolation);
  return {
    warnings: [...normalized.warnings, ...cutAwayWarnings(id, wholeLabel, label)].map(
      ({ code, message }) => `${code}: ${message}`,
    ),
    case: {
      id,
      image: ready.data,
      label: labels?.data ?? new Uint8Array(ready.data.length / image.channels),
      sizeVoxels: ready.sizeVoxels,
      spacingMm: ready.spacingMm,
      channels: image.channels,
      ...(labels?.ignore !== undefined && { ignore: labels.ignore }),
    },
  };
}
