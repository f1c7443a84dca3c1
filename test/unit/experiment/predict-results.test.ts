/** What `predict` writes beside or in place of a volume: DICOM objects of a DICOM series, segments, surfaces. */
import dicomParser from 'dicom-parser';
import { describe, expect, it } from 'vitest';
import { readVolume } from '../../../src/data/volume-file.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { predictFiles } from '../../../src/experiment/predict.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import { parseNrrd } from '../../../src/volume/nrrd.ts';
import { readStoredImage } from '../../../src/volume/stored-image.ts';
import type { Xyz } from '../../../src/volume/volume.ts';
import { COLUMNS, ROWS, sliceFile } from '../../support/dicom-files.ts';
import { BLOB_FACTS, createLaboratory, functionEngine, modelBytes, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const DEPTH = 4;
/** The first slice is below 0, the others above it. */
const RESCALE = { '00281052 DS': '-100', '00281053 DS': '1' };

/** Series of 4x3x4 voxels in the folders `in/a` and `in/b`, some of their voxels above the threshold. */
async function setUp() {
  const files = memoryFiles();
  files.contents.set('m.onnx', modelBytes({}));
  for (const folder of ['a', 'b']) {
    for (let k = 0; k < DEPTH; k++) files.contents.set(`in/${folder}/${k}.dcm`, sliceFile(k, { elements: RESCALE }));
  }
  const grid = {
    sizeVoxels: [4, 3, 4] as Xyz,
    spacingMm: [1, 1, 1] as Xyz,
    affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
  };
  const image = { ...grid, data: new Float32Array(48).fill(1), channels: 1 };
  files.contents.set('plain.nii.gz', encodeNiftiImage(image, createNiftiHeader(grid)));
  const laboratory = createLaboratory(functionEngine(thresholdModel), files);
  const model = await readModelFile(files, 'm.onnx', { given: BLOB_FACTS });
  const choices = { models: [model], probabilities: false, window: { overlap: 0.5 } };
  return { files, laboratory, choices };
}

describe('predictFiles with other results', () => {
  it('writes a DICOM Segmentation, outlines and a report of one series, and surfaces', async () => {
    const { files, laboratory, choices } = await setUp();
    const handover = { structureSet: 'out/rt.dcm', measurements: 'out/sr.dcm', surfaces: 'out/s.obj' };
    const output = 'out/seg.dcm';
    const [prediction] = await predictFiles(laboratory, { ...choices, input: 'in/a', output, entropy: true, handover });
    expect(prediction!.output).toBe(output);
    expect((await files.list('out')).toSorted()).toEqual([
      'rt.dcm',
      's.obj',
      'seg.dcm',
      'seg_entropy.nii.gz',
      'sr.dcm',
    ]);
    const set = dicomParser.parseDicom(files.contents.get(output)!);
    expect([set.string('x00080060'), set.string('x00620001'), set.string('x00280008')]).toEqual(['SEG', 'BINARY', '3']);
    const report = dicomParser.parseDicom(files.contents.get('out/sr.dcm')!);
    expect(report.string('x00080060')).toBe('SR');
    // the objects name each other by the same identifier
    const uid = set.string('x00080018')!;
    expect(new TextDecoder('latin1').decode(files.contents.get('out/sr.dcm')!)).toContain(uid);
  });

  it('writes label maps where these are asked for, and a folder of series in one format', async () => {
    const { files, laboratory, choices } = await setUp();
    const options = { ...choices, input: 'in', output: 'out', format: 'dcm', segmentationType: 'labelmap' } as const;
    const predictions = await predictFiles(laboratory, options);
    expect(predictions.map(({ output }) => output)).toEqual(['out/a.dcm', 'out/b.dcm']);
    const set = dicomParser.parseDicom(files.contents.get('out/b.dcm')!);
    expect(set.string('x00620001')).toBe('LABELMAP');
    const pixels = set.elements['x7fe00010']!;
    const labels = [...set.byteArray.subarray(pixels.dataOffset, pixels.dataOffset + ROWS * COLUMNS * DEPTH)];
    await predictFiles(laboratory, { ...choices, input: 'in/b', output: 'b.nii.gz' });
    const { volume } = await readVolume({ ...createNodeSources(), files }, 'b.nii.gz');
    expect(labels).toEqual([...volume.data]);
    expect(new Set(labels)).toEqual(new Set([0, 1]));
  });

  it('names the segments of a .seg.nrrd file, and a surface of each class in STL', async () => {
    const { files, laboratory, choices } = await setUp();
    const options = {
      ...choices,
      input: 'plain.nii.gz',
      output: 'out/x.seg.nrrd',
      handover: { surfaces: 'out/x.stl' },
    };
    await predictFiles(laboratory, options);
    const bytes = files.contents.get('out/x.seg.nrrd')!;
    const header = new TextDecoder('latin1').decode(bytes.subarray(0, 900));
    expect(header).toMatch(/\nSegment0_Name:=blob\n/);
    expect(header).toMatch(/\nSegment0_LabelValue:=1\n/);
    expect(header).toMatch(/\nSegment0_Extent:=0 3 0 2 0 3\n/);
    expect([...readStoredImage(parseNrrd(bytes, 'x'), bytes, 'x').volume.data]).toEqual(new Array(48).fill(1));
    expect(files.contents.get('out/x_blob.stl')).toBeDefined();
  });

  it('refuses DICOM for what is not DICOM, and names that do not say what they are', async () => {
    const { files, laboratory, choices } = await setUp();
    const predict = (options: object) =>
      predictFiles(laboratory, { ...choices, input: 'in/a', output: 'out/x.nii.gz', ...options });
    await expect(predict({ input: 'plain.nii.gz', output: 'out/x.dcm' })).rejects.toThrow(
      /plain\.nii\.gz is not DICOM/,
    );
    files.contents.set('in/c/0.dcm', sliceFile(0, { elements: { '0020000d UI': '' } }));
    files.contents.set('in/c/1.dcm', sliceFile(1, { elements: { '0020000d UI': '' } }));
    await expect(predict({ input: 'in/c', output: 'out/x.dcm' })).rejects.toThrow(/in\/c lacks Study/);
    await expect(predict({ handover: { structureSet: 'rt.nii' } })).rejects.toThrow(/--rtstruct/);
    await expect(predict({ handover: { measurements: 'sr.dcm' } })).rejects.toThrow(/--measurements/);
    await expect(predict({ handover: { surfaces: 'x.ply' } })).rejects.toThrow(/surfaces/);
    const several = { input: 'in', output: 'out', handover: { structureSet: 'rt.dcm' } };
    await expect(predict(several)).rejects.toThrow(/rt\.dcm can be written for one volume alone/);
    await expect(predict({ output: 'out/x.dcm', handover: { structureSet: 'out/x.dcm' } })).rejects.toThrow(
      /results of different inputs/,
    );
    expect(await files.list('out')).toEqual([]);
  });
});
