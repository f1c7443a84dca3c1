/** One training, three ways to run it: plain and blocked operators on Node, plain operators as WebAssembly. */
import { beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { createWebEngine } from '../../src/platform/web/index.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { goldensImage, goldensLabel, goldensTheta } from '../support/goldens-stream.ts';
import { HARD_LOSS, plainAdam, runSteps, type StepOutcome, smallUnet } from '../support/training-steps.ts';

const imageShape = [1, 1, 16, 16, 16];
const STEPS = 20;

let node: Engine;
let web: Engine;
beforeAll(async () => {
  node = await createNodeEngine({ threads: 1 });
  web = await createWebEngine({ threads: 2 });
});

function trained(engine: Engine, block: number): Promise<readonly StepOutcome[]> {
  const student = smallUnet([4, 8, 16]);
  const options = {
    student,
    imageShape,
    hardLoss: HARD_LOSS,
    optimizer: plainAdam(),
    regularization: { l1: 0, l2: 0 },
    clipNorm: null,
  };
  return runSteps(engine, options, {
    block,
    steps: STEPS,
    theta: goldensTheta(1, student.specs),
    // no activation of this image lies within rounding of the kink of leaky ReLU, where one voxel's gradient would
    // differ a hundredfold
    image: goldensImage(5, imageShape),
    label: goldensLabel(4, imageShape, 3),
    hyper: { learningRate: 0.001 },
  });
}

const totals = (outcomes: readonly StepOutcome[]): number[] => outcomes.map(({ losses }) => losses['total']!);

describe('the lowerings', () => {
  it('train alike, step by step, on Node and as WebAssembly', async () => {
    const reference = totals(await trained(node, 0));
    const others = { blocked: totals(await trained(node, node.block)), web: totals(await trained(web, 0)) };
    expect(reference).toHaveLength(STEPS);
    expect(reference.at(-1)).toBeLessThan(0.9 * reference[0]!);
    for (const [name, losses] of Object.entries(others)) {
      for (const [step, loss] of losses.entries()) {
        expect(Math.abs(loss / reference[step]! - 1), `${name}, step ${step + 1}`).toBeLessThan(1e-4);
      }
    }
  });
});

describe('createWebEngine', () => {
  it('names the runtime with its version and asks for standard operators', () => {
    expect(web.name).toMatch(/^onnxruntime-web \d+\.\d+\.\d+ wasm$/);
    expect(web.block).toBe(0);
  });

  it('refuses bytes that are no model', async () => {
    await expect(web.load(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'E_MODEL_LOAD', exitCode: 2 });
  });

  it('carries shape and type of what goes in and comes out, and reports a run that fails as failed work', async () => {
    const session = await web.load(
      encodeModel({
        nodes: [{ name: 'node', op: 'Sub', inputs: ['a', 'b'], outputs: ['y'], attributes: {} }],
        initializers: [],
        inputs: ['a', 'b'].map(name => ({ name, dataType: 'int32', shape: ['n'] })),
        outputs: [{ name: 'y', dataType: 'int32', shape: ['n'] }],
        metadata: {},
      }),
    );
    const a = tensor('int32', Int32Array.of(5, 7), [2]);
    expect(await session.run({ a, b: tensor('int32', Int32Array.of(1, 2), [2]) })).toEqual({
      y: { dataType: 'int32', shape: [2], data: Int32Array.of(4, 5) },
    });
    const b = tensor('int32', new Int32Array(3), [3]);
    await expect(session.run({ a, b })).rejects.toMatchObject({ code: 'E_MODEL_RUN', exitCode: 1 });
    await session.dispose();
  });
});
