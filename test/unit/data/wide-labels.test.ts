/** Labels above 255, as FreeSurfer's atlases have them, in every format, on every way from a file to a score. */
import { describe, expect, test } from 'vitest';
import { UNVARIED } from '../../../src/data/augment/augmentation.ts';
import { parseDatasetJson } from '../../../src/data/dataset-json.ts';
import { makeBatch } from '../../../src/data/loader.ts';
import { indexForeground } from '../../../src/data/patches.ts';
import { encodeLabels, readLabels } from '../../../src/data/volume-file.ts';
import { postprocess } from '../../../src/inference/postprocess.ts';
import { countOverlap, maskOf } from '../../../src/metrics/overlap.ts';
import { labelsOfVolume } from '../../../src/volume/label-volume.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import { labelsToCanonical } from '../../../src/volume/orientation.ts';
import { resampleLabelsToSize } from '../../../src/volume/resample.ts';
import type { LabelVolume, Volume } from '../../../src/volume/volume.ts';
import { niftiOnly } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const VALUES = [0, 17, 255, 256, 2035, 65_535];
const SIZE = [3, 2, 1] as const;
const AFFINE = [-1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const grid = { sizeVoxels: SIZE, spacingMm: [1, 1, 1] as const, affine: AFFINE };
const labels: LabelVolume = { ...grid, data: Uint16Array.from(VALUES) };

describe('files', () => {
  test.each(['o.nii.gz', 'o.nrrd', 'o.mha', 'o.mgz'])('%s keeps them', async name => {
    const files = memoryFiles();
    files.contents.set(name, encodeLabels(labels, { path: name, header: createNiftiHeader(grid) }));
    const back = await readLabels({ files, images: niftiOnly }, name);
    expect(back.data).toEqual(labels.data);
  });

  test('floats that are whole are labels; others, and what is too large, are not', () => {
    const volume: Volume = { ...grid, channels: 1, data: Float32Array.from(VALUES) };
    expect(labelsOfVolume(volume, 'a').data).toEqual(labels.data);
    expect(labelsOfVolume({ ...volume, data: Float32Array.of(0, 1, 2, 3, 4, 255) }, 'a').data).toBeInstanceOf(
      Uint8Array,
    );
    for (const wrong of [1.5, -1, 65_536, Number.NaN]) {
      const data = Float32Array.of(0, 1, 2, wrong, 4, 5);
      expect(() => labelsOfVolume({ ...volume, data }, 'a')).toThrow(/label value .* integers from 0 to 65535/);
    }
  });

  test('big-endian headers too', async () => {
    const image = encodeNiftiImage({ ...grid, channels: 1, data: Float32Array.from(VALUES) }, createNiftiHeader(grid));
    const files = memoryFiles();
    files.contents.set('a.nii.gz', image);
    expect((await readLabels({ files, images: niftiOnly }, 'a.nii.gz')).data).toEqual(labels.data);
  });
});

describe('what is done with labels', () => {
  test('turning and resampling keep their values', () => {
    expect([...labelsToCanonical(labels, { affine: AFFINE }).data]).toEqual([255, 17, 0, 65_535, 2035, 256]);
    const [x, y, z] = SIZE;
    for (const how of ['nearest', 'linear'] as const) {
      const larger = resampleLabelsToSize(labels, [2 * x, y, z], how).data;
      expect(new Set(larger)).toEqual(new Set(VALUES));
    }
  });

  test('overlap, regions and post-processing count them', () => {
    const prediction = Uint16Array.of(0, 17, 17, 256, 65_535, 65_535);
    expect(countOverlap(labels.data, prediction, [17, [256, 2035], 65_535, 9])).toEqual([
      { reference: 1, prediction: 2, intersection: 1 },
      { reference: 2, prediction: 1, intersection: 1 },
      { reference: 1, prediction: 2, intersection: 1 },
      { reference: 0, prediction: 0, intersection: 0 },
    ]);
    expect([...maskOf(labels.data, [256, 65_535])]).toEqual([0, 0, 0, 1, 0, 1]);
    const twice = { ...labels, data: Uint16Array.of(2035, 0, 2035, 2035, 0, 0) };
    const steps = { region: { largestComponent: true } };
    expect([...postprocess(twice, [{ value: 2035, name: 'region' }], steps).data]).toEqual([2035, 0, 0, 2035, 0, 0]);
  });

  test('patches are centred on them and carry them', () => {
    expect(indexForeground(labels.data).map(({ value }) => value)).toEqual(VALUES.slice(1));
    const item = { id: 'a', image: new Float32Array(6), label: labels.data, ...grid, channels: 1 };
    const settings = { seed: 1, batch: 1, patchSize: SIZE, foreground: 1, padding: 'none' as const };
    for (const augment of [undefined, { ...UNVARIED, rotateDegrees: 0.001 }]) {
      const { label } = makeBatch([item], { ...settings, ...(augment && { augment }) }, 0);
      expect([...label]).toEqual(VALUES);
    }
  });

  test('regions may be made of them', () => {
    const { labels: classes } = parseDatasetJson(
      JSON.stringify({
        channel_names: { 0: 'T1' },
        labels: { background: 0, hippocampus: [17, 53], cortex: [1035, 2035] },
        regions_class_order: [17, 2035],
        file_ending: '.mgz',
      }),
      'd/dataset.json',
    );
    expect(classes).toMatchObject([{ value: 0 }, { value: 17 }, { value: 2035, region: [1035, 2035] }]);
  });
});
