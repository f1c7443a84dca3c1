/** What the page saves is what the program writes: the same bytes for the same labels, model, version and time. */
import { createHash } from 'node:crypto';
import { unzipSync } from 'fflate';
import { expect, it } from 'vitest';
import { readVolume } from '../../../src/data/volume-file.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { type ResultFormat, resultFiles } from '../../../src/experiment/result-files.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { savedFiles, uncodedWarnings } from '../../../web/saving.ts';
import { sliceFile } from '../../support/dicom-files.ts';
import { BLOB_FACTS, modelBytes } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const TIME = '2026-11-28T10:11:12.000Z';

async function setUp() {
  const files = memoryFiles();
  files.contents.set('m.onnx', modelBytes({}));
  for (let k = 0; k < 4; k++) files.contents.set(`in/${k}.dcm`, sliceFile(k));
  const read = await readVolume({ ...createNodeSources(), files }, 'in');
  const model = await readModelFile(files, 'm.onnx', { given: BLOB_FACTS });
  const { sizeVoxels, spacingMm, affine } = read.volume;
  const data = Uint8Array.from({ length: 48 }, (_, index) => (index % 5 < 2 ? 1 : 0));
  const labels = { data, sizeVoxels, spacingMm, affine };
  const item = { name: 'student', labels, classes: model.info.labels, model, madeAt: TIME, cost: '', warnings: [] };
  const machine = {
    sha256: (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex'),
    now: () => TIME,
    provenance: { versions: { voxstill: '1.2.3' } },
  };
  const written = (format: Partial<ResultFormat> & { path: string }) =>
    resultFiles(labels, { segmentationType: 'binary', handover: {}, ...format }, { models: [model], machine, read });
  const saved = (kind: Parameters<typeof savedFiles>[1]['kind']) =>
    savedFiles(item, { read, stem: 'x', kind, version: '1.2.3' });
  return { written, saved, item, read, model, machine };
}

it('saves every kind of file with the bytes that the program writes', async () => {
  const { written, saved } = await setUp();
  expect(saved('nifti')).toEqual(written({ path: 'x.nii.gz' }));
  expect(saved('nrrd')).toEqual(written({ path: 'x.seg.nrrd' }));
  expect(saved('binary')).toEqual(written({ path: 'x.dcm' }));
  expect(saved('labelmap')).toEqual(written({ path: 'x.dcm', segmentationType: 'labelmap' }));
  expect(saved('rtstruct')).toEqual(
    written({ path: 'x.nii.gz', handover: { structureSet: 'x_rtstruct.dcm' } }).slice(1),
  );
  expect(saved('report')).toEqual(written({ path: 'x.dcm', handover: { measurements: 'x_report.dcm' } }));
  expect(saved('obj')).toEqual(written({ path: 'x.nii.gz', handover: { surfaces: 'x.obj' } }).slice(1));
  expect(saved('stl').map(({ path }) => path)).toEqual(['x_blob.stl']);
});

it('puts the surfaces of many structures into one archive, none with the name of another', async () => {
  const { item, read } = await setUp();
  const labels = ['background', 'part 1', 'Left/lobe', 'left lobe'].map((name, value) => ({ value, name }));
  const model = { ...item.model, info: { ...item.model.info, labels } };
  const data = Uint8Array.from(item.labels.data, (_, index) => index % 4);
  const [archive, ...others] = savedFiles(
    { ...item, model, labels: { ...item.labels, data } },
    { read, stem: 'x', kind: 'stl', version: '1' },
  );
  expect(others).toEqual([]);
  expect(archive!.path).toBe('x_stl.zip');
  expect(Object.keys(unzipSync(archive!.bytes))).toEqual(['x_part_1_1.stl', 'x_Left_lobe_2.stl', 'x_left_lobe_3.stl']);
});

it('says in DICOM of a segmentation that was corrected by hand that a person had a part in it', async () => {
  const { item, read, model, machine } = await setUp();
  const corrected = { ...item, correctedAt: '2026-11-28T11:00:00.000Z' };
  const save = (one: typeof item, kind: 'binary' | 'rtstruct'): Buffer =>
    Buffer.from(savedFiles(one, { read, stem: 'x', kind, version: '1.2.3' })[0]!.bytes);
  for (const [kind, what] of [
    ['binary', 'Segmentation'],
    ['rtstruct', 'Outlines'],
  ] as const) {
    expect(save(item, kind).includes(`Corrected by hand: ${what}`)).toBe(false);
    expect(save(item, kind).includes('SEMIAUTOMATIC')).toBe(false);
    expect(save(corrected, kind).includes(`Corrected by hand: ${what} by`)).toBe(true);
    expect(save(corrected, kind).includes('SEMIAUTOMATIC')).toBe(true);
  }
  const format: ResultFormat = { path: 'x.dcm', segmentationType: 'binary', handover: {} };
  const by = { ...machine, now: () => corrected.correctedAt, isCorrected: true } as const;
  const [written] = resultFiles(item.labels, format, { models: [model], machine: by, read });
  expect(save(corrected, 'binary').equals(Buffer.from(written!.bytes))).toBe(true);
});

it('names the classes without a code where a file has codes, and no others', () => {
  const code = { value: '5366008', scheme: 'SCT', meaning: 'Hippocampus' };
  const classes = [
    { value: 0, name: 'background' },
    { value: 1, name: 'Left-Hippocampus' },
    { value: 2, name: 'blob' },
    { value: 3, name: 'other blob', code },
  ];
  for (const kind of ['binary', 'labelmap', 'rtstruct', 'report', 'nrrd'] as const) {
    expect(uncodedWarnings({ classes }, kind)).toEqual([
      { code: 'W_CLASS_CODE', message: expect.stringMatching(/^no code is known of blob: saved with its name/) },
    ]);
  }
  expect(uncodedWarnings({ classes }, 'nifti')).toEqual([]);
  expect(uncodedWarnings({ classes: classes.filter(({ value }) => value !== 2) }, 'binary')).toEqual([]);
});
