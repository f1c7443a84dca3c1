/** Weights in half precision: what is rounded, what stays, and that the graph finds it under its old name. */
import { expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { elementCount, type Shape } from '../../../src/core/shape.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { reachable } from '../../../src/graph/graph.ts';
import { decodeModel } from '../../../src/onnx/decode.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import { halfForm } from '../../../src/onnx/half-form.ts';
import { importModel } from '../../../src/onnx/import.ts';
import { tensorContent } from '../../../src/onnx/tensor-content.ts';

const source = random('half');
const values = (shape: Shape, size = 1): Float32Array =>
  Float32Array.from({ length: elementCount(shape) }, () => size * source.normal());

function model(kernel: Float32Array): Uint8Array {
  const shape = [8, 1, 3, 3, 3];
  const bias = tensor(
    'float32',
    Float32Array.from({ length: 8 }, (_, c) => c / 3),
    [8],
  );
  return encodeModel({
    nodes: [
      {
        name: 'conv',
        op: 'Conv',
        inputs: ['x', 'w', 'b'],
        outputs: ['y'],
        attributes: { kernel_shape: [3, 3, 3], pads: [1, 1, 1, 1, 1, 1] },
      },
    ],
    initializers: [
      { name: 'w', ...tensor('float32', kernel, shape) },
      { name: 'b', ...bias },
    ],
    inputs: [{ name: 'x', dataType: 'float32', shape: ['N', 1, 4, 4, 4] }],
    outputs: [{ name: 'y', dataType: 'float32', shape: ['N', 8, 4, 4, 4] }],
    metadata: { note: 'stays' },
  });
}

it('rounds large tensors to 11 significant bits and leaves small ones', () => {
  const kernel = values([8, 1, 3, 3, 3]);
  const whole = model(kernel);
  const { bytes, tensors } = halfForm(whole);
  expect(tensors).toBe(1);
  const decoded = decodeModel(bytes, 'half');
  expect(decoded.initializers.map(({ name, elementType }) => [name, elementType])).toEqual([
    ['w.float16', 10],
    ['b', 1],
  ]);
  expect(decoded.nodes.map(({ op, inputs, outputs }) => [op, inputs[0], outputs[0]])).toEqual([
    ['Cast', 'w.float16', 'w'],
    ['Conv', 'x', 'y'],
  ]);
  expect(decoded.metadata).toEqual({ note: 'stays' });
  const stored = tensorContent(decoded.initializers[0]!)!;
  expect(stored.shape).toEqual([8, 1, 3, 3, 3]);
  const errors = Array.from(
    kernel,
    (value, index) => Math.abs(stored.data[index]! - value) - Math.abs(value) * 2 ** -11,
  );
  expect(Math.max(...errors)).toBeLessThanOrEqual(2 ** -25);
  expect(Array.from(stored.data)).not.toEqual(Array.from(kernel));
  expect(whole.length - bytes.length).toBeGreaterThan(2 * kernel.length - 150);
});

it('can be read as a graph, as the models that are recompiled are', () => {
  const { bytes } = halfForm(model(values([8, 1, 3, 3, 3])));
  const graph = importModel(decodeModel(bytes, 'half'), {
    input: { name: 'x', shape: [1, 1, 4, 4, 4] },
    outputs: ['y'],
  });
  if ('unsupported' in graph) throw new Error(graph.unsupported);
  const ops = reachable(Object.values(graph.outputs)).map(({ op }) => op);
  expect(ops).toContain('Conv');
  expect(ops).not.toContain('Cast');
});

it('leaves a tensor with a number that half precision does not have', () => {
  const kernel = values([8, 1, 3, 3, 3]);
  kernel[5] = 1e5;
  const whole = model(kernel);
  expect(halfForm(whole)).toEqual({ bytes: whole, tensors: 0 });
});
