/**
 * The number stream that test/fixtures/make-unet-goldens.py documents, so that fixtures need not hold their inputs, and
 * its summaries of tensors, so that they need not hold their results.
 */
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

/** What goldens say of a tensor. */
export interface Summary {
  readonly norm: number;
  readonly checksum: number;
  readonly entries: readonly number[];
}

/** The summary that test/fixtures/make-unet-goldens.py documents. */
function summarize(values: Float32Array): Summary {
  const next = goldensStream(9);
  const count = values.length;
  return {
    norm: Math.hypot(...values),
    checksum: values.reduce((sum, value) => sum + value * (2 * next() - 1), 0),
    entries: [0, Math.floor(count / 2), count - 1].map(index => values[index]!),
  };
}

/**
 * What is wrong with a tensor: nothing where norm and checksum agree within `tolerance` of the norm, and the entries
 * within four times that of the root mean square. Float32 leaves about 2e-6 in logits and gradients.
 */
export function differences(name: string, values: Float32Array, expected: Summary, tolerance: number): string[] {
  const { norm, checksum, entries } = summarize(values);
  const typical = expected.norm / Math.sqrt(values.length);
  return [
    { what: 'norm', error: Math.abs(norm - expected.norm) / expected.norm, limit: tolerance },
    { what: 'checksum', error: Math.abs(checksum - expected.checksum) / expected.norm, limit: tolerance },
    ...entries.map((entry, index) => ({
      what: `entry ${index}`,
      error: Math.abs(entry - expected.entries[index]!) / typical,
      limit: 4 * tolerance,
    })),
  ]
    .filter(({ error, limit }) => !(error <= limit))
    .map(({ what, error }) => `${name}: ${what} is off by ${error.toExponential(1)}`);
}
