/** What a coarser grid costs at best: nothing on the cases' own grid, little for a ball, everything for a thread. */
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/data/dataset.ts';
import { spacingCeiling } from '../../../src/experiment/spacing-ceiling.ts';
import { silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../../src/volume/nifti.ts';
import { niftiOnly } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const SIDE = 24;
const CASES = 15;
const files = memoryFiles({
  'd/dataset.json': JSON.stringify({
    channel_names: { 0: 'MRI' },
    labels: { background: 0, ball: 1, thread: 2, nowhere: 3 },
    file_ending: '.nii',
  }),
});
const grid = {
  sizeVoxels: [SIDE, SIDE, SIDE],
  spacingMm: [1, 1, 1],
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
} as const;
const labels = Uint8Array.from({ length: SIDE ** 3 }, (_, i) => {
  const [x, y, z] = [i % SIDE, Math.floor(i / SIDE) % SIDE, Math.floor(i / SIDE ** 2)];
  if (Math.hypot(x - 13, y - 13, z - 13) < 8) return 1;
  return x === 2 && y === 2 ? 2 : 0;
});
for (let index = 0; index < CASES; index++) {
  const image = { ...grid, data: Float32Array.from(labels), channels: 1 };
  files.contents.set(`d/imagesTr/c${index}_0000.nii`, encodeNiftiImage(image, createNiftiHeader(grid)));
  files.contents.set(`d/labelsTr/c${index}.nii`, encodeNiftiLabels({ ...grid, data: labels }, createNiftiHeader(grid)));
}

describe('spacingCeiling', () => {
  it('is 1 on the own grid, and falls with the size of the structure on a coarser one', async () => {
    const dataset = await openDataset(files, 'd');
    const at = (mm: number) =>
      spacingCeiling({ files, images: niftiOnly }, dataset, { spacingMm: [mm, mm, mm], progress: silent });
    expect(await at(1)).toEqual({ cases: 12, dice: { ball: 1, thread: 1, nowhere: null } });
    const [two, four] = [await at(2), await at(4)];
    expect(two.dice['ball']).toBeGreaterThan(0.88);
    expect(two.dice['ball']).toBeLessThan(0.97);
    expect(four.dice['ball']).toBeLessThan(two.dice['ball'] as number);
    // a thread of one voxel is four times too thick at 2 mm, or gone
    expect(two.dice['thread']).toBeLessThan(0.5);
    expect(four.dice['thread']).toBeLessThan(0.2);
  });
});
