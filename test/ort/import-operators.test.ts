/**
 * Operators as exporters write them, read back as graphs: the same values as ONNX Runtime gives for the file, by plain
 * and by blocked kernels.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Shape } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { decompose } from '../../src/graph/decompose.ts';
import { fuse } from '../../src/graph/fuse.ts';
import { GraphBuilder } from '../../src/graph/graph.ts';
import { cancelTransposes } from '../../src/graph/transposes.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { importModel } from '../../src/onnx/import.ts';
import { lower } from '../../src/onnx/lower.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { goldensImage } from '../support/goldens-stream.ts';

const engine = await createNodeEngine({ threads: 1 });
const FOLDER = new URL('../fixtures/import-operators/', import.meta.url);
const SHAPE: Shape = [2, 2, 4, 6, 8];
/** Where a model rounds to float16 inside, the graph does not. */
const TOLERANCES: Readonly<Record<string, number>> = { 'half-inside': 1e-3 };

async function run(bytes: Uint8Array): Promise<{ readonly shape: Shape; readonly data: Float32Array }> {
  const session = await engine.load(bytes);
  const { y } = await session.run({ x: tensor('float32', goldensImage(3, SHAPE), SHAPE) }, ['y']);
  await session.dispose();
  return y as { shape: Shape; data: Float32Array };
}

describe.each(readdirSync(FOLDER).map(name => name.replace('.onnx', '')))('%s', name => {
  it('says the same as a graph', async () => {
    const bytes = new Uint8Array(readFileSync(new URL(`${name}.onnx`, FOLDER)));
    const graph = importModel(decodeModel(bytes, name), { input: { name: 'x', shape: SHAPE }, outputs: ['y'] });
    if ('unsupported' in graph) throw new Error(graph.unsupported);
    const expected = await run(bytes);
    const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (const block of new Set([0, engine.block])) {
      const spelledOut = decompose(
        new GraphBuilder(),
        fuse(new GraphBuilder(), cancelTransposes(new GraphBuilder(), graph)),
      );
      const form = encodeModel(lower(block === 0 ? graph : spelledOut, { block }));
      const { shape, data } = await run(form);
      expect(shape).toEqual(expected.shape);
      const worst = data.reduce((most, value, index) => Math.max(most, Math.abs(value - expected.data[index]!)), 0);
      expect(worst / largest, `block ${block}`).toBeLessThan(TOLERANCES[name] ?? 1e-5);
    }
  });
});
