/**
 * Adapts models with another order of axes to the order of this library, [N, C, D = z, H = y, W = x]. Other orders are
 * x, y, z as in nibabel's arrays, channels last as in Keras, or both. The adapter copies the input and the output once
 * each.
 */
import { InputError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';

/** The supported orders of the axes of a model's input and output. */
export const AXES = ['NCZYX', 'NCXYZ', 'NZYXC', 'NXYZC'] as const;
export type Axes = (typeof AXES)[number];

const STANDARD = 'NCZYX';

/** Position of each axis of one order in another. */
function placesIn(order: string, axes: string): number[] {
  return [...axes].map(axis => order.indexOf(axis));
}

/** A shape in the model's order, converted to [N, C, D, H, W]; undefined if it does not have five axes. */
export function standardShape<T>(shape: readonly T[], axes: Axes): readonly [T, T, T, T, T] | undefined {
  if (shape.length !== STANDARD.length) return undefined;
  return placesIn(axes, STANDARD).map(place => shape[place]) as unknown as [T, T, T, T, T];
}

/** Axis i of the result is axis order[i] of the value. */
function transpose(value: Tensor, order: readonly number[], axes: Axes): Tensor {
  if (!(value.data instanceof Float32Array) || value.shape.length !== order.length) {
    const got = `${value.dataType} ${formatShape(value.shape)}`;
    throw new InputError(
      'E_MODEL_OUTPUT',
      `a model with axes ${axes} must have a float32 input and output of rank 5, got ${got}`,
    );
  }
  const shape = order.map(axis => value.shape[axis]!);
  const strides = order.map(axis => value.shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const result = new Float32Array(value.data.length);
  const [n, c, d, h, w] = shape as [number, number, number, number, number];
  const [stepN, stepC, stepD, stepH, stepW] = strides as [number, number, number, number, number];
  let to = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < c; j++) {
      for (let z = 0; z < d; z++) {
        for (let y = 0; y < h; y++) {
          let from = i * stepN + j * stepC + z * stepD + y * stepH;
          for (let x = 0; x < w; x++, from += stepW) result[to++] = value.data[from]!;
        }
      }
    }
  }
  return tensor('float32', result, shape);
}

/** Wraps the session of a model so that its input and output are [N, C, D, H, W]; disposing it disposes the model. */
export function withStandardAxes(session: Session, axes: Axes): Session {
  if (axes === STANDARD) return session;
  const convert = (values: Readonly<Record<string, Tensor>>, order: readonly number[]): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, transpose(value, order, axes)]));
  const [toModel, fromModel] = [placesIn(STANDARD, axes), placesIn(axes, STANDARD)];
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (feeds, outputs) => convert(await session.run(convert(feeds, toModel), outputs), fromModel),
    dispose: () => session.dispose(),
  };
}
