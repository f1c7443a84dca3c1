/**
 * Peak memory of `voxstill predict` on a large volume, from a .nii.gz on disk to a .nii.gz on disk:
 * `node --import tsx bench/large-volume.ts [--size N] [--window N] [--classes 3,14] [--spacings none,1.25] [--overlap
 * X]`, after `npm run build`. A spacing of `none` takes the volume as it is (1 mm), a number resamples it to that and
 * the probabilities back. Needs Linux.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureProgram, writeLargeVolume, writeRandomModel } from '../test/support/large-volumes.ts';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '512' },
    window: { type: 'string', default: '128' },
    classes: { type: 'string', default: '3,14' },
    spacings: { type: 'string', default: 'none,1.25' },
    overlap: { type: 'string', default: '0.5' },
  },
});
const [size, side] = [Number(values.size), Number(values.window)];
const folder = mkdtempSync(join(tmpdir(), 'voxstill-memory-'));
try {
  const input = join(folder, 'scan.nii.gz');
  writeLargeVolume(input, [size, size, size]);
  for (const classes of values.classes.split(',').map(Number)) {
    for (const spacing of values.spacings.split(',')) {
      const spacingMm = spacing === 'none' ? null : ([Number(spacing), Number(spacing), Number(spacing)] as const);
      const model = join(folder, 'model.onnx');
      writeRandomModel(model, { window: [side, side, side], classes, spacingMm });
      const output = join(folder, 'labels.nii.gz');
      const args = ['predict', '--model', model, '--input', input, '--output', output, '--overlap', values.overlap];
      const { code, stderr, seconds, peakBytes } = await measureProgram(args);
      if (code !== 0) throw new Error(stderr);
      console.info(
        `${size}^3 int16, window ${side}^3, ${classes} classes, spacing ${spacing}: ` +
          `${(peakBytes / 1e9).toFixed(2)} GB peak, ${seconds.toFixed(0)} s`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
