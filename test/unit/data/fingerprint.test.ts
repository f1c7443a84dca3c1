/** The numbers of a small data set, counted by hand. */
import { describe, expect, it } from 'vitest';
import { fingerprintDataset } from '../../../src/data/fingerprint.ts';
import { silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../../src/volume/nifti.ts';
import type { Xyz } from '../../../src/volume/volume.ts';
import { niftiOnly } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const files = memoryFiles({
  'd/dataset.json': JSON.stringify({
    channel_names: { 0: 'CT' },
    labels: { background: 0, liver: 1, tumour: 2 },
    file_ending: '.nii',
  }),
});

/** A case whose first voxels are liver, the next ones tumour; intensities count up from 0. */
function addCase(id: string, sizeVoxels: Xyz, spacingMm: Xyz, [liver, tumour]: readonly [number, number]): void {
  const [x, y, z] = spacingMm;
  const grid = { sizeVoxels, spacingMm, affine: [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1] };
  const voxels = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
  const header = createNiftiHeader(grid);
  const data = Float32Array.from({ length: voxels }, (_, i) => i);
  const classes = Uint8Array.from({ length: voxels }, (_, i) => (i < liver ? 1 : i < liver + tumour ? 2 : 0));
  files.contents.set(`d/imagesTr/${id}_0000.nii`, encodeNiftiImage({ ...grid, data, channels: 1 }, header));
  files.contents.set(`d/labelsTr/${id}.nii`, encodeNiftiLabels({ ...grid, data: classes }, header));
}

addCase('a', [4, 5, 10], [1, 1, 2], [20, 0]);
addCase('b', [6, 5, 10], [1, 1, 2], [40, 10]);
addCase('c', [10, 10, 10], [0.5, 1, 4], [30, 0]);
files.contents.set('d/imagesTr/u_0000.nii', files.contents.get('d/imagesTr/a_0000.nii') as Uint8Array);

describe('fingerprintDataset', () => {
  it('counts cases, voxels, millimetres and intensities', async () => {
    const print = await fingerprintDataset({ files, images: niftiOnly }, 'd', { progress: silent });
    expect(print).toMatchObject({ labelledCases: 3, unlabelledCases: 1, folder: 'd' });
    expect(print.sizeVoxels[0]).toMatchObject({ min: 4, median: 6, max: 10 });
    expect(print.spacingMm[0]).toMatchObject({ min: 0.5, p10: 0.6, median: 1, max: 1 });
    expect(print.spacingMm[2]).toMatchObject({ min: 2, median: 2, max: 4 });
    // of 200 + 300 + 1000 voxels
    expect(print.foregroundShare).toBeCloseTo(100 / 1500, 12);
    const [liver, tumour] = print.classes;
    expect(liver).toMatchObject({ name: 'liver', cases: 3, voxelShare: 90 / 1500 });
    // 20 and 40 voxels of 2 mm3, 30 of 2 mm3
    expect(liver?.volumeMl).toMatchObject({ min: 0.04, median: 0.06, max: 0.08 });
    expect(tumour).toMatchObject({ name: 'tumour', cases: 1, voxelShare: 10 / 1500 });
    const [ct] = print.channels;
    // one voxel of each case is 0
    expect(ct?.nonZeroShare).toBeCloseTo(1 - (1 / 200 + 1 / 300 + 1 / 1000) / 3, 12);
    const foreground = [20, 50, 30].flatMap(count => Array.from({ length: count }, (_, i) => i));
    const mean = foreground.reduce((a, b) => a + b) / 100;
    expect(ct?.foreground?.mean).toBeCloseTo(mean, 9);
  });

  it('measures the box around what is not 0, and labels outside of it', async () => {
    // in case a voxel 0 is 0, but its row, column and slice are not
    const print = await fingerprintDataset({ files, images: niftiOnly }, 'd', { progress: silent });
    expect(print).toMatchObject({ boxShare: { min: 1, max: 1 }, labelledOutside: 0 });
    expect(print.grids[0]).toMatchObject({ sizeVoxels: [4, 5, 10], boxVoxels: [4, 5, 10] });
    const own = memoryFiles({ 'd/dataset.json': files.text('d/dataset.json') });
    // stored from right to left and from front to back, so that axes change places with those of the model
    const affine = [0, -1, 0, 0, -1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
    const grid = { sizeVoxels: [4, 5, 10], spacingMm: [1, 1, 2], affine } as const;
    const header = createNiftiHeader(grid);
    const image = new Float32Array(200);
    image[(4 * 5 + 2) * 4 + 1] = 7; // 1, 2, 4
    image[(6 * 5 + 2) * 4 + 3] = 7; // 3, 2, 6
    own.contents.set('d/imagesTr/a_0000.nii', encodeNiftiImage({ ...grid, data: image, channels: 1 }, header));
    const label = new Uint8Array(200);
    label[(5 * 5 + 2) * 4 + 2] = 1; // 2, 2, 5: inside
    own.contents.set('d/labelsTr/a.nii', encodeNiftiLabels({ ...grid, data: label }, header));
    const inside = await fingerprintDataset({ files: own, images: niftiOnly }, 'd', { progress: silent });
    expect(inside).toMatchObject({ boxShare: { median: 9 / 200 }, labelledOutside: 0 });
    const sizes = { sizeVoxels: [5, 4, 10], spacingMm: [1, 1, 2], boxVoxels: [1, 3, 3] };
    expect(inside.grids).toEqual([{ ...sizes, regionVoxels: [1, 1, 1] }]);
    // 2, 2, 5 in the file, where the first axis ends at 3; margins are in millimetres
    const options = { progress: silent, regionMarginMm: 2 };
    const wide = await fingerprintDataset({ files: own, images: niftiOnly }, 'd', options);
    expect(wide.grids).toEqual([{ ...sizes, regionVoxels: [5, 4, 3] }]);
    label[0] = 2;
    own.contents.set('d/labelsTr/a.nii', encodeNiftiLabels({ ...grid, data: label }, header));
    const outside = await fingerprintDataset({ files: own, images: niftiOnly }, 'd', { progress: silent });
    expect(outside.labelledOutside).toBe(1);
  });

  it('refuses a data set without labels', async () => {
    const bare = memoryFiles({ 'd/dataset.json': files.text('d/dataset.json') });
    bare.contents.set('d/imagesTr/u_0000.nii', files.contents.get('d/imagesTr/a_0000.nii') as Uint8Array);
    const printed = fingerprintDataset({ files: bare, images: niftiOnly }, 'd', { progress: silent });
    await expect(printed).rejects.toMatchObject({ code: 'E_NO_CASES' });
  });
});
