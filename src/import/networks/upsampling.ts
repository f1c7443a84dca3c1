/**
 * Linear upsampling by whole factors, as PyTorch has it: between the centres of voxels, or so that the corners stay
 * where they are.
 */

import { AXES } from '../../core/axes.ts';
import { range, type Triple } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';
import { alongAxis } from '../../nn/resize.ts';

/**
 * What stays in place: voxel centres lie at (i + 1/2) / factor - 1/2, or the outermost centres on each other
 * (align_corners).
 */
export type Alignment = 'centres' | 'corners';

/** Where each fine voxel lies on the coarse axis. */
function placeOf(fine: number, length: number, factor: number, alignment: Alignment): number {
  if (alignment === 'corners') return length === 1 ? 0 : (fine * (length - 1)) / (factor * length - 1);
  return Math.min(length - 1, Math.max(0, (fine + 0.5) / factor - 0.5));
}

/** Interpolates along every axis whose factor is not 1. */
export function interpolateLinear(builder: GraphBuilder, input: Value, factors: Triple, alignment: Alignment): Value {
  return AXES.reduce((value, axis) => {
    const factor = factors[axis];
    if (factor === 1) return value;
    const length = spatial(value.shape)[axis];
    const matrix = range(factor * length).map(fine => {
      const place = placeOf(fine, length, factor, alignment);
      const low = Math.min(length - 1, Math.floor(place));
      return range(length).map(coarse => (coarse === low ? 1 - (place - low) : coarse === low + 1 ? place - low : 0));
    });
    return alongAxis(builder, value, axis, matrix);
  }, input);
}
