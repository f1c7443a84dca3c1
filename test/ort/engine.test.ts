/** ONNX Runtime behind the engine interface: values in and out, the probe, and errors with codes. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type DataType, type Tensor, tensor } from '../../src/core/tensor.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import type { Engine } from '../../src/runtime/engine.ts';

/** One node, named inputs of a fixed shape, one output `y`. */
function oneNode(op: string, inputs: Readonly<Record<string, DataType>>, output: DataType): Uint8Array {
  return encodeModel({
    nodes: [{ name: 'node', op, inputs: Object.keys(inputs), outputs: ['y'], attributes: {} }],
    initializers: [],
    inputs: Object.entries(inputs).map(([name, dataType]) => ({ name, dataType, shape: ['n'] })),
    outputs: [{ name: 'y', dataType: output, shape: ['n'] }],
    metadata: {},
  });
}

let engine: Engine;
beforeAll(async () => {
  engine = await createNodeEngine({ threads: 1 });
});

describe('createNodeEngine', () => {
  it('names the runtime with its version', () => {
    expect(engine.name).toMatch(/^onnxruntime-node \d+\.\d+\.\d+ cpu, (channel blocks of (8|16)|standard operators)$/);
  });

  it('finds a block of 8 or 16 channels on x64, where the blocked kernels exist', () => {
    if (process.arch === 'x64') expect([8, 16]).toContain(engine.block);
    else expect([0, 8, 16]).toContain(engine.block);
  });

  it('runs a model on feeds by name and gives results with shape and type', async () => {
    const session = await engine.load(oneNode('Sub', { a: 'float32', b: 'float32' }, 'float32'));
    expect(session.inputNames).toEqual(['a', 'b']);
    expect(session.outputNames).toEqual(['y']);
    const a = tensor('float32', Float32Array.of(5, 7), [2]);
    const b = tensor('float32', Float32Array.of(1, 2), [2]);
    const { y } = await session.run({ b, a }, ['y']);
    expect(y).toEqual({ dataType: 'float32', shape: [2], data: Float32Array.of(4, 5) });
    await session.dispose();
  });

  it.each([
    tensor('int32', Int32Array.of(-3), [1]),
    tensor('int64', BigInt64Array.of(-(2n ** 40n)), [1]),
    tensor('bool', Uint8Array.of(1), [1]),
    tensor('uint8', Uint8Array.of(200), [1]),
    tensor('float32', Float32Array.of(0.5), [1]),
  ] satisfies Tensor[])('carries $dataType through unchanged', async value => {
    const session = await engine.load(oneNode('Identity', { x: value.dataType }, value.dataType));
    expect((await session.run({ x: value })).y).toEqual(value);
    await session.dispose();
  });

  it('reads feeds that are a part of a larger array', async () => {
    const session = await engine.load(oneNode('Identity', { x: 'float32' }, 'float32'));
    const part = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    expect((await session.run({ x: tensor('float32', part, [2]) })).y?.data).toEqual(Float32Array.of(2, 3));
    await session.dispose();
  });

  it('refuses bytes that are no model', async () => {
    await expect(engine.load(new TextEncoder().encode('not a model'))).rejects.toMatchObject({
      code: 'E_MODEL_LOAD',
      exitCode: 2,
      message: expect.stringContaining('11 bytes'),
    });
  });

  it('reports a run that fails as failed work', async () => {
    const session = await engine.load(oneNode('Sub', { a: 'float32', b: 'float32' }, 'float32'));
    const a = tensor('float32', new Float32Array(2), [2]);
    const b = tensor('float32', new Float32Array(3), [3]);
    await expect(session.run({ a, b })).rejects.toMatchObject({ code: 'E_MODEL_RUN', exitCode: 1 });
    await session.dispose();
  });
});
