/** What `validate` finds: each kind of problem in a data set that has them all, and none in one that is clean. */
import { beforeAll, describe, expect, test } from 'vitest';
import { writePhantomDataset } from '../../../src/data/phantom.ts';
import { type ValidationReport, validateDataset } from '../../../src/data/validation.ts';
import { silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Xyz } from '../../../src/volume/volume.ts';
import { niftiOnly } from '../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../support/memory-files.ts';
import { pairOf } from '../../support/nifti-pair.ts';

interface Shape {
  readonly size?: Xyz;
  readonly spacing?: Xyz;
  readonly shift?: number;
}

function nifti(
  values: readonly number[],
  { size = [4, 3, 2], spacing = [1, 1, 1], shift = 0 }: Shape = {},
): Uint8Array {
  const [x, y, z] = spacing;
  const affine = [x, 0, 0, shift, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1];
  const channels = values.length / (size[0] * size[1] * size[2]);
  const volume = { data: Float32Array.from(values), sizeVoxels: size, channels, spacingMm: spacing, affine };
  return encodeNiftiImage(volume, createNiftiHeader(volume));
}

const VOXELS = 24;
const ramp = (start: number, count = VOXELS): number[] => Array.from({ length: count }, (_, i) => start + i);
const mask = (value = 1): number[] => ramp(0).map(i => (i < 6 ? value : 0));

/** A stand-in for SHA-256: a text of the bytes. */
const sha256 = (data: Uint8Array): string => data.join();
const validate = (files: MemoryFiles, folder: string) =>
  validateDataset({ files, images: niftiOnly }, folder, { sha256, progress: silent });

const BROKEN: Readonly<Record<string, readonly [image: Uint8Array | undefined, label: Uint8Array | undefined]>> = {
  fine1: [nifti(ramp(0)), nifti(mask())],
  fine2: [nifti(ramp(1)), nifti(mask())],
  fine3: [nifti(ramp(2)), nifti(mask())],
  noImage: [undefined, nifti(mask())],
  noLabel: [nifti(ramp(4)), undefined],
  shape: [nifti(ramp(5)), nifti(mask(), { size: [3, 4, 2] })],
  affine: [nifti(ramp(6)), nifti(mask(), { shift: 3 })],
  unknown: [nifti(ramp(7)), nifti(mask(7))],
  fraction: [nifti(ramp(8)), nifti(mask(0.5))],
  nan: [nifti([Number.NaN, Number.POSITIVE_INFINITY, ...ramp(9, 22)]), nifti(mask())],
  twin: [nifti(ramp(0)), nifti(mask())],
  fourD: [nifti(ramp(10, 2 * VOXELS)), nifti(mask())],
  empty: [nifti(ramp(11)), nifti(mask(0))],
  garbage: [new TextEncoder().encode('not an image'), nifti(mask())],
  constant: [nifti(ramp(0).map(() => 5)), nifti(mask())],
  outlier: [nifti(ramp(12), { spacing: [1, 1, 5] }), nifti(mask(), { spacing: [1, 1, 5] })],
};

function brokenFiles(): MemoryFiles {
  const files = memoryFiles({
    'd/dataset.json': JSON.stringify({
      channel_names: { 0: 'MRI' },
      labels: { background: 0, blob: 1 },
      file_ending: '.nii',
    }),
  });
  for (const [id, [image, label]] of Object.entries(BROKEN)) {
    if (image !== undefined) files.contents.set(`d/imagesTr/${id}_0000.nii`, image);
    if (label !== undefined) files.contents.set(`d/labelsTr/${id}.nii`, label);
  }
  files.contents.set('d/imagesTr/stray.nii', nifti(ramp(20)));
  files.contents.set('d/imagesTr/fine1_0001.nii', nifti(ramp(21)));
  return files;
}

describe('a data set with every kind of problem', () => {
  let report: ValidationReport;
  beforeAll(async () => {
    report = await validate(brokenFiles(), 'd');
  });

  test.each([
    ['E_CASE_MISSING', 'noImage', 'd/imagesTr/noImage_0000.nii is missing'],
    ['E_SHAPE_MISMATCH', 'shape', '3x4x2 voxels, d/imagesTr/shape_0000.nii has 4x3x2'],
    ['E_AFFINE_MISMATCH', 'affine', '3.00 mm away'],
    ['E_LABEL_UNKNOWN', 'unknown', '7 (6 voxels)'],
    ['E_LABEL_VALUE', 'fraction', '0.5'],
    ['E_IMAGE_NOT_FINITE', 'nan', '2 of 24 voxels'],
    ['E_IMAGE_DUPLICATE', 'twin', 'same voxels as d/imagesTr/fine1_0000.nii'],
    ['E_CHANNELS', 'fourD', 'four-dimensional, with 2 volumes'],
    ['E_IMAGE_CONSTANT', 'constant', 'have the value 5'],
    ['E_DATASET_FORMAT', undefined, 'd/imagesTr/stray.nii has no channel number'],
    ['E_CHANNELS', 'fine1', 'one channel more'],
  ])('%s is found in %s', (code, caseId, message) => {
    const found = report.problems.filter(problem => problem.code === code && problem.caseId === caseId);
    expect(found.map(problem => problem.message)).toEqual([expect.stringContaining(message)]);
    expect(found[0]?.advice).toMatch(/^[A-Z].*\.$/);
  });

  test('a file that cannot be read is named, and does not stop the others', () => {
    const unreadable = report.problems.filter(({ caseId }) => caseId === 'garbage');
    expect(unreadable).toEqual([expect.objectContaining({ file: 'd/imagesTr/garbage_0000.nii' })]);
  });

  test('a case without a label, an empty label and an unusual spacing are warnings', () => {
    expect(report.warnings.map(({ code, caseId }) => [code, caseId])).toEqual([
      ['W_CASE_UNLABELLED', 'noLabel'],
      ['W_LABEL_EMPTY', 'empty'],
      ['W_SPACING_OUTLIER', 'outlier'],
    ]);
  });

  test('nothing else is found, and the counts are right', () => {
    expect(report.problems.length).toBe(12);
    expect([report.cases, report.labelledCases]).toEqual([16, 14]);
    const fine = [...report.problems, ...report.warnings].filter(({ caseId }) => /fine[23]/.test(caseId ?? ''));
    expect(fine).toEqual([]);
  });
});

describe('a data set', () => {
  test('of phantoms is clean', async () => {
    const files = memoryFiles();
    await writePhantomDataset(files, 'p', { seed: 1, cases: 3 });
    expect(await validate(files, 'p')).toMatchObject({ problems: [], warnings: [], cases: 3, labelledCases: 3 });
  });

  test('with a class that no label has is told so, unless it has no labels at all', async () => {
    const files = memoryFiles();
    const labels = { background: 0, whole: [1, 2], ring: [2] };
    files.contents.set(
      'd/dataset.json',
      new TextEncoder().encode(
        JSON.stringify({ channel_names: { 0: 'MRI' }, labels, regions_class_order: [1, 2], file_ending: '.nii' }),
      ),
    );
    files.contents.set('d/imagesTr/a_0000.nii', nifti(ramp(0)));
    files.contents.set('d/labelsTr/a.nii', nifti(mask()));
    const report = await validate(files, 'd');
    expect([...report.problems, ...report.warnings]).toMatchObject([
      {
        code: 'W_CLASS_ABSENT',
        message: 'none of the 1 labelled case has the class "ring" (2), so no model can learn it',
      },
    ]);
    files.contents.delete('d/labelsTr/a.nii');
    expect((await validate(files, 'd')).warnings.map(({ code }) => code)).not.toContain('W_CLASS_ABSENT');
  });

  test('whose label lies within a tenth of a voxel of its image is on one grid', async () => {
    const files = memoryFiles();
    files.contents.set('d/imagesTr/a_0000.nii', nifti(ramp(0)));
    files.contents.set('d/labelsTr/a.nii', nifti(mask(), { shift: 0.05 }));
    files.contents.set('d/dataset.json', brokenFiles().contents.get('d/dataset.json') as Uint8Array);
    expect((await validate(files, 'd')).problems).toEqual([]);
  });

  test('that lists its files may leave labels out, and is told of files that it does not list', async () => {
    const files = memoryFiles({
      'd/dataset.json': JSON.stringify({
        modality: { 0: 'MRI' },
        labels: { 0: 'background', 1: 'blob' },
        training: [{ image: './imagesTr/a.nii' }, { image: './imagesTr/b.nii', label: './labelsTr/b.nii' }],
      }),
    });
    for (const [index, id] of ['a', 'b', 'c'].entries()) {
      files.contents.set(`d/imagesTr/${id}.nii`, nifti(ramp(index)));
      files.contents.set(`d/labelsTr/${id}.nii`, nifti(mask()));
    }
    const { problems, warnings } = await validate(files, 'd');
    expect(problems).toEqual([]);
    expect(warnings.map(({ code, caseId, file }) => [code, caseId ?? file])).toEqual([
      ['W_CASE_UNLABELLED', 'a'],
      ['W_FILE_UNUSED', 'd/imagesTr/c.nii'],
      ['W_FILE_UNUSED', 'd/labelsTr/a.nii'],
      ['W_FILE_UNUSED', 'd/labelsTr/c.nii'],
    ]);
  });

  test('of nnU-Net may leave labels out, but not all of them; test images count in neither layout', async () => {
    const description = brokenFiles().contents.get('d/dataset.json') as Uint8Array;
    const files = memoryFiles();
    files.contents.set('d/dataset.json', description);
    for (const [index, id] of ['a', 'b'].entries()) files.contents.set(`d/imagesTr/${id}_0000.nii`, nifti(ramp(index)));
    files.contents.set('d/imagesTs/t_0000.nii', nifti(ramp(9)));
    const unlabelled = await validate(files, 'd');
    expect(unlabelled.problems).toMatchObject([
      { code: 'E_LABEL_MISSING', message: 'no case of d has a label', advice: expect.stringContaining('d/labelsTr') },
    ]);
    files.contents.set('d/labelsTr/a.nii', nifti(mask()));
    const { problems, warnings } = await validate(files, 'd');
    expect(problems).toEqual([]);
    expect(warnings).toMatchObject([
      { code: 'W_CASE_UNLABELLED', caseId: 'b', advice: expect.stringContaining('Add d/labelsTr/b') },
    ]);
    const decathlon = {
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: 'blob' },
      training: [{ image: './imagesTr/a_0000.nii', label: './labelsTr/a.nii' }, { image: './imagesTr/b_0000.nii' }],
      test: ['./imagesTs/t_0000.nii'],
    };
    files.contents.set('d/dataset.json', new TextEncoder().encode(JSON.stringify(decathlon)));
    const listed = await validate(files, 'd');
    expect(listed.problems).toEqual([]);
    expect(listed.warnings.map(({ code, caseId }) => [code, caseId])).toEqual([['W_CASE_UNLABELLED', 'b_0000']]);
  });

  test('of pairs of files is clean, and folders and other files beside the cases are named once per folder', async () => {
    const description = { channel_names: { 0: 'MRI' }, labels: { background: 0, blob: 1 }, file_ending: '.hdr' };
    const files = memoryFiles({ 'd/dataset.json': JSON.stringify(description) });
    const put = (path: string, { hdr, img }: ReturnType<typeof pairOf>): void => {
      files.contents.set(`${path}.hdr`, hdr);
      files.contents.set(`${path}.img`, img);
    };
    put('d/imagesTr/a_0000', pairOf(nifti(ramp(0))));
    put('d/labelsTr/a', pairOf(nifti(mask())));
    expect(await validate(files, 'd')).toMatchObject({ problems: [], warnings: [], cases: 1, labelledCases: 1 });
    for (const name of ['a.json', 'later/b_0000.hdr', '.DS_Store']) {
      files.contents.set(`d/imagesTr/${name}`, new Uint8Array(3));
    }
    const { problems, warnings } = await validate(files, 'd');
    expect(problems).toEqual([]);
    expect(warnings).toMatchObject([{ code: 'W_FILE_UNUSED', message: 'no case has a.json, later in d/imagesTr' }]);
  });

  test('that leads out of its folder, or is none, is reported', async () => {
    const outside = memoryFiles({
      'd/dataset.json': JSON.stringify({
        modality: { 0: 'MRI' },
        labels: { 0: 'background', 1: 'blob' },
        training: [{ image: '../secret.nii', label: './labelsTr/a.nii' }],
      }),
    });
    expect((await validate(outside, 'd')).problems.map(({ code }) => code)).toEqual(['E_DATASET_PATH']);
    await expect(validate(memoryFiles(), 'nowhere')).rejects.toMatchObject({ code: 'E_DATASET_MISSING' });
  });
});
