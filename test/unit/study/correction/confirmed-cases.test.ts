/** Labels that people confirmed: kept beside the data set, which stays as it is. */
import { beforeEach, describe, expect, it } from 'vitest';
import { openDataset } from '../../../../src/data/dataset.ts';
import { loadCase } from '../../../../src/data/loaded-case.ts';
import { writePhantomDataset } from '../../../../src/data/phantom.ts';
import {
  keepConfirmed,
  labelledIds,
  readConfirmed,
  writeConfirmedDataset,
} from '../../../../src/study/correction/confirmed-cases.ts';
import { niftiOnly } from '../../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../../support/memory-files.ts';

let files: MemoryFiles;
const sources = () => ({ files, images: niftiOnly });
const open = () => openDataset(files, 'data/mri');
const AT = '2026-11-28T12:00:00.000Z';

/** Three phantoms, the last of which has no label. */
beforeEach(async () => {
  files = memoryFiles();
  await writePhantomDataset(files, 'data/mri', { seed: 5, cases: 3 });
  const described = JSON.parse(files.text('data/mri/dataset.json'));
  delete described.training[2].label;
  await files.write('data/mri/dataset.json', JSON.stringify(described));
});

/** The label of a case in which the first voxels are of a class. */
async function changed(id: string, value: number) {
  const dataset = await open();
  const item = dataset.cases.find(one => one.id === id)!;
  const { image } = await loadCase(sources(), dataset, { id, images: item.images });
  const data = new Uint8Array(image.sizeVoxels.reduce((product, size) => product * size)).fill(value, 0, 10);
  const { sizeVoxels, spacingMm, affine } = image;
  return { sizeVoxels, spacingMm, affine, data };
}

describe('confirmed labels', () => {
  it('are the labels of their cases in the data set that is written, and change no file of it', async () => {
    const dataset = await open();
    const [, second, third] = dataset.cases.map(({ id }) => id) as [string, string, string];
    const before = new Map(files.contents);
    const kept = [
      { id: third, isCorrected: false, value: 1 },
      { id: second, isCorrected: true, value: 2 },
      { id: third, isCorrected: true, value: 2 },
    ];
    for (const { id, isCorrected, value } of kept) {
      await keepConfirmed(sources(), dataset, { id, isCorrected, at: AT, labels: await changed(id, value) });
    }
    const confirmed = await readConfirmed(files, dataset);
    expect([...confirmed.values()]).toEqual([
      { id: third, label: `${third}-2.nii.gz`, isCorrected: true, at: AT },
      { id: second, label: `${second}-1.nii.gz`, isCorrected: true, at: AT },
    ]);
    expect(await writeConfirmedDataset(files, dataset, confirmed)).toBe('data');
    for (const [path, bytes] of before) expect(files.contents.get(path), path).toBe(bytes);
    const whole = await openDataset(files, 'data');
    expect(whole.labels).toEqual(dataset.labels);
    expect(whole.cases.map(({ images }) => images)).toEqual(dataset.cases.map(({ images }) => images));
    for (const [place, value] of [
      [1, 2],
      [2, 2],
    ] as const) {
      const { label } = await loadCase(sources(), whole, whole.cases[place]!);
      expect([...label!.data.subarray(0, 11)]).toEqual([...new Array(10).fill(value), 0]);
    }
    // the first version of a label stays: a round may have been trained on it
    expect(files.contents.has(`data/confirmed-labels/${third}-1.nii.gz`)).toBe(true);
  });

  it('count beside those of the data set that were not set aside', async () => {
    const dataset = await open();
    const [first, second, third] = dataset.cases.map(({ id }) => id) as [string, string, string];
    await keepConfirmed(sources(), dataset, { id: third, isCorrected: false, at: AT, labels: await changed(third, 1) });
    const confirmed = await readConfirmed(files, dataset);
    expect(labelledIds(dataset, confirmed, { unlabelled: [second, third] })).toEqual([first, third]);
  });

  it('are refused on another grid, with unknown values, and of unknown cases; nothing is written then', async () => {
    const dataset = await open();
    const [first] = dataset.cases.map(({ id }) => id) as [string];
    const labels = await changed(first, 1);
    const before = files.contents.size;
    const [width, height, depth] = labels.sizeVoxels;
    const keep = (more: object, id = first) =>
      keepConfirmed(sources(), dataset, { id, isCorrected: true, at: AT, labels: { ...labels, ...more } });
    await expect(keep({ sizeVoxels: [height, width + 1, depth] })).rejects.toMatchObject({ code: 'E_SHAPE_MISMATCH' });
    const moved = labels.affine.with(3, labels.affine[3]! + 5);
    await expect(keep({ affine: moved })).rejects.toMatchObject({ code: 'E_GEOMETRY_MISMATCH' });
    await expect(keep({ data: labels.data.with(3, 9) })).rejects.toMatchObject({ code: 'E_LABEL_UNKNOWN' });
    await expect(keep({}, 'nobody')).rejects.toMatchObject({ code: 'E_CASE_MISSING' });
    expect(files.contents.size).toBe(before);
  });

  it('are none where there is no list, and a damaged one is refused', async () => {
    const dataset = await open();
    expect((await readConfirmed(files, dataset)).size).toBe(0);
    await files.write('data/confirmed-labels/list.json', '{"cases":[{"id":"a","label":"../x","isCorrected":true}]}');
    await expect(readConfirmed(files, dataset)).rejects.toMatchObject({ code: 'E_CONFIRMED' });
  });
});
