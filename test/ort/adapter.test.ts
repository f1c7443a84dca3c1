/**
 * Computing on a graphics adapter through WebGPU, on the software adapter of Chromium where it is installed: every
 * operator against the evaluator, a training, and the probe.
 */
import { describe, expect, it } from 'vitest';
import type { OpName } from '../../src/graph/ops.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { hasAdapter, noAdapterEnvironment, runProgram } from '../support/adapter/run-on-adapter.ts';
import { OPERATOR_CASES } from '../support/operator-cases.ts';

const SLOW = { timeout: 600_000 };

/** Operators by how long the software adapter takes to compile them. */
const CONVOLUTIONS = ['Conv', 'ConvTranspose', 'ConvKernelGradient'] as const satisfies readonly OpName[];
const OTHERS = (Object.keys(OPERATOR_CASES) as OpName[]).filter(op => !CONVOLUTIONS.some(other => other === op));

interface Operators {
  readonly errors: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly onCpu: readonly string[];
}

describe.skipIf(!hasAdapter)('on a graphics adapter', () => {
  it.each([
    ['convolutions', CONVOLUTIONS],
    ['other operators', OTHERS],
  ] as const)('%s agree with the evaluator, and none runs on the processor', SLOW, async (_, operators) => {
    const { errors, onCpu } = (await runProgram('operators', operators)) as Operators;
    expect(onCpu).toEqual([]);
    expect(Object.keys(errors)).toEqual([...operators]);
    for (const op of operators) {
      expect(Object.keys(errors[op]!), op).toHaveLength(OPERATOR_CASES[op].length);
      for (const [name, error] of Object.entries(errors[op]!)) expect(error, name).toBeLessThan(1e-5);
    }
  });

  it('the student of the demo trains with the losses of the plain form', SLOW, async () => {
    const found = (await runProgram('training', ['5', '8,8,8', '0.0001'])) as {
      readonly plain: readonly Readonly<Record<string, number>>[];
      readonly card: readonly Readonly<Record<string, number>>[];
      readonly warnings: readonly string[];
      readonly engine: { readonly name: string; readonly device: string };
    };
    expect(found.engine.device).toBe('webgpu');
    expect(found.engine.name).toMatch(/ webgpu, folded operators$/);
    expect(found.warnings).toEqual([]);
    expect(found.plain).toHaveLength(5);
    expect(found.plain[4]!['total']).not.toBe(found.plain[0]!['total']);
    for (const [step, { total }] of found.plain.entries()) {
      expect(Math.abs(found.card[step]!['total']! / total! - 1), `step ${step + 1}`).toBeLessThan(1e-4);
    }
  });
});

describe('a device that is not there', () => {
  it('is one error that says what to do', SLOW, async () => {
    const before = { ...process.env };
    Object.assign(process.env, noAdapterEnvironment);
    try {
      await expect(createNodeEngine({ device: 'webgpu', threads: 1 })).rejects.toMatchObject({
        code: 'E_DEVICE',
        exitCode: 2,
        message: expect.stringMatching(/^webgpu was asked for.*no graphics adapter.*--device cpu.*inspect --devices/),
      });
    } finally {
      for (const name of Object.keys(noAdapterEnvironment)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });
});
