/** A model knows its training cases: inputs that make no sense are told by the program, and refused with --strict. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { createNiftiHeader, decodeNifti, encodeNiftiImage } from '../../src/volume/nifti.ts';
import type { Volume } from '../../src/volume/volume.ts';
import { contentsOf, readJson, temporaryFolder, voxstill } from '../support/program.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const folder = temporaryFolder();
const model = join(folder, 'run/teacher/model.onnx');
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  await writePhantomDataset(nodeFiles, join(folder, 'phantoms'), { seed: 2, cases: 5 });
  writeFileSync(join(folder, 'recipe.yaml'), tinyRecipe('phantoms', 4));
  const trained = await voxstill(['train', 'recipe.yaml', '--arm', 'teacher', '--out', 'run'], { cwd: folder });
  expect(trained, trained.stderr).toMatchObject({ code: 0 });
  mkdirSync(join(folder, 'scans'));
  const path = join(folder, 'phantoms/imagesTr/phantom_001.nii.gz');
  const { volume } = decodeNifti(await nodeFiles.read(path), { path });
  const write = (name: string, scan: Volume): void => {
    writeFileSync(join(folder, 'scans', `${name}.nii.gz`), encodeNiftiImage(scan, createNiftiHeader(scan)));
  };
  write('right', volume);
  const affine = volume.affine.map((value, index) => (index % 5 === 0 && index < 15 ? value * 0.001 : value));
  write('metres', { ...volume, affine, spacingMm: [0.001, 0.001, 0.001] });
  write('ct', { ...volume, data: volume.data.map(value => value - 0.6 * Math.max(...volume.data.subarray(0, 1000))) });
}, 100_000);

it('knows its training cases in evaluate, and a run whose teacher has seen its test cases says so', async () => {
  const args = ['evaluate', '--model', model, '--data', 'phantoms', '--split', 'all', '--json'];
  const call = await voxstill(args, { cwd: folder });
  expect(call, call.stderr).toMatchObject({ code: 0 });
  const { warnings } = JSON.parse(call.stdout);
  expect(warnings).toMatchObject([{ code: 'W_CASES_SEEN', model, teacher: [] }]);
  expect([warnings[0].training.length, warnings[0].validation.length]).toEqual([3, 1]);
  expect(call.stderr).toMatch(/\nW_CASES_SEEN: .*3 of the 5 cases were training cases of it/);

  const [seen] = warnings[0].training;
  const others = ['phantom_001', 'phantom_002', 'phantom_003', 'phantom_004', 'phantom_005'].filter(id => id !== seen);
  const splits = { train: others.slice(0, 3), val: others.slice(3), test: [seen] };
  writeFileSync(join(folder, 'splits.json'), JSON.stringify(splits));
  const text = tinyRecipe('phantoms', 4)
    .replace(/splits: \{.*?\}/, 'splits: { file: splits.json }')
    .replace(/teacher: .*/, `teacher: { onnx: ${JSON.stringify(model)} }`);
  writeFileSync(join(folder, 'distil.yaml'), `${text}baseline: false\n`);
  const run = await voxstill(['run', 'distil.yaml', '--out', 'distilled'], { cwd: folder });
  expect(run, run.stderr).toMatchObject({ code: 0 });
  expect(run.stderr).toMatch(/teacher: W_CASES_SEEN: .*1 of the 1 test cases was a training case of it/);
  expect(readJson(join(folder, 'distilled/run.json'))).toMatchObject({ warnings: [{ code: 'W_CASES_SEEN' }] });
  const report = readFileSync(join(folder, 'distilled/report.html'), 'utf8');
  expect(report).toMatch(/<dt>Warning<\/dt><dd>W_CASES_SEEN: model\.onnx has seen/);
  // the student has not been trained on it, but by a teacher that was
  expect(readJson(join(folder, 'distilled/student/evaluation.json'))).toMatchObject({
    warnings: [{ code: 'W_CASES_SEEN', training: [], teacher: [seen] }],
  });
}, 100_000);

interface Warned {
  readonly inputs: readonly string[];
  readonly warnings: readonly { readonly code: string }[];
}

const codesOf = (list: readonly Warned[], name: string): readonly string[] =>
  list.find(({ inputs }) => inputs[0]?.includes(name))?.warnings.map(({ code }) => code) ?? [];

it('warns of what is far from its training cases, with figures, and segments it', async () => {
  const call = await voxstill(
    [
      'predict',
      '--model',
      model,
      '--input',
      'scans',
      'phantoms/labelsTr/phantom_001.nii.gz',
      '--output',
      'out',
      '--json',
      '--quiet',
    ],
    { cwd: folder },
  );
  expect(call, call.stderr).toMatchObject({ code: 0 });
  const { predictions, failed } = JSON.parse(call.stdout);
  expect(failed).toEqual([]);
  expect(codesOf(predictions, 'right').filter(code => code.startsWith('W_IMAGE'))).toEqual([]);
  expect(codesOf(predictions, 'metres')).toEqual(expect.arrayContaining(['W_IMAGE_EXTENT', 'W_IMAGE_SPACING']));
  expect(codesOf(predictions, 'ct')).toContain('W_IMAGE_INTENSITY');
  expect(codesOf(predictions, 'labelsTr')).toContain('W_IMAGE_LABELS');
  const spacing = predictions
    .flatMap(({ warnings }: Warned) => warnings)
    .find(({ code }: { code: string }) => code === 'W_IMAGE_SPACING');
  expect(spacing).toMatchObject({
    found: [0, 1, 2].map(() => expect.closeTo(0.001, 9)),
    unit: 'mm',
    training: { min: [1, 1, 1] },
    times: expect.closeTo(0.001, 9),
  });
  // even with --quiet
  expect(call.stderr).toMatch(/ {2}W_IMAGE_SPACING: metres: the image has voxels of 0\.001 mm along x/);
  expect(Object.keys(contentsOf(join(folder, 'out')))).toHaveLength(4);
});

it('with --strict writes nothing for them, goes on, and exits with 1', async () => {
  const args = ['predict', '--model', model, '--input', 'scans', '--output', 'strict', '--strict', '--json'];
  const call = await voxstill(args, { cwd: folder });
  expect(call, call.stderr).toMatchObject({ code: 1 });
  const { failed } = JSON.parse(call.stdout);
  expect(codesOf(failed, 'metres')).toEqual(['W_IMAGE_EXTENT', 'W_IMAGE_SPACING']);
  expect(codesOf(failed, 'ct')).toEqual(['W_IMAGE_INTENSITY']);
  expect(call.stderr).toMatch(/scans\/ct\.nii\.gz: E_IMPLAUSIBLE: W_IMAGE_INTENSITY: ct: 99 % of the intensities/);
  expect(Object.keys(contentsOf(join(folder, 'strict')))).not.toContain('metres.nii.gz');

  const single = ['predict', '--model', model, '--input', 'scans/ct.nii.gz', '--output', 'single.nii.gz', '--strict'];
  const { code, stderr } = await voxstill(single, { cwd: folder });
  expect([code, stderr]).toEqual([1, expect.stringMatching(/E_IMPLAUSIBLE: W_IMAGE_INTENSITY/)]);
});
