/** State dictionaries and bundles of MONAI, against what MONAI itself says of the same image. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Shape } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { openModel } from '../../src/experiment/model-file.ts';
import { openModelSource } from '../../src/experiment/model-source.ts';
import { withStandardAxes } from '../../src/inference/axes.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { foreignImage } from '../support/foreign-models.ts';

const FOLDER = fileURLToPath(new URL('../fixtures/monai', import.meta.url));
const STRIDE = 13;
const expected: Readonly<Record<string, { readonly shape: Shape; readonly values: readonly number[] }>> = JSON.parse(
  readFileSync(`${FOLDER}/expected.json`, 'utf8'),
);
const engine = await createNodeEngine({ threads: 1 });

describe('a network of MONAI', () => {
  test.each([
    'unet-residual',
    'unet-plain',
    'unet-planes',
    'basic-deconv',
    'basic-linear',
    'dyn-residual',
    'dyn-plain',
    'seg-linear',
    'seg-deconv',
    'bundle',
  ])('%s gives what MONAI gave', async name => {
    const path = name === 'bundle' ? `${FOLDER}/bundle` : `${FOLDER}/${name}.pt`;
    const { file } = await openModelSource(nodeFiles, path);
    const session = await openModel(engine, file);
    // asked in MONAI's order of axes: x, y, z; planes are one voxel deep
    const asked = withStandardAxes(session, 'NCXYZ');
    const { shape, values } = expected[name]!;
    const window = [...shape.slice(2), 1].slice(0, 3);
    const size = [1, file.metadata.channels, ...window];
    const result = await asked.run({ image: tensor('float32', foreignImage(size), size) }, ['logits']);
    await session.dispose();
    const { data, shape: got } = result['logits']!;
    expect(got).toEqual([1, shape[1], ...window]);
    const own = Array.from(data as Float32Array).filter((_, index) => index % STRIDE === 0);
    expect(own.length).toBe(values.length);
    const worst = own.reduce((most, value, index) => Math.max(most, Math.abs(value - values[index]!)), 0);
    expect(worst).toBeLessThan(2e-5);
    expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(0.1);
  });
});
