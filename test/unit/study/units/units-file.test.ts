/**
 * The list of units as a file: what comes from it becomes a path, so nothing in it may lead elsewhere, and who starts a
 * unit from the folder alone starts what was planned, or nothing.
 */
import { describe, expect, it } from 'vitest';
import { armFolder } from '../../../../src/experiment/arm-folder.ts';
import { parseRecipe, stringifyRecipe } from '../../../../src/recipe/parse.ts';
import { writeOutcome } from '../../../../src/study/units/outcome.ts';
import type { Unit } from '../../../../src/study/units/unit.ts';
import { planList, prepareUnits, readUnit, readUnits, writeUnits } from '../../../../src/study/units/units-file.ts';
import { sha256 } from '../../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../../support/memory-files.ts';
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

describe('the teacher of a unit in the list', () => {
  const listed = (teacher: number) => {
    const unit = (arm: string, more = {}) => ({ folder: arm, arm, fold: null, seed: 1, label: arm, ...more });
    return JSON.stringify({ kind: 'run', units: [unit('teacher'), unit('student', { teacher }), unit('baseline')] });
  };

  it('comes before it', async () => {
    const { units } = await readUnits(memoryFiles({ 'run/units.json': listed(0) }), 'run');
    expect(units[1]?.teacher).toBe(0);
  });

  it.each([1, 2, 3, -1])('is refused as unit %i of three, which could be looked for without end', async teacher => {
    const read = readUnits(memoryFiles({ 'run/units.json': listed(teacher) }), 'run');
    await expect(read).rejects.toMatchObject({
      code: 'E_WORK',
      message: expect.stringContaining('units.1.teacher: is not the index of an earlier unit'),
    });
  });
});

describe('the folder of a unit', () => {
  const recipe = parseRecipe(tinyRecipe('d'), { path: 'recipe.yaml' });
  const folder = armFolder('run/baseline');
  const unit: Unit = { arm: 'baseline', fold: null, seed: 1, label: 'baseline', recipe, folder };
  const splits = { train: ['a'], val: ['b'], test: ['c'], unlabelled: [] };
  const worldOf = (files: MemoryFiles) => ({ files, machine: { sha256 } });
  /** As a study begins and goes on. */
  const prepare = async (files: MemoryFiles, now = splits) => {
    const world = worldOf(files);
    const planned = { kind: 'run', units: [unit], splitsOf: () => now } as const;
    const listed = await planList(world, 'run', planned);
    await writeUnits(files, 'run', await prepareUnits(world, listed, planned));
  };
  /** As whoever starts the unit from the folder alone. */
  const read = async (files: MemoryFiles) =>
    readUnit(worldOf(files), 'run', { list: await readUnits(files, 'run'), place: 0 });
  const [recipePath, splitsPath] = ['run/baseline/recipe.yaml', 'run/baseline/splits.json'];

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
    await writeOutcome(files, 'run/baseline', {
      ...{ status: 'done', attempt: 1, node: 'n', finishedAt: 't', timingsSeconds: {}, waitingShares: {} },
      ...{ threads: 1, versions: {}, host: { system: 's', cpu: 'c', cores: 1, memoryBytes: 1 } },
    });
    await prepare(files);
    expect([files.text(recipePath), files.text(splitsPath)]).toEqual(['changed', 'changed']);
  });

  it('is started as it was planned', async () => {
    const files = memoryFiles();
    await prepare(files);
    const { recipe: found, ...more } = await read(files);
    expect(found).toEqual(recipe);
    expect(more).toMatchObject({ arm: 'baseline', splitsSha256: sha256(await files.read(splitsPath)) });
  });

  it.each([recipePath, splitsPath])('is not started by whom the study did not tell, with another %s', async path => {
    const files = memoryFiles();
    await prepare(files);
    await files.write(path, files.text(path).replace(/"a"|steps: \d/, '"c"'));
    await expect(read(files)).rejects.toMatchObject({
      code: 'E_WORK',
      message: expect.stringContaining(`${path} changed after the study was planned`),
    });
    await prepare(files);
    await expect(read(files)).resolves.toMatchObject({ label: 'baseline' });
  });

  it.each([
    ['another seed', (text: string) => text.replace('"seed": 1', '"seed": 2')],
    ['another arm', (text: string) => text.replace('"arm": "baseline"', '"arm": "teacher"')],
    ['another hash', (text: string) => text.replace(/"recipeSha256": "./, '"recipeSha256": "x')],
  ])('is not started by a list with %s', async (_, by) => {
    const files = memoryFiles();
    await prepare(files);
    const whole = files.text('run/units.json');
    await files.write('run/units.json', by(whole));
    expect(files.text('run/units.json')).not.toBe(whole);
    await expect(read(files)).rejects.toMatchObject({ code: 'E_WORK', message: expect.stringContaining('changed') });
  });

  it('is not mixed with units whose cases are divided otherwise', async () => {
    const files = memoryFiles();
    await prepare(files);
    const before = new Map(files.contents);
    await expect(prepare(files, { ...splits, train: ['a', 'd'] })).rejects.toMatchObject({
      code: 'E_RESUME_DATA',
      message: expect.stringContaining('run/baseline/splits.json'),
    });
    expect(new Map(files.contents)).toEqual(before);
  });

  it('of an earlier version, without hashes, is believed', async () => {
    const files = memoryFiles();
    await prepare(files);
    const { sha256: _seal, ...content } = JSON.parse(files.text('run/units.json'));
    const units = content.units.map(
      ({ recipeSha256: _r, splitsSha256: _s, ...one }: object & Record<string, unknown>) => one,
    );
    await files.write('run/units.json', JSON.stringify({ ...content, units }));
    await expect(read(files)).resolves.toMatchObject({ label: 'baseline' });
  });
});
