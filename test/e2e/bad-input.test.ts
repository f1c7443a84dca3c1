/**
 * Bad input through the program: one clear error with its code, nothing half-written, nothing of an earlier run lost.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { type Call, contentsOf, temporaryFolder, voxstill } from '../support/program.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const folder = temporaryFolder();
const data = join(folder, 'data');
const IMAGE = 'imagesTr/phantom_003.nii.gz';
const LABEL = 'labelsTr/phantom_003.nii.gz';
/** Of a NIfTI-1 file without extensions. */
const VOXEL_OFFSET = 352;

beforeAll(async () => {
  await writePhantomDataset(nodeFiles, data, { seed: 5, cases: 5 });
  // an earlier run and other work of the user, which must stay as they are
  mkdirSync(join(folder, 'earlier/teacher'), { recursive: true });
  writeFileSync(join(folder, 'earlier/recipe.yaml'), 'of an earlier run\n');
  writeFileSync(join(folder, 'earlier/teacher/model.onnx'), 'the only copy');
  writeFileSync(join(folder, 'notes.txt'), 'not a volume');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Changes a copy of the data set; returns its folder. */
function brokenData(name: string, damage: (folder: string) => void): string {
  const copy = join(folder, name);
  cpSync(data, copy, { recursive: true });
  damage(copy);
  return copy;
}

function rewriteVoxels(path: string, change: (file: Buffer) => Buffer): void {
  writeFileSync(path, gzipSync(change(gunzipSync(readFileSync(path)))));
}

/** Writes a recipe, calls the program, and checks all that is common to errors of the user. */
async function refused(args: readonly string[], code: string): Promise<Call> {
  const before = contentsOf(folder);
  const call = await voxstill(args, { cwd: folder });
  expect(call, call.stderr).toMatchObject({ code: 2, stdout: '' });
  const errors = call.stderr.split('\n').filter(line => /^E_/.test(line));
  expect(errors.map(line => line.split(':')[0])).toEqual([code]);
  expect(call.stderr, 'a stack trace').not.toMatch(/^\s+at |node:internal/m);
  expect(contentsOf(folder)).toEqual(before);
  return call;
}

function recipeFile(text: string): string {
  const path = join(folder, 'bad.yaml');
  writeFileSync(path, text);
  return path;
}

describe('a data set', () => {
  const run = (dataset: string): readonly string[] => ['run', recipeFile(tinyRecipe(dataset)), '--out', 'out'];

  it.each<[string, string, RegExp, (copy: string) => void]>([
    ['that lacks a file', 'E_CASE_MISSING', new RegExp(IMAGE), copy => rmSync(join(copy, IMAGE))],
    ['with a file cut off', 'E_NIFTI_CORRUPT', new RegExp(IMAGE), copy => truncateSync(join(copy, IMAGE), 3000)],
    [
      'with a file that is no volume',
      'E_NIFTI_CORRUPT',
      new RegExp(IMAGE),
      copy => cpSync(join(folder, 'notes.txt'), join(copy, IMAGE)),
    ],
    [
      'with an image and a label of different shape',
      'E_SHAPE_MISMATCH',
      new RegExp(`${LABEL} has \\d+x\\d+x\\d+ voxels, but .*${IMAGE} has \\d+x\\d+x\\d+`),
      copy =>
        rewriteVoxels(join(copy, LABEL), file => {
          file.writeInt16LE(file.readInt16LE(46) - 1, 46);
          return file.subarray(0, file.length - file.readInt16LE(42) * file.readInt16LE(44));
        }),
    ],
    [
      'with a label that dataset.json does not name',
      'E_LABEL_UNKNOWN',
      new RegExp(`${LABEL} has the label value 7 in 1 voxel`),
      copy =>
        rewriteVoxels(join(copy, LABEL), file => {
          file[VOXEL_OFFSET] = 7;
          return file;
        }),
    ],
    ['without dataset.json', 'E_DATASET_MISSING', /dataset\.json/, copy => rmSync(join(copy, 'dataset.json'))],
    [
      'whose dataset.json is broken',
      'E_DATASET_FORMAT',
      /not JSON/,
      copy => truncateSync(join(copy, 'dataset.json'), 40),
    ],
  ])('%s is %s', async (name, code, message, damage) => {
    const copy = brokenData(`data ${name}`, damage);
    const { stderr } = await refused(run(copy), code);
    expect(stderr).toMatch(message);
    rmSync(copy, { recursive: true });
  });

  it('that is not there is E_FILE_MISSING, with where it was looked for', async () => {
    const { stderr } = await refused(run('nowhere/Task99'), 'E_FILE_MISSING');
    expect(stderr).toMatch(/bad\.yaml names nowhere\/Task99/);
  });
});

describe('a recipe', () => {
  it.each([
    [
      'an unknown key',
      'E_RECIPE_KEY',
      ['--set', 'student.train.stepz=3'],
      /student\.train\.stepz: unknown key; did you mean "steps"/,
    ],
    [
      'a value of the wrong kind',
      'E_RECIPE_VALUE',
      ['--set', 'teacher.train.steps=0'],
      /teacher\.train\.steps: got 0; allowed: a whole number of at least 1/,
    ],
    [
      'a patch larger than a case',
      'E_PATCH_TOO_LARGE',
      ['--set', 'patch.size=[16, 24, 128]'],
      /patch 16x24x128 does not fit case "phantom_\d+" \(\d+x\d+x\d+ voxels at 1 x 1 x 1 mm\)/,
    ],
    [
      'a patch larger than a case that is not padded',
      'E_PATCH_TOO_LARGE',
      ['--set', 'patch={ size: [16, 64, 16], padding: none }'],
      /Set patch\.size to at most/,
    ],
    [
      'a patch that cannot be halved',
      'E_RECIPE_VALUE',
      ['--set', 'patch.size=[16, 24, 15]'],
      /nearest sizes that work: \[16, 24, 14\] and \[16, 24, 16\]/,
    ],
  ] as const)('with %s is %s', async (_, code, words, message) => {
    const { stderr } = await refused(['run', recipeFile(tinyRecipe(data)), '--out', 'out', ...words], code);
    expect(stderr).toMatch(message);
  });

  it('with an unknown key is told by line, all problems at once', async () => {
    const text = tinyRecipe(data).replace('augment:', 'augmentt:').replace('rotateDegrees', 'rotateDegree');
    const { stderr } = await refused(['run', recipeFile(`${text}seedz: [1]\n`), '--out', 'out'], 'E_RECIPE_KEY');
    expect(stderr).toMatch(
      /bad\.yaml:3 augmentt: unknown key; did you mean "augment"\?\n.*bad\.yaml:6 seedz: .*"seeds"/,
    );
  });

  it('that is not there, or no YAML', async () => {
    await refused(['run', 'nowhere.yaml'], 'E_FILE_MISSING');
    await refused(['run', recipeFile('data: { dataset: [\n')], 'E_RECIPE');
  });
});

describe('a folder that is not empty', () => {
  it.each([
    ['run', ['run', 'bad.yaml', '--out', 'earlier']],
    ['train', ['train', 'bad.yaml', '--arm', 'teacher', '--out', 'earlier']],
    ['demo', ['demo', '--quick', '--out', 'earlier']],
  ])('is refused by %s', async (_, args) => {
    recipeFile(tinyRecipe(data));
    const { stderr } = await refused(args, 'E_OUT_NOT_EMPTY');
    expect(stderr).toMatch(/earlier(\/teacher)? is not empty/);
  });

  it('is not taken over with --resume by another recipe', async () => {
    const args = ['run', recipeFile(tinyRecipe(data)), '--out', 'earlier', '--resume'];
    const { stderr } = await refused(args, 'E_RESUME_RECIPE');
    expect(stderr).toContain('line 1 of its recipe.yaml says "of an earlier run"');
  });

  it('is not filled with phantoms by the demo', async () => {
    const mine = join(folder, 'mine-data');
    mkdirSync(mine);
    writeFileSync(join(mine, 'dataset.json'), '{ "name": "my scans", "reference": "my hospital" }');
    await refused(['demo', '--quick', '--out', 'mine'], 'E_OUT_NOT_EMPTY');
  });
});

describe('predict', () => {
  const image = `data/${IMAGE}`;

  it('refuses a model that is none, or is not there', async () => {
    for (const [model, code] of [
      ['notes.txt', 'E_MODEL_CORRUPT'],
      ['none.onnx', 'E_FILE_MISSING'],
    ] as const) {
      await refused(['predict', '--model', model, '--input', image, '--output', 'out.nii.gz'], code);
    }
  });
});

describe('a wrong call', () => {
  it.each([
    ['a misspelt flag', ['demo', '--quik'], /unknown option '--quik'.*--quick/],
    ['a flag that is like no other', ['demo', '--zzz'], /unknown option '--zzz' The nearest flag is --\w+\./],
    ['a misspelt command', ['dmeo'], /unknown command 'dmeo'.*demo/],
    ['an arm that there is not', ['train', 'bad.yaml', '--arm', 'pupil'], /teacher, student, baseline/],
    ['a missing flag', ['compare', 'earlier'], /--out/],
  ])('with %s is E_USAGE and says what would do', async (_, args, message) => {
    const { stderr } = await refused(args, 'E_USAGE');
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/See voxstill .*--help\.\n$/);
  });

  it('answers --json with the error as its document', async () => {
    const { code, stdout, stderr } = await voxstill(['inspect', 'nowhere', '--json'], { cwd: folder });
    expect(code).toBe(2);
    const { error } = JSON.parse(stdout) as { readonly error: { readonly code: string; readonly message: string } };
    expect(error).toMatchObject({ code: 'E_FILE_MISSING', message: expect.stringContaining('nowhere') });
    expect(stderr).toBe(`${error.code}: ${error.message}\n`);
  });

  it('shows a stack trace with --debug', async () => {
    const { code, stderr } = await voxstill(['inspect', 'nowhere', '--debug'], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^E_FILE_MISSING: [^\n]*\n/);
    expect(stderr).toMatch(/^\s+at .*inspect/m);
  });
});
