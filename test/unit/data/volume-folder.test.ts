/** Folders as people have them: every volume is found, and everything else is named with the reason. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { volumesIn } from '../../../src/data/volume-folder.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { otherSlice, sliceFile } from '../../support/dicom-files.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const NOTHING = new Uint8Array(3);
const MHD = new TextEncoder().encode(
  'ObjectType = Image\nNDims = 3\nDimSize = 1 1 1\nElementType = MET_UCHAR\nElementSpacing = 1 1 1\nElementDataFile = c.raw\n',
);

async function look(contents: Readonly<Record<string, Uint8Array>>, except?: string) {
  const files = memoryFiles();
  for (const [path, bytes] of Object.entries(contents)) files.contents.set(path, bytes);
  const sources = { files, images: createNodeSources().images };
  const { volumes, passedOver, refused } = await volumesIn(sources, 'in', except === undefined ? {} : { except });
  return {
    volumes: volumes.map(({ path, name }) => [path, name]),
    passedOver: passedOver.map(({ path, reason }) => `${path}: ${reason}`),
    refused: refused.map(({ path, error }) => `${path}: ${error.code}: ${error.message}`),
  };
}

it('an empty folder on disk is named as one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'voxstill-folder-'));
  try {
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'a.nii'), '');
    const { volumes, passedOver } = await volumesIn(createNodeSources(), folder);
    expect(volumes.map(({ name }) => name)).toEqual(['a']);
    expect(passedOver).toEqual([{ path: `${folder}/empty`, reason: 'an empty folder' }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('the volumes of a folder', () => {
  it('are its images, one for a pair and for a header with its voxels', async () => {
    const names = ['a.nii.gz', 'b.hdr', 'b.img', 'c.raw', 'd.nrrd', 'e.mgz', 'f.hdr.gz', 'f.img.gz', 'g.img', '.h.nii'];
    const files = Object.fromEntries(names.map(name => [`in/${name}`, NOTHING]));
    const found = await look({ ...files, 'in/c.mhd': MHD, 'in/lone.raw': NOTHING });
    expect(found.volumes).toEqual([
      ['in/a.nii.gz', 'a'],
      ['in/b.hdr', 'b'],
      ['in/c.mhd', 'c'],
      ['in/d.nrrd', 'd'],
      ['in/e.mgz', 'e'],
      ['in/f.hdr.gz', 'f'],
      ['in/g.img', 'g'],
    ]);
    expect(found.passedOver).toEqual(['in/lone.raw: no volume']);
    expect(found.refused).toEqual([]);
  });

  it('are DICOM series in folders below, called after all of their folders', async () => {
    const found = await look({
      'in/p/s1/ct/0': sliceFile(0),
      'in/p/s1/ct/1': sliceFile(1),
      'in/p/s1/ct/notes.txt': NOTHING,
      'in/p/s2/mr/0': otherSlice(0),
      'in/q/0': otherSlice(0),
      'in/q/1': otherSlice(1),
      'in/.DS_Store': NOTHING,
      'in/DICOMDIR': NOTHING,
    });
    expect(found.volumes).toEqual([
      ['in/p/s1/ct', 'p_s1_ct'],
      ['in/p/s2/mr', 'p_s2_mr'],
      ['in/q', 'q'],
    ]);
    expect(found.passedOver).toEqual(['in/DICOMDIR: no volume']);
    expect(found.refused).toEqual([]);
  });

  it('are DICOM files beside images: series of one file by the file, of many by the folder', async () => {
    const found = await look({
      'in/a.nii': NOTHING,
      'in/scan.dcm': otherSlice(0),
      'in/IM0': sliceFile(0),
      'in/IM1': sliceFile(1),
    });
    expect(found.volumes).toEqual([
      ['in/a.nii', 'a'],
      ['in/scan.dcm', 'scan'],
      ['in/IM0', 'in'],
    ]);
    expect(found.passedOver).toEqual([]);
  });

  it('are not several series of many files in one folder, which are listed', async () => {
    const files = { 'in/x/0': sliceFile(0), 'in/x/1': sliceFile(1), 'in/x/2': otherSlice(0), 'in/x/3': otherSlice(1) };
    const found = await look({ ...files, 'in/a.nii': NOTHING });
    expect(found.volumes).toEqual([['in/a.nii', 'a']]);
    expect(found.refused).toEqual([
      expect.stringMatching(/^in\/x: E_DICOM_SERIES: in\/x holds 2 series: 1\.2\.3\.1 "phantom".*1\.2\.3\.9 "bone"/),
    ]);
  });

  it('are not images further below, nor what is no volume; the results of before are left alone', async () => {
    const found = await look(
      {
        'in/a.nii': NOTHING,
        'in/deep/b.nii': NOTHING,
        'in/docs/readme.md': NOTHING,
        'in/labels/a.nii.gz': NOTHING,
        'in/t.txt': NOTHING,
      },
      'in/labels',
    );
    expect(found.volumes).toEqual([['in/a.nii', 'a']]);
    expect(found.passedOver).toEqual([
      'in/t.txt: no volume',
      'in/deep: images (b.nii) in a folder below the input; give it as an input of its own',
      'in/docs: holds no volume but readme.md',
    ]);
  });

  it('are not segmentations and damaged files: named beside a series, refused alone', async () => {
    const segmentation = otherSlice(0, { '00080016 UI': '1.2.840.10008.5.1.4.1.1.66.4' });
    const cut = sliceFile(5).subarray(0, 301);
    const found = await look({
      'in/ct/0': sliceFile(0),
      'in/ct/1': sliceFile(1),
      'in/ct/seg': segmentation,
      'in/seg/0': segmentation,
      'in/cut': cut,
    });
    expect(found.volumes).toEqual([['in/ct', 'ct']]);
    expect(found.passedOver).toEqual([
      expect.stringMatching(/^in\/cut: is not a readable DICOM file/),
      expect.stringMatching(/^in\/ct\/seg: is a DICOM segmentation/),
    ]);
    expect(found.refused).toEqual([
      expect.stringMatching(/^in\/seg: E_VOLUME_TYPE: in\/seg\/0 is a DICOM segmentation/),
    ]);
  });
});
