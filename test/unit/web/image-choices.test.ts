/** Which images a person can choose from among dropped files. */
import { expect, it } from 'vitest';
import { readVolume } from '../../../src/data/volume-file.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { droppedFiles } from '../../../web/dropped-files.ts';
import { imagesAmong } from '../../../web/image-choices.ts';
import { otherSlice, sliceFile } from '../../support/dicom-files.ts';

function sourcesOf(contents: Readonly<Record<string, Uint8Array>>) {
  const dropped = Object.entries(contents).map(([path, bytes]) => ({
    path,
    file: new File([bytes as Uint8Array<ArrayBuffer>], path.split('/').at(-1)!),
  }));
  return { files: droppedFiles(dropped), images: createNodeSources().images };
}

it('lists series by description, number and size, beside image files, and reads the chosen one', async () => {
  const none = new Uint8Array(3);
  const sources = sourcesOf({
    'p/ct/0': sliceFile(0),
    'p/ct/1': sliceFile(1),
    'p/ct/2': sliceFile(2),
    'p/mr/0': otherSlice(0),
    'p/mr/1': otherSlice(1),
    'p/readme.txt': none,
    'x/a.nii.gz': none,
    'x/b.hdr': none,
    'x/b.img': none,
  });
  const images = await imagesAmong(sources, await sources.files.list('.'));
  const picture = { width: 128, height: 70, grey: expect.any(Uint8Array) };
  expect(images).toEqual([
    { path: 'x/a.nii.gz', title: 'x/a.nii.gz', facts: '' },
    { path: 'x/b.hdr', title: 'x/b.hdr', facts: '' },
    { path: '.', series: '1.2.3.1', title: 'phantom', facts: '3 pictures of 4 × 3', picture },
    { path: '.', series: '1.2.3.9', title: 'bone', facts: '2 pictures of 4 × 3', picture },
  ]);
  // voxels of 1.1 mm across and 0.8 mm down
  expect(images[3]?.picture?.grey).toHaveLength(128 * 70);
  const bone = images[3]!;
  expect((await readVolume(sources, bone.path, { series: bone.series })).volume.sizeVoxels).toEqual([4, 3, 2]);
});

it('says that there is no picture of a series that cannot be decoded, and draws none where nobody is asked', async () => {
  const damaged = otherSlice(0, { '00280010 US': [9] });
  const both = sourcesOf({ a: sliceFile(0), b: damaged });
  const pictures = (await imagesAmong(both, ['a', 'b'])).map(({ picture }) => picture);
  expect(pictures).toEqual([expect.objectContaining({ width: 128 }), null]);
  const [only] = await imagesAmong(sourcesOf({ a: sliceFile(0) }), ['a']);
  expect(only).not.toHaveProperty('picture');
});
