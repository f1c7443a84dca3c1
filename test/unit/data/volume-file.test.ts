/** Volumes of every format, against SimpleITK and files whose geometry is known by hand. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { openDataset } from '../../../src/data/dataset.ts';
import { loadCase } from '../../../src/data/loaded-case.ts';
import { encodeLabels, readLabels, readVolume } from '../../../src/data/volume-file.ts';
import { formatOfName, volumeEnding, volumeStem } from '../../../src/data/volume-name.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { geometryWarnings } from '../../../src/volume/geometry.ts';
import type { LabelVolume } from '../../../src/volume/volume.ts';
import { memoryFiles } from '../../support/memory-files.ts';

interface Expected {
  readonly size: readonly number[];
  readonly channels: number;
  readonly spacing: readonly number[];
  readonly affine: readonly number[];
  readonly values: readonly number[];
}

const FOLDER = fileURLToPath(new URL('../../fixtures/formats', import.meta.url));
const disk = createNodeSources();
/** Written by SimpleITK and by hand; see test/fixtures/make-format-goldens.py. */
const expected: Record<string, Expected> = JSON.parse(readFileSync(`${FOLDER}/expected.json`, 'utf8'));

/** Files in memory, read with the real codec. */
function inMemory(contents: Readonly<Record<string, Uint8Array | string>>) {
  const files = memoryFiles();
  for (const [path, content] of Object.entries(contents)) {
    files.contents.set(path, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  }
  return { files, images: disk.images };
}

function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${FOLDER}/${name}`));
}

/** The text of a file's header with one part replaced; the voxels stay. */
function edited(name: string, from: string | RegExp, to: string): Uint8Array {
  const text = new TextDecoder('latin1').decode(fixture(name));
  expect(text).toMatch(from);
  return Uint8Array.from(text.replace(from, to), letter => letter.charCodeAt(0));
}

async function failure(action: Promise<unknown>): Promise<InputError> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof InputError) return error;
  throw new Error(`no InputError but ${String(error)}`);
}

describe('readVolume', () => {
  test.each(Object.entries(expected))('reads %s as SimpleITK does', async (name, golden) => {
    const { volume, header, warnings } = await readVolume(disk, `${FOLDER}/${name}`);
    expect(volume.sizeVoxels).toEqual(golden.size);
    expect(volume.channels).toBe(golden.channels);
    expect(Array.from(volume.data)).toEqual(golden.values.map(Math.fround));
    expect(warnings).toEqual([]);
    golden.spacing.forEach((mm, axis) => {
      expect(volume.spacingMm[axis]).toBeCloseTo(mm, 9);
    });
    golden.affine.forEach((value, index) => {
      expect(volume.affine[index]).toBeCloseTo(value, 9);
      expect(header.affine[index]).toBeCloseTo(value, 5);
    });
  });

  test('one file of a DICOM series stands for all of it', async () => {
    const whole = await readVolume(disk, `${FOLDER}/dicom-oblique`);
    const { volume } = await readVolume(disk, `${FOLDER}/dicom-oblique/IM02.dcm`);
    expect(volume).toEqual(whole.volume);
  });

  test('a MetaImage with three numbers per voxel has three channels: it does not say whether they are colours', async () => {
    expect((await readVolume(disk, `${FOLDER}/colour.mha`)).volume).toMatchObject({
      channels: 3,
      sizeVoxels: [4, 3, 2],
    });
  });

  /** A DICOM file with another number of samples per pixel (0028,0002), an unsigned short. */
  const withSamples = (bytes: Uint8Array, samples: number): Uint8Array => {
    const copy = bytes.slice();
    const at = copy.findIndex((_, start) => [0x28, 0, 2, 0, 2].every((byte, k) => copy[start + k] === byte));
    expect(at).toBeGreaterThan(0);
    copy[at + 8] = samples;
    return copy;
  };

  const slice = (series: string, number: number): Uint8Array => fixture(`dicom-${series}/IM0${number}.dcm`);

  test('two series in one folder are an error that names both; a file chooses one', async () => {
    const sources = inMemory({
      'scan/a': slice('coronal', 0),
      'scan/b': slice('coronal', 1),
      'scan/c': slice('oblique', 2),
      'scan/readme.txt': 'not an image',
    });
    const { code, message } = await failure(readVolume(sources, 'scan'));
    expect(code).toBe('E_DICOM_SERIES');
    expect(message).toMatch(/1\.2\.826\.0\.1\.1\.2 "phantom dicom-coronal" \(2 files.*1\.2\.826\.0\.1\.1\.1 /);
    const chosen = inMemory({ 'scan/a.dcm': slice('coronal', 0), 'scan/c.dcm': slice('oblique', 2) });
    expect((await readVolume(chosen, 'scan/c.dcm')).volume.sizeVoxels).toEqual([4, 3, 1]);
  });

  test('a missing slice and a damaged file are errors', async () => {
    const gap = inMemory({ 's/1': slice('oblique', 1), 's/2': slice('oblique', 2), 's/4': slice('oblique', 4) });
    expect((await failure(readVolume(gap, 's'))).message).toMatch(/apart.*add what is missing/);
    const cut = inMemory({ 's/0': slice('coronal', 0).subarray(0, -10) });
    expect((await failure(readVolume(cut, 's'))).code).toBe('E_DICOM_CORRUPT');
  });

  const refusals: readonly (readonly [string, string, () => Uint8Array | string, string])[] = [
    ['text', 'a.nrrd', () => 'no volume', 'E_VOLUME_CORRUPT'],
    ['an empty file', 'a.mha', () => '', 'E_VOLUME_CORRUPT'],
    ['no DICOM', 'a.dcm', () => 'no volume', 'E_DICOM_CORRUPT'],
    ['colour', 'a.nrrd', () => edited('three-channels.nrrd', 'vector', 'RGB-color'), 'E_VOLUME_TYPE'],
    ['complex numbers', 'a.nrrd', () => edited('two-numbers.nrrd', 'vector', 'complex'), 'E_VOLUME_TYPE'],
    ['colour', 'a.dcm', () => withSamples(slice('coronal', 1), 3), 'E_VOLUME_TYPE'],
    ['a truncated NRRD file', 'a.nrrd', () => fixture('float64.nrrd').subarray(0, -60), 'E_VOLUME_CORRUPT'],
    ['a truncated MetaImage', 'a.mha', () => fixture('uint64.mha').subarray(0, -60), 'E_VOLUME_CORRUPT'],
    [
      'far too many voxels',
      'a.nrrd',
      () => edited('float64.nrrd', 'sizes: 4 3 2', 'sizes: 40000 30000 20000'),
      'E_VOLUME_TOO_LARGE',
    ],
    [
      'far too many voxels',
      'a.mha',
      () => edited('uint64.mha', 'DimSize = 4 3 2', 'DimSize = 40000 30000 20000'),
      'E_VOLUME_TOO_LARGE',
    ],
    [
      'a spacing of 0',
      'a.mha',
      () => edited('uint64.mha', /ElementSpacing = \S+/, 'ElementSpacing = 0'),
      'E_VOLUME_SPACING',
    ],
    [
      'a negative spacing',
      'a.mha',
      () => edited('uint64.mha', /ElementSpacing = \S+/, 'ElementSpacing = -2'),
      'E_VOLUME_SPACING',
    ],
    [
      'voxels outside of the folder',
      'a.mhd',
      () => edited('separate.mhd', 'separate.raw', '../../etc/passwd'),
      'E_VOLUME_PARTS',
    ],
    ['a list of files', 'a.nhdr', () => edited('detached.nhdr', 'detached.raw', 'LIST'), 'E_VOLUME_PARTS'],
    ['voxels that are not there', 'a.mhd', () => fixture('separate.mhd'), 'E_FILE_MISSING'],
  ];
  test.each(refusals)('refuses %s in %s', async (_, name, bytes, code) => {
    const error = await failure(readVolume(inMemory({ [`scans/${name}`]: bytes() }), `scans/${name}`));
    expect(error.code).toBe(code);
    expect(error.message).toContain('scans/');
  });

  test('a file of no known format is named with the formats', async () => {
    expect((await failure(readVolume(disk, `${FOLDER}/expected.json`))).code).toBe('E_VOLUME_FORMAT');
  });
});

describe('encodeLabels', () => {
  test.each(['o.nrrd', 'o.mha', 'o.nii.gz'])('writes %s on the grid of an oblique input', async name => {
    const { volume, header } = await readVolume(disk, `${FOLDER}/int16.nrrd`);
    const { sizeVoxels, spacingMm, affine } = volume;
    const labels: LabelVolume = {
      data: Uint8Array.from({ length: 24 }, (_, i) => i % 3),
      sizeVoxels,
      spacingMm,
      affine,
    };
    const bytes = encodeLabels(labels, { path: name, header });
    const back = await readLabels(inMemory({ [name]: bytes }), name);
    expect(back.data).toEqual(labels.data);
    expect(back.sizeVoxels).toEqual(sizeVoxels);
    affine.forEach((value, index) => {
      expect(back.affine[index]).toBeCloseTo(value, name.endsWith('.gz') ? 5 : 12);
    });
  });
});

describe('a data set in another format', () => {
  test('is opened and loaded like one in NIfTI', async () => {
    const { volume, header } = await readVolume(disk, `${FOLDER}/int16.nrrd`);
    const { sizeVoxels, spacingMm, affine } = volume;
    const labels: LabelVolume = { data: new Uint8Array(24).fill(1), sizeVoxels, spacingMm, affine };
    const sources = inMemory({
      'd/dataset.json': JSON.stringify({
        channel_names: { 0: 'MRI' },
        labels: { background: 0, blob: 1 },
        numTraining: 1,
        file_ending: '.nrrd',
      }),
      'd/imagesTr/a_0000.nrrd': fixture('int16.nrrd'),
      'd/labelsTr/a.nrrd': encodeLabels(labels, { path: 'a.nrrd', header }),
    });
    const dataset = await openDataset(sources.files, 'd');
    expect(await loadCase(sources, dataset, dataset.cases[0]!)).toMatchObject({
      id: 'a',
      image: volume,
      label: { data: labels.data },
      warnings: [],
    });
  });
});

describe('names of volumes', () => {
  test.each([
    ['a/b.nii.gz', 'nifti', 'b', '.nii.gz'],
    ['B.NRRD', 'nrrd', 'B', '.NRRD'],
    ['x.y.mhd', 'meta', 'x.y', '.mhd'],
    ['IM1.dcm', 'dicom', 'IM1', '.dcm'],
    ['a.nii/notes.txt', undefined, 'notes.txt', ''],
  ])('%s is %s', (path, format, stem, ending) => {
    expect(volumeEnding(path)).toBe(ending);
    expect(formatOfName(path)).toBe(format);
    expect(volumeStem(path)).toBe(stem);
  });
});

describe('geometryWarnings', () => {
  const upright = [2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1];

  test('says nothing of a rotated grid with its own spacing', () => {
    const affine = [0, -3, 0, 0, 2, 0, 0, 0, 0, 0, -4, 0, 0, 0, 0, 1];
    expect(geometryWarnings({ affine, spacingMm: [2, 3, 4] }, 'a')).toEqual([]);
  });

  test('names axes that are not at right angles, with the angle', () => {
    const [warning, ...others] = geometryWarnings(
      { affine: upright.with(1, 3 / Math.sqrt(3)), spacingMm: [2, 3, 4] },
      'a',
    );
    expect(warning).toMatchObject({ code: 'W_AXES_SHEARED' });
    expect(warning?.message).toMatch(/a: the axes x and y meet at 60\.0 degrees/);
    expect(others.map(({ code }) => code)).toEqual(['W_SPACING_AFFINE']);
  });

  test('names a spacing that the affine contradicts', () => {
    const [warning] = geometryWarnings({ affine: upright, spacingMm: [2, 3, 5] }, 'a');
    expect(warning).toMatchObject({ code: 'W_SPACING_AFFINE' });
    expect(warning?.message).toContain('2 x 3 x 5 mm, but its affine 2 x 3 x 4 mm');
  });
});
