/** Volumes in two files, header and voxels: read as one file is, or refused by what is wrong. */
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { encodeLabels, filesOfVolume, readVolume } from '../../../src/data/volume-file.ts';
import { createNiftiHeader, decodeLabels, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import { niftiOnly } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { analyzeOf, gz, pairOf } from '../../support/nifti-pair.ts';

const GRID = {
  sizeVoxels: [3, 2, 2] as const,
  spacingMm: [1.5, 2, 2.5] as const,
  affine: [-1.5, 0, 0, 10, 0, 2, 0, -20, 0, 0, 2.5, 30, 0, 0, 0, 1],
};
const DATA = Float32Array.from({ length: 12 }, (_, i) => i - 3);
const FILE = encodeNiftiImage({ ...GRID, data: DATA, channels: 1 } as never, createNiftiHeader(GRID as never));
const { hdr, img } = pairOf(FILE);

function sourcesOf(contents: Readonly<Record<string, Uint8Array>>) {
  const files = memoryFiles();
  for (const [path, bytes] of Object.entries(contents)) files.contents.set(path, bytes);
  return { files, images: niftiOnly };
}

async function refused(contents: Readonly<Record<string, Uint8Array>>, path: string): Promise<InputError> {
  const error = await readVolume(sourcesOf(contents), path).catch((reason: unknown) => reason);
  if (error instanceof InputError) return error;
  throw new Error(`no InputError but ${String(error)}`);
}

it('a CIFTI file is refused by what it is', async () => {
  const header = createNiftiHeader({ ...GRID, sizeVoxels: [40_000, 2, 2] } as never);
  const bytes = new Uint8Array(600);
  bytes.set(header.bytes);
  // the intent code of NIfTI-2
  new DataView(bytes.buffer).setInt32(504, 3001, true);
  const { code, message } = await refused({ 'a.dconn.nii': bytes }, 'a.dconn.nii');
  expect([code, message]).toEqual(['E_NIFTI_TYPE', expect.stringMatching(/is a CIFTI file, .*cifti-separate/)]);
});

describe('a pair of files', () => {
  it.each([
    ['s/a.hdr', 's/a.img', false, false],
    ['s/a.HDR', 's/a.IMG', false, false],
    ['s/a.hdr.gz', 's/a.img.gz', true, true],
    ['s/a.hdr', 's/a.img.gz', false, true],
  ])('%s and %s are one volume, whichever is given', async (header, voxels, packsHeader, packsVoxels) => {
    const sources = sourcesOf({ [header]: packsHeader ? gz(hdr) : hdr, [voxels]: packsVoxels ? gz(img) : img });
    sources.files.contents.set('whole.nii.gz', FILE);
    const whole = await readVolume(sources, 'whole.nii.gz');
    for (const path of [header, voxels]) {
      const { volume, dataType, warnings } = await readVolume(sources, path);
      expect(volume).toEqual(whole.volume);
      expect([dataType, warnings]).toEqual(['float32', []]);
      expect(await filesOfVolume(sources, path)).toEqual([header, voxels]);
    }
  });

  it('has a result in one file, with its header', async () => {
    const { header, volume } = await readVolume(sourcesOf({ 'a.hdr': hdr, 'a.img': img }), 'a.hdr');
    const labels = { ...GRID, data: Uint8Array.from(DATA, value => (value > 0 ? 1 : 0)) };
    const bytes = encodeLabels(labels as never, { path: 'a.nii.gz', header });
    const result = decodeLabels(bytes, { path: 'a.nii.gz' });
    expect([...result.affine]).toEqual([...volume.affine]);
    expect([...result.data]).toEqual([...labels.data]);
  });

  it('lacks a file, which is named', async () => {
    const voxels = await refused({ 's/a.hdr': hdr }, 's/a.hdr');
    expect(voxels).toMatchObject({
      code: 'E_VOLUME_PARTS',
      message: expect.stringContaining('no s/a.img with the voxels'),
    });
    const header = await refused({ 's/a.img': img }, 's/a.img');
    expect(header).toMatchObject({
      code: 'E_VOLUME_PARTS',
      message: expect.stringContaining('no s/a.hdr with the header'),
    });
  });

  it('is refused by what it is: Analyze 7.5, one file under the names of two, a header alone, voxels that end early', async () => {
    const analyze = analyzeOf(FILE);
    expect(await refused({ 'a.hdr': analyze.hdr, 'a.img': img }, 'a.img')).toMatchObject({
      code: 'E_NIFTI_TYPE',
      message: expect.stringMatching(
        /a\.hdr is an Analyze 7\.5 header, which does not say where left and right are.*SPM/,
      ),
    });
    const bigEndian = new Uint8Array(348);
    new DataView(bigEndian.buffer).setInt32(0, 348);
    expect((await refused({ 'a.hdr': bigEndian, 'a.img': img }, 'a.hdr')).message).toContain('Analyze 7.5');
    const text = new TextEncoder().encode('ENVI description = { }');
    expect((await refused({ 'a.hdr': text, 'a.img': img }, 'a.hdr')).message).toContain('no NIfTI signature');
    const single = createNiftiHeader(GRID as never).bytes;
    expect((await refused({ 'a.hdr': single, 'a.img': img }, 'a.hdr')).message).toContain('name it .nii');
    expect((await refused({ 'a.nii': hdr }, 'a.nii')).message).toContain('name it .hdr');
    expect(await refused({ 'a.hdr': hdr, 'a.img': img.subarray(0, 40) }, 'a.hdr')).toMatchObject({
      code: 'E_NIFTI_CORRUPT',
      message: expect.stringMatching(/a\.img is truncated: 3x2x2 voxels .*need 48 bytes, the file holds 40/),
    });
  });
});
