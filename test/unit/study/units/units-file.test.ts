/** The list of units as a file: what comes from it becomes a path, so nothing in it may lead elsewhere. */
import { describe, expect, it } from 'vitest';
import { armFolder } from '../../../../src/experiment/arm-folder.ts';
import { parseRecipe, stringifyRecipe } from '../../../../src/recipe/parse.ts';
import { writeOutcome } from '../../../../src/study/units/outcome.ts';
import type { Unit } from '../../../../src/study/units/unit.ts';
import { prepareUnits, readUnits } from '../../../../src/study/units/units-file.ts';
import { memoryFiles } from '../../../support/memory-files.ts';
import { tinyRecipe } from '../../../support/tiny-recipe.ts';

function listWith(folder: string): string {
  return JSON.stringify({ kind: 'run', units: [{ folder, arm: 'teacher', fold: null, seed: 1, label: 'teacher' }] });
}

describe('the list of units', () => {
  it.each(['teacher', 'fold-1/seed-2/student'])('takes the folder %j', async folder => {
    const { units } = await readUnits(memoryFiles({ 'runs/a/units.json': listWith(folder) }), 'runs/a');
    expect(units[0]?.folder).toBe(folder);
  });

  it.each(['../b/teacher', '/tmp/teacher', 'a/../../b', '', '.', 'C:\\x'])('refuses the folder %j', async folder => {
    const read = readUnits(memoryFiles({ 'runs/a/units.json': listWith(folder) }), 'runs/a');
    await expect(read).rejects.toMatchObject({ code: 'E_WORK', message: expect.stringContaining('units.0.folder') });
  });
});

describe('the folder of a unit', () => {
  const recipe = parseRecipe(tinyRecipe('d'), { path: 'recipe.yaml' });
  const folder = armFolder('run/student');
  const unit: Unit = { arm: 'student', fold: null, seed: 1, label: 'student', recipe, folder };
  const splits = { train: ['a'], val: ['b'], test: ['c'], unlabelled: [] };
  const prepare = (files: ReturnType<typeof memoryFiles>) => prepareUnits(files, [unit], () => splits);
  const [recipePath, splitsPath] = ['run/student/recipe.yaml', 'run/student/splits.json'];

  it.each([
    ['whole', (text: string) => text],
    ['cut off', (text: string) => text.slice(0, 20)],
    ['with another number', (text: string) => text.replace(/\d/, '7')],
  ])('gets recipe and splits, also where there are some that are %s', async (_, by) => {
    const files = memoryFiles();
    await prepare(files);
    expect(files.text(recipePath)).toBe(stringifyRecipe(recipe));
    expect(JSON.parse(files.text(splitsPath))).toEqual(splits);
    const before = new Map(files.contents);
    for (const path of [recipePath, splitsPath]) await files.write(path, by(files.text(path)));
    await prepare(files);
    expect(Object.fromEntries(files.contents)).toEqual(Object.fromEntries(before));
    await files.remove(splitsPath);
    await prepare(files);
    expect(Object.fromEntries(files.contents)).toEqual(Object.fromEntries(before));
  });

  it('keeps those of a finished unit, which are held against their hashes', async () => {
    const files = memoryFiles({ [recipePath]: 'changed', [splitsPath]: 'changed' });
    await writeOutcome(files, 'run/student', {
      ...{ status: 'done', attempt: 1, node: 'n', finishedAt: 't', timingsSeconds: {}, waitingShares: {} },
      ...{ threads: 1, versions: {}, host: { system: 's', cpu: 'c', cores: 1, memoryBytes: 1 } },
    });
    await prepare(files);
    expect([files.text(recipePath), files.text(splitsPath)]).toEqual(['changed', 'changed']);
  });
});
