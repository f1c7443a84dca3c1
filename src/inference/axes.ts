/**
 * Models whose axes run otherwise than everything else here has them, [N, C, D = z, H = y, W = x], behind that order:
 * x, y, z as nibabel has arrays, channels last as Keras has them, without an axis of samples or channels, or of single
 * planes. An axis that is not there has size 1. What comes out is float32, whatever the model gives. Costs a copy on
 * the way in and one on the way out.
 */
import { InputError } from '../core/errors.ts';
import { elementCount, formatShape, type Shape } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';

/**
 * The orders that a model's input may have: of volumes, without samples, without channels, without both, and of planes.
 */
export const AXIS_ORDERS = [
  'NCZYX',
  'NCXYZ',
  'NZYXC',
  'NXYZC',
  'CZYX',
  'CXYZ',
  'ZYXC',
  'XYZC',
  'NZYX',
  'NXYZ',
  'ZYX',
  'XYZ',
  'NCYX',
  'NCXY',
  'NYXC',
  'NXYC',
] as const;
export type Axes = (typeof AXIS_ORDERS)[number];

const STANDARD = 'NCZYX';

/**
 * The order of a tensor of so many axes in a model whose input has this order: one that has a channel axis more or
 * less, or the same.
 */
function orderOf(rank: number, axes: Axes): string | undefined {
  if (rank === axes.length) return axes;
  if (rank === axes.length - 1 && axes.includes('C')) return axes.replace('C', '');
  if (rank === axes.length + 1 && !axes.includes('C')) return axes.startsWith('N') ? `NC${axes.slice(1)}` : `C${axes}`;
  return undefined;
}

/**
 * A shape in the model's order as [N, C, D, H, W], 1 for an axis that it lacks; undefined where it has not the axes.
 */
export function standardShape<T>(shape: readonly T[], axes: Axes): readonly (T | 1)[] | undefined {
  const order = orderOf(shape.length, axes);
  return order === undefined ? undefined : [...STANDARD].map(axis => shape[order.indexOf(axis)] ?? 1);
}

/** A shape [N, C, D, H, W] as a model with these axes takes it. */
export function modelShape(shape: Shape, axes: Axes): Shape {
  return [...axes].map(axis => shape[STANDARD.indexOf(axis)] ?? 1);
}

/** The order in which x and z have changed places. */
export function reversedAxes(axes: Axes): Axes {
  const space = [...axes].filter(axis => 'XYZ'.includes(axis)).reverse();
  return [...axes].map(axis => ('XYZ'.includes(axis) ? space.shift() : axis)).join('') as Axes;
}

/** The values in another order of their axes: axis i of the result is axis places[i] of the value. */
function permuted(data: ArrayLike<number | bigint>, shape: Shape, places: readonly number[]): Float32Array {
  const sizes = places.map(place => shape[place] ?? 1);
  const strides = places.map(place => (place < 0 ? 0 : elementCount(shape.slice(place + 1))));
  const result = new Float32Array(data.length);
  const [n = 1, c = 1, d = 1, h = 1, w = 1] = sizes;
  const [stepN = 0, stepC = 0, stepD = 0, stepH = 0, stepW = 0] = strides;
  let to = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < c; j++) {
      for (let z = 0; z < d; z++) {
        for (let y = 0; y < h; y++) {
          let from = i * stepN + j * stepC + z * stepD + y * stepH;
          for (let x = 0; x < w; x++, from += stepW) result[to++] = Number(data[from]);
        }
      }
    }
  }
  return result;
}

/** A tensor [N, C, D, H, W] as the model takes it. */
function toModel(value: Tensor, axes: Axes): Tensor {
  const shape = modelShape(value.shape, axes);
  if (value.shape.length !== STANDARD.length || elementCount(shape) !== value.data.length) {
    throw new InputError(
      'E_MODEL_INPUT',
      `a model with axes ${axes} cannot take ${formatShape(value.shape)} (samples, channels, depth, height, width): an axis that it ` +
        'lacks must have size 1.',
    );
  }
  const places = [...axes].map(axis => STANDARD.indexOf(axis));
  while (places.length < STANDARD.length) places.push(-1);
  return tensor('float32', permuted(value.data, value.shape, places), shape);
}

/** What the model gives as float32 [N, C, D, H, W]. */
function fromModel(name: string, value: Tensor, axes: Axes): Tensor {
  const order = orderOf(value.shape.length, axes);
  if (order === undefined) {
    throw new InputError(
      'E_MODEL_OUTPUT',
      `a model with axes ${axes} must give these axes, with or without the channels, but its "${name}" is ${value.dataType} ` +
        `${formatShape(value.shape)}`,
    );
  }
  if (order === STANDARD && value.data instanceof Float32Array) return value;
  const places = [...STANDARD].map(axis => order.indexOf(axis));
  const shape = places.map(place => value.shape[place] ?? 1);
  return tensor('float32', permuted(value.data, value.shape, places), shape);
}

/**
 * The session of a model as one that takes and gives [N, C, D, H, W]; disposing it disposes the model.
 * @param axes of the model's input
 */
export function withStandardAxes(session: Session, axes: Axes): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (feeds, outputs) => {
      const given = Object.entries(feeds).map(([name, value]) => [
        name,
        axes === STANDARD ? value : toModel(value, axes),
      ]);
      const results = Object.entries(await session.run(Object.fromEntries(given), outputs));
      // an inner tensor that a feature method asks for may have any shape
      const isInner = (name: string): boolean => axes === STANDARD && !session.outputNames.includes(name);
      return Object.fromEntries(
        results.map(([name, value]) => [name, isInner(name) ? value : fromModel(name, value, axes)]),
      );
    },
    dispose: () => session.dispose(),
  };
}
