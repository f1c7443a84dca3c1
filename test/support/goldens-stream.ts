/** The number stream that test/fixtures/make-unet-goldens.py documents, so that fixtures need not hold their inputs. */
import { elementCount, type Shape } from '../../src/core/shape.ts';
import type { ParameterSpec } from '../../src/nn/parameters.ts';

/** Numbers in [0, 1), each a multiple of 2^-24. */
export function goldensStream(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return Math.floor(state / 256) / 2 ** 24;
  };
}

/** Image values in [-1, 1). */
export function goldensImage(seed: number, shape: Shape): Float32Array {
  const next = goldensStream(seed);
  return Float32Array.from({ length: elementCount(shape) }, () => 2 * next() - 1);
}

/** Class indices below `classes`, as many as the image of this shape has voxels in all samples. */
export function goldensLabel(seed: number, imageShape: Shape, classes: number): Int32Array {
  const next = goldensStream(seed);
  return Int32Array.from({ length: elementCount(imageShape.with(1, 1)) }, () => Math.floor(classes * next()));
}

/** Generic parameters: no scale is 1 and no bias is 0; running variances stay positive. */
export function goldensTheta(seed: number, specs: readonly ParameterSpec[]): Float32Array {
  const next = goldensStream(seed);
  return Float32Array.from(
    specs.flatMap(({ name, shape, role }) => {
      const bound = role === 'kernel' ? Math.sqrt(6 / elementCount(shape.slice(1))) : 0.5;
      const centre = name.endsWith('.scale') || name.endsWith('.runningVariance') ? 1 : 0;
      return Array.from({ length: elementCount(shape) }, () => centre + (2 * next() - 1) * bound);
    }),
  );
}
