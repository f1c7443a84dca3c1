/**
 * The common part of results if valid padding leaves only the middle of the patch: every result has the patch's centre,
 * so the smaller of two is the middle of the other. Inner features have no such position, so terms that compare
 * them need whole results.
 */
import { mapAxes } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { formatShape, type Shape, sameShape, type Triple } from '../core/shape.ts';
import { LOGITS } from '../distillation/context.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { cropCentre } from '../nn/resize.ts';

/** The spatial size that two images [N, C, D, H, W] both cover. */
export function commonSize(left: Shape, right: Shape): Triple {
  const [own, other] = [spatial(left), spatial(right)];
  return mapAxes(axis => Math.min(own[axis], other[axis]));
}

/** The layers with the logits cropped to a size. */
export function croppedLogits(
  builder: GraphBuilder,
  layers: ReadonlyMap<string, Value>,
  size: Triple,
): ReadonlyMap<string, Value> {
  return new Map([...layers, [LOGITS, cropCentre(builder, layers.get(LOGITS) as Value, size)]]);
}

/**
 * Checks that a network whose features are compared covers the whole patch.
 * @throws {InputError} E_DISTILL
 */
export function assertWholePatch(what: 'student' | 'teacher', logits: Shape, image: Shape): void {
  if (sameShape(spatial(logits), spatial(image))) return;
  throw new InputError(
    'E_DISTILL',
    `features cannot be compared, since the ${what} covers only ${formatShape(spatial(logits))} of a patch of ` +
      `${formatShape(spatial(image))} voxels (z, y, x). Use padding: same, or methods that compare logits`,
  );
}
