/** Changes of the gradient before the optimizer uses it: clipping and penalties. */
import type { GraphBuilder, Value } from '../graph/graph.ts';

/** Euclidean norm of a flat gradient, scalar. */
export function gradientNorm(builder: GraphBuilder, gradient: Value): Value {
  return builder.sqrt(builder.total(builder.mul(gradient, gradient)));
}

/**
 * Scales the gradient down so that its norm is at most `maximum`: g min(1, maximum / (norm + 1e-6)), as PyTorch does.
 */
export function clipByNorm(builder: GraphBuilder, gradient: Value, norm: Value, maximum: number): Value {
  return builder.mul(gradient, builder.min(builder.div(maximum, builder.add(norm, 1e-6)), 1));
}

/**
 * Adds the gradient of l1 sum |w| + l2 sum w^2 over the kernels (Keras' convention, without a factor 1/2).
 * @param mask 1 at kernel entries of the flat vector, 0 elsewhere
 */
export function addRegularization(
  builder: GraphBuilder,
  gradient: Value,
  options: { readonly theta: Value; readonly mask: Float32Array; readonly l1: number; readonly l2: number },
): Value {
  const { theta, mask, l1, l2 } = options;
  if (l1 === 0 && l2 === 0) return gradient;
  const kernels = builder.mul(theta, builder.constant({ dataType: 'float32', shape: theta.shape, data: mask }));
  let sum = gradient;
  if (l1 !== 0) sum = builder.add(sum, builder.mul(builder.apply('Sign', [kernels], {}), l1));
  if (l2 !== 0) sum = builder.add(sum, builder.mul(kernels, 2 * l2));
  return sum;
}
