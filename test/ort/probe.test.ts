import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/core/tensor.ts';
import { probeBlock } from '../../src/onnx/probe.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import type { Session } from '../../src/runtime/engine.ts';

const engine = await createNodeEngine({ threads: 2 });

/** The engine with what its sessions give changed. */
function altered(change: (name: string, value: Tensor) => Tensor): (model: Uint8Array) => Promise<Session> {
  return async model => {
    const session = await engine.load(model);
    return {
      ...session,
      run: async feeds =>
        Object.fromEntries(
          Object.entries(await session.run(feeds)).map(([name, value]) => [name, change(name, value)]),
        ),
    };
  };
}

describe('the probe for blocked kernels', () => {
  it('finds the block that the engine reports', async () => {
    expect(await probeBlock(engine.load)).toBe(engine.block);
  });

  it('gives 0 where the runtime does not know the operators', async () => {
    await expect(probeBlock(() => Promise.reject(new Error('unknown domain')))).resolves.toBe(0);
  });

  it('gives 0 for a block that the lowering does not know', async () => {
    const load = altered((name, value) =>
      name === 'y' && value.shape.length === 4 ? { ...value, shape: [1, 4, 1, 1] } : value,
    );
    expect(await probeBlock(load)).toBe(0);
  });

  it.runIf(engine.block > 0)('gives 0 where the blocked kernels compute something else', async () => {
    let sessions = 0;
    const load = async (model: Uint8Array): Promise<Session> => {
      sessions++;
      const last = sessions === 3;
      const wrong = altered((name, value) => {
        if (!last || name !== 'gradient') return value;
        const data = (value.data as Float32Array).slice();
        data[5]! *= 1.01;
        return { ...value, data };
      });
      return wrong(model);
    };
    expect(await probeBlock(load)).toBe(0);
    expect(sessions).toBe(3);
  });
});
