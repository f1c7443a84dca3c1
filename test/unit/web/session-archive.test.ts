/** A session as one file: what was exported is taken again, and nothing else is. */
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { pageRecipe } from '../../../web/distil/page-recipe.ts';
import { archiveSession, readSession } from '../../../web/distil/session-archive.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const RECIPE = tinyRecipe('data/mri').replace(/^teacher:.*$/m, 'teacher: { onnx: teacher/t.onnx }');
const SESSION = {
  'session.json': '{"title":"mri","isPaired":true,"startedAt":"2026-11-28T09:00:00.000Z"}',
  'recipe.yaml': RECIPE,
  'data/mri/dataset.json': '{}',
  'data/mri/a.nii.gz': 'image',
  'teacher/t.onnx': 'model',
  'run/student/history.csv': 'step',
  'splits.json': '{}',
  'uncertainty.json': '{}',
  'round-1.yaml': RECIPE,
  'round-1/result.json': '{}',
  'round-12/run/recipe.yaml': 'left behind',
};
const bytes = (contents: Record<string, string>): Record<string, Uint8Array> =>
  Object.fromEntries(Object.entries(contents).map(([path, text]) => [path, new TextEncoder().encode(text)]));
const zip = (contents: Record<string, string>, level: 0 | 9 = 0): Blob =>
  new Blob([zipSync(bytes(contents), { level }) as Uint8Array<ArrayBuffer>]);

describe('pageRecipe', () => {
  it.each([
    ['a teacher to train', tinyRecipe('data/mri'), 'E_TEACHER_FIT'],
    ['CUDA', `${RECIPE}device: cuda\n`, 'E_DEVICE'],
    ['an unknown key', `${RECIPE}colour: red\n`, 'E_RECIPE_KEY'],
  ])('refuses %s', (_, text, code) => {
    expect(() => pageRecipe(text)).toThrow(expect.objectContaining({ code }));
  });
});

describe('an exported session', () => {
  it('comes back whole, without the answers of the teacher and what a write left behind', async () => {
    const files = memoryFiles({
      ...SESSION,
      'soft-labels/x/1.softlabels': 'answer',
      'run/.run.json.01234567-89ab-cdef-0123-456789abcdef.tmp': 'half',
    });
    const { contents, facts } = await readSession(await archiveSession(files));
    expect(facts).toEqual({ title: 'mri', isPaired: true, startedAt: '2026-11-28T09:00:00.000Z' });
    const texts = await Promise.all([...contents].map(async ([path, blob]) => [path, await blob.text()]));
    const { 'session.json': _, 'round-12/run/recipe.yaml': __, ...others } = SESSION;
    expect(Object.fromEntries(texts)).toEqual(others);
  });

  it.each([
    ['another file', new Blob(['no archive']), 'no whole zip archive'],
    ['one that was cut off', zip(SESSION).slice(0, 300), 'no whole zip archive'],
    [
      'a path that leads out',
      zip({ ...SESSION, 'run/../../other/run.json': 'x' }),
      'it has a file "run/../../other/run.json"',
    ],
    ['an absolute path', zip({ ...SESSION, '/data/x': 'x' }), 'it has a file "/data/x"'],
    ['a file of nowhere', zip({ ...SESSION, 'notes.txt': 'x' }), 'it has a file "notes.txt"'],
    ['a round of no number', zip({ ...SESSION, 'round-x/run.json': 'x' }), 'it has a file "round-x/run.json"'],
    ['files that grow', zip({ ...SESSION, 'data/zeros': '0'.repeat(1e5) }, 9), 'its files are compressed'],
    ['no recipe', zip({ 'session.json': SESSION['session.json'] }), 'it has no session.json or no recipe.yaml'],
    [
      'a title that is a path',
      zip({ ...SESSION, 'session.json': SESSION['session.json'].replace('mri', '../mri') }),
      'session.json title',
    ],
  ])('is refused where it is %s', async (_, archive, message) => {
    await expect(readSession(archive)).rejects.toMatchObject({
      code: 'E_SESSION_FILE',
      message: expect.stringContaining(message),
    });
  });

  it('is refused where one bit of a file has flipped', async () => {
    const bytes = new Uint8Array(await zip(SESSION).arrayBuffer());
    const at = Buffer.from(bytes).indexOf(SESSION['recipe.yaml']);
    bytes[at + 3]! ^= 1;
    await expect(readSession(new Blob([bytes]))).rejects.toMatchObject({
      code: 'E_SESSION_FILE',
      message: expect.stringContaining('the checksum of its entry "recipe.yaml" is wrong'),
    });
  });
});
