/**
 * How long a training step will take, before anything runs: for every convolution the larger of what its multiply-adds and what its values
 * were measured to take (arithmetic binds wide layers, memory narrow ones). Good to about a third on the kind of processor that it
 * was measured on; a run tells the truth.
 */
import { elementCount, type Shape } from '../core/shape.ts';
import { GraphBuilder, isOp, reachable } from '../graph/graph.ts';
import type { Model } from '../training/step.ts';

/**
 * On two cores of an AMD EPYC, U-Nets 16-32-64 and 4-8-16 with batches of two 40x56x40 patches take 229 and 58 ms per step, and the frozen
 * forward pass of the first adds 70 ms to the second (README). These numbers give 231, 59 and 69.
 */
const MEASURED = { cores: 2, msPerGigaMultiplyAdd: 12, msPerMegaValue: 14, forwardShare: 0.3 } as const;

function trainingMs({ network }: Model, imageShape: Shape): number {
  const builder = new GraphBuilder();
  const logits = network(builder, builder.input('image', imageShape), {
    training: false,
    update: () => {},
    get: spec => builder.input(`parameter ${spec.name}`, spec.shape),
  });
  return reachable([logits])
    .filter(value => isOp(value, 'Conv'))
    .reduce((sum, { shape, inputs }) => {
      const values = elementCount(shape);
      const multiplyAdds = values * elementCount((inputs[1]?.shape ?? []).slice(1));
      const ms = [(multiplyAdds / 1e9) * MEASURED.msPerGigaMultiplyAdd, (values / 1e6) * MEASURED.msPerMegaValue];
      return sum + Math.max(...ms);
    }, 0);
}

/**
 * Estimates the time of a training step.
 * @param imageShape [N, C, D, H, W]
 * @param options.frozen a teacher whose forward pass is part of the step
 */
export function estimateStepMs(
  model: Model,
  imageShape: Shape,
  { frozen, cores }: { readonly frozen?: Model; readonly cores: number },
): number {
  const ofFrozen = frozen === undefined ? 0 : MEASURED.forwardShare * trainingMs(frozen, imageShape);
  return ((trainingMs(model, imageShape) + ofFrozen) * MEASURED.cores) / cores;
}
