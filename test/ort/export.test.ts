/** The exported file beside the training graph's forward pass, and beside ONNX's own checker. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Triple } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import type { NetworkNormalization } from '../../src/nn/layers.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { exportModel, multiplyAdds } from '../../src/training/export.ts';
import { buildForward } from '../../src/training/forward.ts';
import { goldensImage, goldensTheta } from '../support/goldens-stream.ts';
import { smallUnet } from '../support/training-steps.ts';

const engine = await createNodeEngine({ threads: 1 });
const window: Triple = [4, 8, 12];
const metadata = { voxstill: '{"labels":{"background":0,"Tumor \u00b5":1}}', empty: '' };
const NORMALIZATIONS: readonly NetworkNormalization[] = ['instance', 'batch', 'group', 'none'];

/** A U-Net with generic parameters, running statistics included, and its file. */
function exported(normalization: NetworkNormalization): {
  readonly model: ReturnType<typeof smallUnet>;
  readonly theta: Float32Array;
  readonly file: Uint8Array;
} {
  // 12 channels are two groups of group normalisation
  const model = smallUnet([4, 12], normalization);
  const theta = goldensTheta(1, model.specs);
  return { model, theta, file: exportModel(model, theta, { channels: 1, window, metadata }) };
}

/** Largest difference relative to the largest value. */
function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return actual.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index]!)), 0) / largest;
}

describe.each(NORMALIZATIONS)('a model with %s normalisation', normalization => {
  const { model, theta, file } = exported(normalization);

  it.each([1, 3])('gives the logits of the training graph for a batch of %i', async batch => {
    const imageShape = [batch, 1, ...window];
    const image = tensor('float32', goldensImage(3, imageShape), imageShape);
    const session = await engine.load(file);
    const { logits } = await session.run({ image });
    await session.dispose();
    expect(logits?.shape).toEqual([batch, 3, ...window]);
    for (const block of [0, engine.block]) {
      const forward = await engine.load(encodeModel(lower(buildForward(model, imageShape), { block })));
      const expected = await forward.run({ image, theta: tensor('float32', theta, [theta.length]) });
      await forward.dispose();
      const [actual, reference] = [logits, expected['logits']].map(value => value?.data as Float32Array);
      expect(relativeDifference(actual!, reference!), `block ${block}`).toBeLessThan(1e-5);
    }
  });

  it('says what it is: names, shapes with a free batch, parameters, metadata', () => {
    const summary = decodeModel(file, 'model.onnx');
    expect(summary.inputs).toEqual([{ name: 'image', elementType: 1, shape: ['N', 1, ...window] }]);
    expect(summary.outputs).toEqual([{ name: 'logits', elementType: 1, shape: ['N', 3, ...window] }]);
    expect(summary.metadata).toEqual(metadata);
    expect([...summary.operatorSets]).toEqual([['', 17]]);
    const kernels = summary.initializers.filter(({ shape }) => shape.length === 5 && shape[0] !== 1);
    const expected = model.specs.filter(({ role }) => role === 'kernel').map(({ shape }) => shape);
    expect(kernels.map(({ shape }) => shape)).toEqual(expected);
  });
});

describe('multiplyAdds', () => {
  it('counts every tap of every convolution at its own resolution, whatever the batch', () => {
    const { model } = exported('instance');
    const fine = 4 * 8 * 12;
    const coarse = fine / 8;
    const expected =
      27 * (fine * (1 * 4 + 4 * 4) + coarse * (4 * 12 + 12 * 12) + fine * ((12 + 4) * 4 + 4 * 4)) + fine * 4 * 3;
    expect(multiplyAdds(model, [1, 1, ...window])).toBe(expected);
    expect(multiplyAdds(model, [5, 1, ...window])).toBe(expected);
  });
});

/** Runs ONNX's checker with shape inference on files. */
const CHECK = `
import sys, onnx
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    print(onnx.helper.printable_graph(model.graph).count("Conv["))
`;

function python(...args: readonly string[]): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', ...args], { encoding: 'utf8' });
  return { status, text: `${stdout ?? ''}${stderr ?? ''}` };
}

const hasOnnx = python('import onnx').status === 0;
if (!hasOnnx) console.info('skipped: no python3-onnx, so the exported files are not shown to the ONNX checker');

describe('the ONNX checker', () => {
  it.skipIf(!hasOnnx && process.env['CI'] !== 'true')('accepts the exported files of every normalisation', () => {
    const folder = mkdtempSync(join(tmpdir(), 'voxstill-export-'));
    try {
      const paths = NORMALIZATIONS.map(normalization => {
        const path = join(folder, `${normalization}.onnx`);
        writeFileSync(path, exported(normalization).file);
        return path;
      });
      // seven convolutions in a U-Net of two levels: two per block, three blocks, the head
      expect(python(CHECK, ...paths)).toEqual({ status: 0, text: '7\n'.repeat(4) });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
