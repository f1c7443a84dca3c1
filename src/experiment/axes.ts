/**
 * Models whose spatial axes run x, y, z ([N, C, X, Y, Z], as nibabel arrays have them) behind the order that everything else uses,
 * [N, C, D = z, H = y, W = x]. Costs a copy on the way in and one on the way out.
 */
import { InputError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';

/** Reverses the three spatial axes of a float tensor of rank 5. */
function reverseSpatialAxes(value: Tensor): Tensor {
  const [n, c, a, b, d, ...more] = value.shape;
  if (!(value.data instanceof Float32Array) || d === undefined || more.length > 0) {
    const got = `${value.dataType} ${formatShape(value.shape)}`;
    throw new InputError('E_MODEL_OUTPUT', `a model with axes NCXYZ must take and give float32 of rank 5, got ${got}`);
  }
  const reversed = new Float32Array(value.data.length);
  const outer = n! * c!;
  let from = 0;
  for (let volume = 0; volume < outer; volume++) {
    const base = volume * a! * b! * d;
    for (let i = 0; i < a!; i++) {
      for (let j = 0; j < b!; j++) {
        for (let k = 0; k < d; k++) reversed[base + (k * b! + j) * a! + i] = value.data[from++]!;
      }
    }
  }
  return tensor('float32', reversed, [n!, c!, d, b!, a!]);
}

/** The session of an NCXYZ model as one of an NCZYX model; disposing it disposes the model. */
export function asZyxSession(session: Session): Session {
  const convert = (values: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, reverseSpatialAxes(value)]));
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (feeds, outputs) => convert(await session.run(convert(feeds), outputs)),
    dispose: () => session.dispose(),
  };
}
