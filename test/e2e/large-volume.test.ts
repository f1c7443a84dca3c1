/** What a larger volume costs: its own arrays, and not the probabilities of all classes everywhere. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { measureProgram, writeLargeVolume, writeRandomModel } from '../support/large-volumes.ts';
import { temporaryFolder } from '../support/program.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const CLASSES = 16;
const WINDOW = [32, 96, 96] as const;
const PLANE = 96 * 96;
/** Far enough apart that what the garbage collector leaves lying, up to 40 MB either way, does not decide. */
const [SHALLOW, DEEP] = [96, 672];

/**
 * Bytes per voxel of what may grow: the file packed and unpacked (2 + 2), voxels as float32, normalised, a sample of
 * them sorted and resampled (4 each), labels plain and packed (1 + 1 + 1). Measured: 8 to 15, with resampling or
 * without.
 */
const BYTES_PER_VOXEL = 30;

const isLinux = existsSync('/proc/self/status');
if (!isLinux) console.info('skipped: peak memory is read from Linux');

it.skipIf(!isLinux).each([
  ['as it is', null],
  ['on the spacing of the model and back', [1, 1, 1.25] as const],
])('a volume seven times as deep, %s, takes no more than its own arrays', async (_, spacingMm) => {
  const model = join(folder, 'model.onnx');
  writeRandomModel(model, { window: WINDOW, classes: CLASSES, spacingMm });
  const peaks: number[] = [];
  for (const depth of [SHALLOW, DEEP]) {
    const [input, output] = ['scan', 'labels'].map(name => join(folder, `${name}-${depth}.nii.gz`)) as [string, string];
    writeLargeVolume(input, [96, 96, depth]);
    const call = await measureProgram([
      'predict',
      '--model',
      model,
      '--input',
      input,
      '--output',
      output,
      '--overlap',
      '0',
    ]);
    expect(call, call.stderr).toMatchObject({ code: 0 });
    peaks.push(call.peakBytes);
  }
  const growth = peaks[1]! - peaks[0]!;
  const voxels = PLANE * (DEEP - SHALLOW);
  expect(growth).toBeLessThan(BYTES_PER_VOXEL * voxels);
  // what the probabilities of the additional voxels alone would take
  expect(BYTES_PER_VOXEL * voxels).toBeLessThan((CLASSES * 4 * voxels) / 2);
});
