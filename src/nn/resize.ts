/** Layers that change the grid: pooling, the three upsamplings, and the central crop that brings two paths together. */
import { AXES, type Axis, mapAxes } from '../core/axes.ts';
import { invariant } from '../core/errors.ts';
import { elementCount, range, type Triple } from '../core/shape.ts';
import { NO_PADS } from '../graph/convolution.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { perChannel } from '../graph/moments.ts';
import type { Padding } from './geometry.ts';
import { type LayerContext, vector } from './layers.ts';

export type Pooling = 'max' | 'average';

/**
 * `copy`: nearest; `linear`: interpolation along each axis; `conv`: a transposed convolution whose kernel is the
 * factor.
 */
export type Upsampling = 'copy' | 'linear' | 'conv';

const isWhole = (factors: Triple): boolean => factors.every(factor => factor === 1);

/** Pooling by whole factors, which divide the size. */
export function pool(builder: GraphBuilder, input: Value, factors: Triple, kind: Pooling): Value {
  if (isWhole(factors)) return input;
  return builder.apply(kind === 'max' ? 'MaxPool' : 'AveragePool', [input], { kernel: factors });
}

/**
 * Number of voxels that linear upsampling drops at either end under valid padding: those without a neighbour on one
 * side.
 */
function linearBorder(factor: number, padding: Padding): number {
  return padding === 'same' ? 0 : Math.floor(factor / 2);
}

/** Length of an upsampled axis: factor * length, less the border of linear upsampling under valid padding. */
export function upsampledLength(length: number, factor: number, kind: Upsampling, padding: Padding): number {
  return factor * length - (kind === 'linear' ? 2 * linearBorder(factor, padding) : 0);
}

/**
 * Weights of linear interpolation as a matrix [results, length]. Fine voxel k lies at (k + 1/2) / factor - 1/2 on the
 * coarse axis; beyond the outermost centres the value of the edge voxel is used.
 */
function interpolation(length: number, factor: number, border: number): readonly (readonly number[])[] {
  return range(factor * length - 2 * border).map(row => {
    const place = Math.min(length - 1, Math.max(0, (row + border + 0.5) / factor - 0.5));
    const low = Math.min(length - 1, Math.floor(place));
    return range(length).map(column => {
      if (column === low) return 1 - (place - low);
      return column === low + 1 ? place - low : 0;
    });
  });
}

/** Applies a matrix [results, length] along one spatial axis. */
export function alongAxis(
  builder: GraphBuilder,
  input: Value,
  axis: Axis,
  matrix: readonly (readonly number[])[],
): Value {
  const [batch, channels, depth, height, width] = input.shape as readonly [number, number, number, number, number];
  const [rows, columns] = [matrix.length, (matrix[0] as readonly number[]).length];
  if (axis === 2) {
    const transposed = builder.float(
      range(columns).flatMap(column => matrix.map(row => row[column] as number)),
      [columns, rows],
    );
    return builder.apply('MatMul', [input, transposed], {});
  }
  const weights = builder.float(matrix.flat(), [rows, columns]);
  if (axis === 1) return builder.apply('MatMul', [weights, input], {});
  const planes = builder.reshape(input, [batch, channels, depth, height * width]);
  const result = builder.apply('MatMul', [weights, planes], {});
  return builder.reshape(result, [batch, channels, rows, height, width]);
}

/** Interpolation by whole factors, axis by axis. */
export function linearUpsampling(
  builder: GraphBuilder,
  input: Value,
  { factors, padding }: { readonly factors: Triple; readonly padding: Padding },
): Value {
  return AXES.reduce((value, axis) => {
    const factor = factors[axis];
    if (factor === 1) return value;
    const length = spatial(value.shape)[axis];
    return alongAxis(builder, value, axis, interpolation(length, factor, linearBorder(factor, padding)));
  }, input);
}

/** Upsampling by whole factors. */
export function upsample(
  context: LayerContext,
  input: Value,
  options: { readonly factors: Triple; readonly kind: Upsampling; readonly padding: Padding },
): Value {
  const { builder } = context;
  const { factors, kind, padding } = options;
  if (isWhole(factors)) return input;
  switch (kind) {
    case 'copy':
      return builder.apply('Resize', [input], { scales: factors });
    case 'linear':
      return linearUpsampling(builder, input, { factors, padding });
    case 'conv':
      // each result meets one tap, so the variance is 1 / Ci; the table divides by the shape without its first axis
      return transposedConv(context, input, {
        channels: input.shape[1] as number,
        factors,
        gain: elementCount(factors),
      });
    default:
      return kind satisfies never;
  }
}

/**
 * Turns every voxel into a block of voxels by a learned kernel [Ci, Co, factors], the stride of which is its size, and
 * a bias.
 * @param options.gain variance of the initial kernel times Co times the voxels of a block
 */
export function transposedConv(
  context: LayerContext,
  input: Value,
  options: { readonly channels: number; readonly factors: Triple; readonly gain: number },
): Value {
  const { builder, parameters, name } = context;
  const { channels, factors, gain } = options;
  const weight = parameters.get({
    name: `${name}.weight`,
    shape: [input.shape[1] as number, channels, ...factors],
    initializer: { kind: 'normal', gain },
    role: 'kernel',
  });
  const from = spatial(input.shape);
  const size = mapAxes(axis => from[axis] * factors[axis]);
  const result = builder.apply('ConvTranspose', [input, weight], {
    kernel: factors,
    strides: factors,
    dilations: [1, 1, 1],
    pads: NO_PADS,
    group: 1,
    upsample: [1, 1, 1],
    size,
  });
  return builder.add(result, perChannel(builder, vector(context, 'bias', channels, 0)));
}

/**
 * Mean of neighbouring voxels along the axes where `odd` holds: shifts the grid by half a voxel and shortens it by one
 * voxel.
 */
export function shiftHalf(builder: GraphBuilder, input: Value, odd: readonly boolean[]): Value {
  return AXES.reduce((value, axis) => {
    if (odd[axis] !== true) return value;
    const length = spatial(value.shape)[axis];
    const [left, right] = [builder.slice(value, axis + 2, 0, length - 1), builder.slice(value, axis + 2, 1, length)];
    return builder.mul(builder.add(left, right), 0.5);
  }, input);
}

/**
 * The central crop of an image [N, C, D, H, W]; its size must differ from the image's by an even number on every axis.
 */
export function cropCentre(builder: GraphBuilder, input: Value, size: Triple): Value {
  return AXES.reduce((value, axis) => {
    const surplus = spatial(input.shape)[axis] - size[axis];
    invariant(surplus >= 0 && surplus % 2 === 0, `a central crop of [${input.shape}] to ${size}`);
    return builder.slice(value, axis + 2, surplus / 2, surplus / 2 + size[axis]);
  }, input);
}
