/**
 * Where the voxels of a painted patch come from: a random affine map and a random smooth deformation of the label map,
 * both about the centre of the patch, and a mirrored left and right.
 *
 * The affine map is rotation x shear x zoom, each axis zoomed by itself. The deformation follows SynthSeg in the size
 * and scale of its displacements, and differs in its form: SynthSeg draws a velocity at points 25 mm apart,
 * interpolates it linearly and integrates it, so that nothing folds; here displacements at such points are joined by a
 * cubic B-spline (elastic.ts), which does not fold either, since no displacement exceeds 0.4 of the distance of the
 * points.
 */
import { AXES, type Axis, mapAxes } from '../../core/axes.ts';
import type { Random } from '../../core/random.ts';
import type { Xyz } from '../../volume/volume.ts';
import { type Augmentation, NO_AUGMENTATION, type VariedPatch } from '../augment/augmentation.ts';
import type { Deformation } from '../augment/elastic.ts';
import { multiply, rotation } from '../augment/matrix.ts';
import type { SynthesisSettings } from './settings.ts';

/**
 * Mean square of a field whose control points are independent, per axis and as a share of their variance: 2/3 with
 * linear interpolation, 151/315 with a cubic B-spline. The factor makes the mean square displacements equal.
 */
const SPLINE_GAIN = (2 / 3 / (151 / 315)) ** 1.5;
/** Share of the distance of the points below which a cubic B-spline does not fold (Choi and Lee, 2000). */
const FOLDING_SHARE = 0.4;

function symmetric(source: Random, largest: number): number {
  return (source.uniform() * 2 - 1) * largest;
}

/** Offset from the centre of the patch to offset in the map, both in voxels. A plane stays within itself. */
function drawMatrix(
  { rotateDegrees, scale, shear }: SynthesisSettings,
  { patchSize, spacingMm }: VariedPatch,
  source: Random,
): number[] {
  const isFlat = (axis: Axis): boolean => patchSize[axis] === 1;
  const angles: Xyz = mapAxes(axis => {
    const angle = (symmetric(source, rotateDegrees) * Math.PI) / 180;
    return AXES.some(other => other !== axis && isFlat(other)) ? 0 : angle;
  });
  const zoom: Xyz = mapAxes(axis => {
    const drawn = 1 + symmetric(source, scale);
    return isFlat(axis) ? 1 : drawn;
  });
  const sheared = Array.from({ length: 9 }, (_, index) => {
    const [row, column] = [Math.floor(index / 3) as Axis, (index % 3) as Axis];
    if (row === column) return 1;
    const drawn = symmetric(source, shear);
    return isFlat(row) || isFlat(column) ? 0 : drawn;
  });
  const inMm = multiply(multiply(rotation(angles), sheared), [zoom[0], 0, 0, 0, zoom[1], 0, 0, 0, zoom[2]]);
  return inMm.map((value, index) => (value * spacingMm[index % 3]!) / spacingMm[Math.floor(index / 3)]!);
}

/**
 * Displacements: normal, of a standard deviation uniform in 0 to elasticMm, cut off where the field might fold.
 */
function drawField(
  { elasticMm, elasticSpacingMm }: SynthesisSettings,
  { patchSize, spacingMm }: VariedPatch,
  source: Random,
): Deformation | undefined {
  if (elasticMm === 0) return undefined;
  const deviationMm = source.uniform() * elasticMm * SPLINE_GAIN;
  const mostMm = FOLDING_SHARE * elasticSpacingMm;
  const stepVoxels = mapAxes(axis => elasticSpacingMm / spacingMm[axis]);
  const points = mapAxes(axis => Math.floor((patchSize[axis] - 1) / stepVoxels[axis]) + 4);
  const count = points[0] * points[1] * points[2];
  const displacement = mapAxes(axis =>
    Float32Array.from({ length: count }, () => {
      const mm = Math.max(-mostMm, Math.min(mostMm, deviationMm * source.normal()));
      return patchSize[axis] === 1 ? 0 : mm / spacingMm[axis];
    }),
  );
  const reachVoxels = mapAxes(axis => displacement[axis].reduce((most, one) => Math.max(most, Math.abs(one)), 0));
  return { stepVoxels, points, displacement, reachVoxels };
}

/**
 * Draws where a patch comes from.
 * @param source advanced by a number of draws that depends on the size of the patch
 */
export function drawPlacement(settings: SynthesisSettings, patch: VariedPatch, source: Random): Augmentation {
  const isMirrored = source.uniform() < 0.5 && settings.flip;
  const matrix = drawMatrix(settings, patch, source);
  return {
    ...NO_AUGMENTATION,
    flip: [isMirrored, false, false],
    matrix,
    deformation: drawField(settings, patch, source),
  };
}
