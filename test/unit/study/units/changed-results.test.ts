/** Finished results that have changed: found whatever the change, made again where that can be, never believed. */
import { beforeEach, describe, expect, it } from 'vitest';
import { assertUnchanged, findDamage, forgetDamage, hashResults } from '../../../../src/study/units/changed-results.ts';
import { readOutcome, writeOutcome } from '../../../../src/study/units/outcome.ts';
import { sha256 } from '../../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../../support/memory-files.ts';

const CONTENT = {
  'run/student/recipe.yaml': 'data: {}',
  'run/student/splits.json': '{"test":[]}',
  'run/student/model.onnx': 'model',
  'run/student/history.csv': 'step',
  'run/student/evaluation.json': '{"cases":[]}',
  'run/student/predictions/a.nii.gz': 'aaaa',
  'run/student/predictions/b.nii.gz': 'bbbb',
};
let files: MemoryFiles;
const world = () => ({ files, machine: { sha256 } });

beforeEach(async () => {
  const units = [{ folder: 'student', arm: 'student', fold: null, seed: 1, label: 'student' }];
  files = memoryFiles({ ...CONTENT, 'run/units.json': JSON.stringify({ kind: 'run', units }) });
  await writeOutcome(files, 'run/student', {
    status: 'done',
    attempt: 1,
    node: 'node',
    finishedAt: '2026-01-01T00:00:00Z',
    files: await hashResults(world(), 'run/student'),
    timingsSeconds: {},
    waitingShares: {},
    threads: 1,
    versions: {},
    host: { system: 'test', cpu: 'test', cores: 1, memoryBytes: 1 },
  });
});

/** What may happen to a file: one bit, an end that is cut off, nothing left in it, or nothing left at all. */
const DAMAGES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  flipped: async path => {
    const bytes = Uint8Array.from(await files.read(path));
    bytes[0]! ^= 1;
    await files.write(path, bytes);
  },
  'cut off': async path => files.write(path, (await files.read(path)).subarray(0, 2)),
  emptied: async path => files.write(path, ''),
  removed: async path => files.remove(path),
};
const PATHS = Object.keys(CONTENT).map(path => path.slice('run/student/'.length));

describe('results', () => {
  it('that are as they were are believed', async () => {
    expect(await findDamage(world(), 'run')).toEqual([]);
    await assertUnchanged(world(), 'run');
    expect(await forgetDamage(world(), 'run')).toEqual([]);
    expect(await readOutcome(files, 'run/student')).toMatchObject({ status: 'done' });
  });

  it.each(PATHS.flatMap(path => Object.keys(DAMAGES).map(kind => [path, kind] as const)))(
    '%s, %s, is found',
    async (path, kind) => {
      await DAMAGES[kind]?.(`run/student/${path}`);
      expect(await findDamage(world(), 'run')).toEqual([{ unit: 'student', folder: 'run/student', path }]);
      await expect(assertUnchanged(world(), 'run')).rejects.toMatchObject({
        code: 'E_RESULT_CHANGED',
        message: expect.stringContaining(`run/student/${path} changed`),
      });
    },
  );

  it.each([
    ['model.onnx', ['model.onnx', 'evaluation.json']],
    ['evaluation.json', ['evaluation.json']],
    ['predictions/b.nii.gz', ['predictions/b.nii.gz', 'evaluation.json']],
  ])('%s comes again when its unit is done once more', async (path, removed) => {
    await files.write(`run/student/${path}`, 'changed');
    expect((await forgetDamage(world(), 'run')).map(one => one.path)).toEqual([path]);
    expect(await readOutcome(files, 'run/student')).toBeUndefined();
    for (const own of PATHS)
      expect([own, await files.exists(`run/student/${own}`)]).toEqual([own, !removed.includes(own)]);
  });

  it.each(['recipe.yaml', 'splits.json', 'history.csv'])('%s does not, and nothing is removed', async path => {
    await files.write(`run/student/${path}`, 'changed');
    await files.write('run/student/model.onnx', 'changed too');
    await expect(forgetDamage(world(), 'run')).rejects.toMatchObject({
      code: 'E_RESULT_CHANGED',
      message: expect.stringContaining(`Put run/student/${path} back from a copy`),
    });
    expect(await files.exists('run/student/model.onnx')).toBe(true);
    expect(await readOutcome(files, 'run/student')).toMatchObject({ status: 'done' });
  });

  it.each(['recipe.yaml', 'groups.csv', 'splits.json'])('%s of the study itself is found', async name => {
    const path = `run/${name}`;
    await files.write(path, 'whole');
    const own = { [name]: sha256(await files.read(path)) };
    await files.write('run/run.json', JSON.stringify({ files: own }));
    expect(await findDamage(world(), 'run')).toEqual([]);
    await files.write(path, 'changed');
    expect(await findDamage(world(), 'run')).toEqual([{ unit: null, folder: 'run', path: name }]);
    await expect(assertUnchanged(world(), 'run')).rejects.toMatchObject({
      code: 'E_RESULT_CHANGED',
      message: expect.stringMatching(new RegExp(`Put ${path} back from a copy, or remove it and start`)),
    });
  });

  it('of a folder that is no study, or of an earlier version, are taken as they are', async () => {
    expect(await findDamage(world(), 'elsewhere')).toEqual([]);
    const { files: _hashes, ...earlier } = (await readOutcome(files, 'run/student')) as NonNullable<
      Awaited<ReturnType<typeof readOutcome>>
    >;
    await writeOutcome(files, 'run/student', earlier);
    await files.write('run/student/model.onnx', 'changed');
    expect(await findDamage(world(), 'run')).toEqual([]);
  });
});
