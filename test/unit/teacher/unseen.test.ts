/** Which models of a run's folds teach a student, by what their files say that they have seen. */
import { describe, expect, it } from 'vitest';
import type { SeenImages } from '../../../src/data/training-facts.ts';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { readTeacherFiles } from '../../../src/teacher/files.ts';
import type { TestedCases } from '../../../src/teacher/unseen.ts';
import { modelBytes } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const LABELS = [
  { value: 0, name: 'background' },
  { value: 1, name: 'blob' },
];

function model(images?: Partial<SeenImages>): Uint8Array {
  const metadata = {
    labels: LABELS,
    channels: 1,
    normalize: 'none',
    patch: [4, 4, 4],
    activation: 'softmax',
    inputName: 'image',
    outputName: 'logits',
    ...(images && { training: { cases: 2, images: { training: [], validation: [], teacher: [], ...images } } }),
  } as const;
  return modelBytes(formatModelMetadata(metadata));
}

/** The folds of a run with two test cases each: a and b are tested by fold 0, c and d by fold 1. */
const FOLDS = {
  'run/teacher/model.onnx': model({ training: ['ccc'], validation: ['ddd'] }),
  'run/fold-1/teacher/model.onnx': model({ training: ['aaa'], teacher: ['bbb'] }),
};
const IMAGES = new Map(['a', 'b', 'c', 'd'].map(id => [id, id.repeat(3)]));

function read(
  contents: Readonly<Record<string, Uint8Array>>,
  { tests, set }: { tests: readonly string[]; set?: string },
) {
  const files = memoryFiles();
  for (const [path, bytes] of Object.entries(contents)) files.contents.set(path, bytes);
  const overrides = ['teacher={ onnx: run }', ...(set === undefined ? [] : [`teacher.seenTestCases=${set}`])];
  const recipe = parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml', overrides });
  const tested = { images: IMAGES, test: tests.map(id => ({ id, images: [] })) } as TestedCases;
  const dataset = { labels: LABELS } as unknown as Parameters<typeof readTeacherFiles>[2]['dataset'];
  return readTeacherFiles(files, recipe, { dataset, ...tested });
}

const pathsOf = ({ teachers }: Awaited<ReturnType<typeof read>>): readonly string[] =>
  teachers.flatMap(({ files }) => files.map(({ path }) => path));

describe('teacher.seenTestCases', () => {
  it('lets all folds teach by default', async () => {
    expect(pathsOf(await read(FOLDS, { tests: ['a', 'b'] }))).toEqual(Object.keys(FOLDS));
  });

  it('leaves out what was trained on a test case, chosen by one or taught with one', async () => {
    const first = await read(FOLDS, { tests: ['a', 'b'], set: 'leave-out' });
    expect(pathsOf(first)).toEqual(['run/teacher/model.onnx']);
    expect(first.notes).toEqual([
      'run/fold-1/teacher/model.onnx has seen 2 of the 2 test cases (a, b) and does not teach',
    ]);
    expect(pathsOf(await read(FOLDS, { tests: ['b'], set: 'leave-out' }))).toEqual(['run/teacher/model.onnx']);
    expect(pathsOf(await read(FOLDS, { tests: ['d'], set: 'leave-out' }))).toEqual(['run/fold-1/teacher/model.onnx']);
    expect(pathsOf(await read(FOLDS, { tests: [], set: 'leave-out' }))).toHaveLength(2);
  });

  it('is an error where no model is left', async () => {
    await expect(read(FOLDS, { tests: ['a', 'c'], set: 'leave-out' })).rejects.toMatchObject({
      code: 'E_TEACHER_SEEN',
      message: expect.stringContaining('run/fold-1/teacher/model.onnx has seen 1 of the 2 test cases (a)'),
    });
  });

  it('keeps a model whose file does not say what it has seen, and says so', async () => {
    const silent = { ...FOLDS, 'run/fold-2/teacher/model.onnx': model() };
    const { teachers, notes } = await read(silent, { tests: ['a'], set: 'leave-out' });
    expect(teachers[0]?.files).toHaveLength(2);
    expect(notes.join()).toContain('run/fold-2/teacher/model.onnx does not say which cases it has seen, so it teaches');
  });
});
