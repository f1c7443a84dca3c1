/**
 * `dataset_fingerprint.json`, which nnU-Net v2 copies beside `plans.json`: sizes and spacings of the training cases, z,
 * y, x as its reader has them, and the intensities of what was segmented. Sizes are those of the box around the voxels
 * that are not 0. No prediction depends on it, so one that is missing or damaged costs only the warnings about images
 * that are far from the training cases.
 * Source: nnunetv2/experiment_planning/dataset_fingerprint/fingerprint_extractor.py, version 2.8.1.
 */
import { z } from 'zod';
import { xyz } from '../../core/axes.ts';
import { InputError } from '../../core/errors.ts';
import type { Triple, Xyz } from '../../core/shape.ts';
import { extentMmOf, imageMlOf, rangeOf, rangeXyzOf, type TrainingFacts } from '../../data/training-facts.ts';
import type { ImportFiles } from '../imported.ts';
import { parseAs, readDescription } from '../json.ts';

const triple = z.tuple([z.number().gt(0), z.number().gt(0), z.number().gt(0)]);
const fingerprint = z.looseObject({
  spacings: z.array(triple).min(1),
  shapes_after_crop: z.array(triple).min(1),
  foreground_intensity_properties_per_channel: z.record(
    z.string(),
    z.looseObject({ percentile_00_5: z.number(), percentile_99_5: z.number() }),
  ),
});

function factsOf({
  spacings,
  shapes_after_crop: shapes,
  foreground_intensity_properties_per_channel: properties,
}: z.output<typeof fingerprint>): TrainingFacts {
  const alongXyz = (all: readonly Triple[]) => all.map(xyz) as [Xyz, ...Xyz[]];
  const [sizes, spacing] = [alongXyz(shapes), alongXyz(spacings)];
  const grids = sizes.map((sizeVoxels, index) => ({ sizeVoxels, spacingMm: spacing[index] ?? spacing[0] }));
  const imageMl = rangeOf(grids.map(imageMlOf));
  // pictures have no millimetres; nnU-Net writes 999 across them
  const arePlanes = sizes.every(([, , depth]) => depth === 1);
  const channels = Object.keys(properties).length;
  const foreground = Array.from({ length: channels }, (_, channel) => properties[String(channel)]);
  return {
    cases: shapes.length,
    sizeVoxels: rangeXyzOf(sizes),
    ...(!arePlanes && {
      spacingMm: rangeXyzOf(spacing),
      extentMm: rangeXyzOf(grids.map(extentMmOf) as [Xyz, ...Xyz[]]),
    }),
    ...(!arePlanes && imageMl && { imageMl }),
    isCropped: true,
    ...(!foreground.includes(undefined) && {
      foreground: foreground.map(one => ({ low: one!.percentile_00_5, high: one!.percentile_99_5 })),
    }),
  };
}

/**
 * What a training's folder says of its training cases.
 * @returns facts if there is a file that can be read, and a note for the user if it cannot
 */
export async function readFingerprint(
  files: ImportFiles,
  folder: string,
): Promise<{ readonly training?: TrainingFacts; readonly notes: readonly string[] }> {
  const path = `${folder}/dataset_fingerprint.json`;
  if (!(await files.exists(path))) return { notes: [] };
  try {
    return { training: factsOf(parseAs(fingerprint, await readDescription(files, path), path)), notes: [] };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { notes: [`images that are far from the training cases cannot be recognised: ${error.message}`] };
  }
}
