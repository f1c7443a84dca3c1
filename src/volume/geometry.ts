/** Checks the affine of a volume: right angles between its axes, and axis lengths that equal the spacing. */

import { AXIS_NAMES } from '../core/axes.ts';
import type { WarningCode } from '../core/errors.ts';
import { sixDigits } from '../core/format.ts';
import type { Affine, Xyz } from './volume.ts';

/** A warning about a file that a user should know before relying on a result; the file is read nevertheless. */
export interface VolumeWarning {
  readonly code: WarningCode;
  readonly message: string;
}

/** Cosine of the angle between two axes that still counts as a right angle; scanners write six digits. */
const RIGHT_ANGLE_TOLERANCE = 1e-3;
/** Largest relative difference between spacing and axis length that counts as rounding. */
const SPACING_TOLERANCE = 1e-3;

/** Column of an axis: its step in the world per voxel. */
function axisStep(affine: Affine, axis: number): Xyz {
  return [affine[axis] ?? 0, affine[4 + axis] ?? 0, affine[8 + axis] ?? 0];
}

function dot(left: Xyz, right: Xyz): number {
  return left[0] * right[0] + left[1] * right[1] + left[2] * right[2];
}

/**
 * Warns if a grid violates the assumptions of processing. Labels still go back to the exact grid of their input.
 * @param path for messages
 */
export function geometryWarnings(
  { affine, spacingMm }: { readonly affine: Affine; readonly spacingMm: Xyz },
  path: string,
): readonly VolumeWarning[] {
  const steps = [0, 1, 2].map(axis => axisStep(affine, axis));
  const lengths = steps.map(step => Math.sqrt(dot(step, step)));
  const warnings: VolumeWarning[] = [];
  const pairs = [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const;
  for (const [left, right] of pairs) {
    const cosine = dot(steps[left]!, steps[right]!) / (lengths[left]! * lengths[right]!);
    if (Math.abs(cosine) <= RIGHT_ANGLE_TOLERANCE) continue;
    const degrees = (Math.acos(Math.min(1, Math.abs(cosine))) * 180) / Math.PI;
    warnings.push({
      code: 'W_AXES_SHEARED',
      message:
        `${path}: the axes ${AXIS_NAMES[left]} and ${AXIS_NAMES[right]} meet at ${degrees.toFixed(1)} degrees; distances are measured as if ` +
        'the angle were 90 degrees. Resample the volume to right angles if distances matter.',
    });
  }
  const differs = lengths.some((length, axis) => Math.abs(length / spacingMm[axis]! - 1) > SPACING_TOLERANCE);
  if (differs) {
    const shown = lengths.map(sixDigits).join(' x ');
    warnings.push({
      code: 'W_SPACING_AFFINE',
      message: `${path}: the header gives a spacing of ${spacingMm.join(' x ')} mm, but its affine ${shown} mm; the spacing is used. Correct the header.`,
    });
  }
  return warnings;
}
