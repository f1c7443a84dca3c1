/**
 * Names against the template of BIDS 1.11.1 (derivatives/imaging, discrete segmentations), which is written down here
 * on its own, and what the schema demands of dseg.tsv, sidecars and dataset_description.json.
 */
import { describe, expect, it } from 'vitest';
import { bidsPath } from '../../../src/experiment/bids.ts';
import type { PredictionFailure } from '../../../src/experiment/failure.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { predictFiles } from '../../../src/experiment/predict.ts';
import { createNiftiHeader, decodeLabels, decodeNifti, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Xyz } from '../../../src/volume/volume.ts';
import { createLaboratory, functionEngine, modelBytes, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

/** <source entities>[_space-<space>][_res-<label>]_dseg.<ending> of an anatomical image, in the order of the schema. */
const TEMPLATE =
  /^sub-[0-9a-zA-Z+]+(_ses-[0-9a-zA-Z+]+)?(_task-[0-9a-zA-Z+]+)?(_acq-[0-9a-zA-Z+]+)?(_ce-[0-9a-zA-Z+]+)?(_rec-[0-9a-zA-Z+]+)?(_run-[0-9]+)?(_echo-[0-9]+)?(_part-[0-9a-zA-Z+]+)?(_space-[0-9a-zA-Z+]+)?(_chunk-[0-9]+)?(_res-[0-9a-zA-Z+]+)?_(dseg\.(nii\.gz|tsv|json)|probseg\.(nii\.gz|json))$/;

describe('bidsPath', () => {
  it.each([
    ['in/sub-01_T1w.nii.gz', 'out/sub-01/anat/sub-01_dseg.nii.gz'],
    [
      'sub-01_ses-pre_acq-highres_run-02_T1w.nii',
      'out/sub-01/ses-pre/anat/sub-01_ses-pre_acq-highres_run-02_dseg.nii.gz',
    ],
    [
      'sub-A1_space-MNI152NLin2009cAsym_res-2_desc-preproc_T2w.nii.gz',
      'out/sub-A1/anat/sub-A1_space-MNI152NLin2009cAsym_res-2_dseg.nii.gz',
    ],
    ['sub-01_UNIT1.mha', 'out/sub-01/anat/sub-01_dseg.nii.gz'],
  ])('names the result of %s', (input, output) => {
    expect(bidsPath([input], 'out')).toBe(output);
    expect(output.split('/').at(-1)).toMatch(TEMPLATE);
  });

  it.each([
    ['scan.nii.gz', 'ends with "scan"'],
    ['sub-01_bold.nii.gz', 'ends with "bold"'],
    ['ses-1_T1w.nii.gz', 'it has no sub-'],
    ['sub-01_run-1_acq-a_T1w.nii.gz', '"acq-a" is not in its place'],
    ['sub-01_sub-02_T1w.nii.gz', '"sub-02" is not in its place'],
    ['sub-01_side-left_T1w.nii.gz', '"side-left" is none of sub-, ses-'],
    ['sub-a.b_T1w.nii.gz', '"a.b" of sub must be letters, digits and + only'],
    ['sub-_T1w.nii.gz', '"" of sub must be'],
    ['sub-01_run-one_T1w.nii.gz', '"one" of run must be digits'],
  ])('refuses %s and says what to do', (input, what) => {
    const asked = (): string => bidsPath([input], 'out');
    expect(asked).toThrow(what);
    expect(asked).toThrow(/Rename it, for example to sub-01_ses-1_T1w\.nii\.gz, or leave out --bids/);
  });

  it('takes channels of one subject and session only', () => {
    expect(bidsPath(['sub-01_T1w.nii.gz', 'sub-01_FLAIR.nii.gz'], 'out')).toBe('out/sub-01/anat/sub-01_dseg.nii.gz');
    expect(() => bidsPath(['sub-01_T1w.nii.gz', 'sub-02_FLAIR.nii.gz'], 'out')).toThrow('another subject or session');
  });
});

describe('predict --bids', () => {
  const grid = {
    sizeVoxels: [4, 4, 4] as Xyz,
    spacingMm: [1, 1, 1] as Xyz,
    affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
  };
  const setUp = async () => {
    const files = memoryFiles();
    files.contents.set('m.onnx', modelBytes({}));
    const data = Float32Array.from({ length: 64 }, (_, index) => Number(index < 8));
    const image = encodeNiftiImage({ ...grid, data, channels: 1 }, createNiftiHeader(grid));
    for (const name of ['sub-01_T1w', 'sub-02_ses-1_T1w', 'scan']) files.contents.set(`in/${name}.nii.gz`, image);
    const labels = [
      { value: 0, name: 'background' },
      { value: 1, name: 'left\tblob' },
    ];
    const model = await readModelFile(files, 'm.onnx', {
      given: { labels, normalize: 'none', activation: 'softmax', channels: 1 },
    });
    const laboratory = createLaboratory(functionEngine(thresholdModel), files);
    const failures: PredictionFailure[] = [];
    const options = {
      models: [model],
      input: 'in',
      output: 'out',
      probabilities: true,
      bids: true,
      window: {},
      onFailure: (one: PredictionFailure) => failures.push(one),
    };
    const text = (path: string): string => new TextDecoder().decode(files.contents.get(path));
    return { files, laboratory, options, failures, text };
  };

  it('writes a derivative, and lists the input whose name is none of BIDS', async () => {
    const { files, laboratory, options, failures, text } = await setUp();
    const predictions = await predictFiles(laboratory, options);
    expect(failures).toMatchObject([{ inputs: ['in/scan.nii.gz'], code: 'E_BIDS_NAME' }]);
    expect(predictions.map(({ output }) => output)).toEqual([
      'out/sub-01/anat/sub-01_dseg.nii.gz',
      'out/sub-02/ses-1/anat/sub-02_ses-1_dseg.nii.gz',
    ]);
    const written = [...files.contents.keys()].filter(path => path.startsWith('out/'));
    const names = written.filter(path => path !== 'out/dataset_description.json').map(path => path.split('/').at(-1));
    expect(names).toHaveLength(10);
    for (const name of names) expect(name).toMatch(TEMPLATE);
    const stem = 'out/sub-01/anat/sub-01';
    const seg = decodeLabels(files.contents.get(`${stem}_dseg.nii.gz`)!, { path: 'dseg' });
    expect(seg.data.slice(0, 9)).toEqual(Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0));
    // the columns that the schema requires, an integer and a unique name
    expect(text(`${stem}_dseg.tsv`)).toBe('index\tname\n0\tbackground\n1\tleft blob\n');
    expect(JSON.parse(text(`${stem}_dseg.json`))).toEqual({ Manual: false, SpatialReference: 'orig' });
    expect(JSON.parse(text(`${stem}_probseg.json`)).LabelMap).toEqual(['background', 'left\tblob']);
    expect(decodeNifti(files.contents.get(`${stem}_probseg.nii.gz`)!, { path: 'p' }).volume.channels).toBe(2);
    // Name and BIDSVersion are required, of a derivative GeneratedBy with a Name too
    expect(JSON.parse(text('out/dataset_description.json'))).toMatchObject({
      Name: expect.any(String),
      BIDSVersion: '1.11.1',
      DatasetType: 'derivative',
      GeneratedBy: [{ Name: 'voxstill', Version: '0', Description: expect.stringContaining('m.onnx (SHA-256 ') }],
    });
  });

  it('leaves the description of a derivative as it is, and refuses a folder of raw data', async () => {
    const { files, laboratory, options, text } = await setUp();
    const own = JSON.stringify({ Name: 'mine', BIDSVersion: '1.8.0', DatasetType: 'derivative' });
    files.contents.set('out/dataset_description.json', new TextEncoder().encode(own));
    await predictFiles(laboratory, options);
    expect(text('out/dataset_description.json')).toBe(own);
    files.contents.set(
      'raw/dataset_description.json',
      new TextEncoder().encode('{ "Name": "r", "BIDSVersion": "1.8.0" }'),
    );
    await expect(predictFiles(laboratory, { ...options, output: 'raw' })).rejects.toMatchObject({
      code: 'E_BIDS_DATASET',
      message: expect.stringContaining('--output raw/derivatives/voxstill'),
    });
  });

  it('refuses two images that would have one name, a file as output, and a map of entropy', async () => {
    const { files, laboratory, options } = await setUp();
    files.contents.set('in/sub-01_T2w.nii.gz', files.contents.get('in/sub-01_T1w.nii.gz')!);
    await expect(predictFiles(laboratory, options)).rejects.toMatchObject({ code: 'E_OUTPUT_NAME' });
    files.contents.delete('in/sub-01_T2w.nii.gz');
    await expect(predictFiles(laboratory, { ...options, output: 'out.nii.gz' })).rejects.toThrow('must be one, not');
    await expect(predictFiles(laboratory, { ...options, entropy: true })).rejects.toThrow(
      'no name for a map of entropy',
    );
    await expect(predictFiles(laboratory, { ...options, input: 'in/scan.nii.gz' })).rejects.toMatchObject({
      code: 'E_BIDS_NAME',
    });
  });
});
