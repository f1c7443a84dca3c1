/** The memory of activations against sums by hand. */
import { expect, it } from 'vitest';
import { tensor } from '../../../src/core/tensor.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import { activationBytes } from '../../../src/onnx/estimate-foreign.ts';
import type { OnnxModel } from '../../../src/onnx/model.ts';
import { tinyModel } from '../../support/tiny-model.ts';

type Node = OnnxModel['nodes'][number];

function weights(name: string, shape: readonly number[]): OnnxModel['initializers'][number] {
  const count = shape.reduce((product, length) => product * length, 1);
  return { name, ...tensor('float32', new Float32Array(count), shape) };
}

function bytesOf(
  nodes: readonly Omit<Node, 'name'>[],
  initializers: OnnxModel['initializers'],
  window: readonly number[],
): number {
  const model = encodeModel({
    nodes: nodes.map((node, index) => ({ name: `n${index}`, ...node })),
    initializers: [...initializers],
    inputs: [{ name: 'x', dataType: 'float32', shape: ['N', 1, 'D', 'H', 'W'] }],
    outputs: [{ name: 'y', dataType: 'float32', shape: ['N', 'C', 'D', 'H', 'W'] }],
    metadata: {},
  });
  return activationBytes(model, { inputName: 'x', channels: 1, window });
}

const same = { pads: [1, 1, 1, 1, 1, 1] };

it('keeps two images of a chain at a time, whatever its length', () => {
  const nodes = [
    { op: 'Conv', inputs: ['x', 'w1'], outputs: ['a'], attributes: same },
    { op: 'Conv', inputs: ['a', 'w2'], outputs: ['b'], attributes: same },
    { op: 'Relu', inputs: ['b'], outputs: ['y'], attributes: {} },
  ];
  // 5 channels in, 5 channels out, of 8 x 8 x 8 float32
  const kernels = [weights('w1', [5, 1, 3, 3, 3]), weights('w2', [5, 5, 3, 3, 3])];
  expect(bytesOf(nodes, kernels, [8, 8, 8])).toBe(10 * 512 * 4);
});

it('keeps what is needed again until then, and knows strides, pooling and concatenation', () => {
  const nodes = [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['fine'], attributes: same },
    { op: 'MaxPool', inputs: ['fine'], outputs: ['half'], attributes: { kernel_shape: [2, 2, 2], strides: [2, 2, 2] } },
    { op: 'Resize', inputs: ['half', '', 'scales'], outputs: ['back'], attributes: {} },
    { op: 'Concat', inputs: ['fine', 'back'], outputs: ['y'], attributes: { axis: 1 } },
  ];
  const scales = { name: 'scales', ...tensor('float32', Float32Array.of(1, 1, 2, 2, 2), [5]) };
  // fine (4) + back (4) + both together (8), of 8 x 8 x 8
  expect(bytesOf(nodes, [weights('w', [4, 1, 3, 3, 3]), scales], [8, 8, 8])).toBe(16 * 512 * 4);
});

it('grows with the window of a whole network', () => {
  const bytes = (window: readonly number[]): number =>
    activationBytes(tinyModel(1), { inputName: 'image', channels: 1, window });
  expect(bytes([16, 24, 16]) / (16 * 24 * 16 * 4)).toBeGreaterThan(4);
  expect(bytes([32, 48, 32])).toBe(8 * bytes([16, 24, 16]));
});
