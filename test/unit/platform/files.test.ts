/** The file system: atomic writes, and errors that name the path. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WorkError } from '../../../src/core/errors.ts';
import { createFile } from '../../../src/platform/node/durable-write.ts';
import { locate, lookProblem, nodeDisk, nodeFiles, writeProblem } from '../../../src/platform/node/files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voxstill-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('nodeFiles', () => {
  it('writes into folders that do not exist yet and leaves nothing but the file', async () => {
    const path = join(folder, 'a', 'b', 'c.json');
    await nodeFiles.write(path, '{}');
    await nodeFiles.write(path, Uint8Array.of(1, 2, 3));
    const bytes = await nodeFiles.read(path);
    expect([...bytes]).toEqual([1, 2, 3]);
    // no Buffer, whose slice does not copy
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['c.json']);
  });

  it.skipIf(process.platform === 'win32')('does not wait for the other end of a pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const [name, kind] of [
      ['pipe', 'a pipe or a device'],
      ['.', 'a folder'],
    ] as const) {
      await expect(nodeFiles.read(join(folder, name))).rejects.toMatchObject({
        code: 'E_FILE_UNREADABLE',
        message: expect.stringContaining(kind),
      });
    }
  });

  it('has the data on the disk before a file takes its name, and then the name', async () => {
    const probe = await open(join(folder, 'probe'), 'w');
    const prototype = Object.getPrototypeOf(probe) as { sync(): Promise<void> };
    await probe.close();
    const [path, created] = [join(folder, 'state'), join(folder, 'claim')];
    const seen: string[] = [];
    const sync = vi.spyOn(prototype, 'sync').mockImplementation(async () => {
      seen.push((await readdir(folder)).includes('state') ? 'named' : 'not yet named');
    });
    try {
      await nodeFiles.write(path, 'data');
      // the file, then its folder
      expect(seen).toEqual(['not yet named', 'named']);
      await nodeFiles.create(created, 'data');
      expect(sync).toHaveBeenCalledTimes(4);
    } finally {
      sync.mockRestore();
    }
  });

  it.each(['EIO', 'EEXIST'])('owns a file that it has made, though the answer is %s', async code => {
    const [path, temporary] = [join(folder, 'claim'), join(folder, 'temporary')];
    const link = async (from: string, to: string): Promise<void> => {
      await nodeDisk.link(from, to);
      throw Object.assign(new Error(code), { code });
    };
    await createFile({ ...nodeDisk, link }, path, { data: 'own', temporary });
    expect(await readFile(path, 'utf8')).toBe('own');
    // a file of another that has the same content is another's
    const again = createFile({ ...nodeDisk, link: nodeDisk.link }, path, { data: 'own', temporary });
    await expect(again).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await nodeFiles.create(path, 'own')).toBe(false);
    expect(await readdir(folder)).toEqual(['claim']);
  });

  it('gives plain arrays, whose slices are copies', async () => {
    const path = join(folder, 'bytes');
    await nodeFiles.write(path, Uint8Array.of(1, 2, 3));
    const bytes = await nodeFiles.read(path);
    bytes.slice(1)[0] = 9;
    expect([...bytes]).toEqual([1, 2, 3]);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
  });

  it('keeps one whole version under many writers at once', async () => {
    const path = join(folder, 'state');
    const versions = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000));
    await Promise.all(versions.map(version => nodeFiles.write(path, version)));
    expect(versions).toContain(await readFile(path, 'utf8'));
    expect(await readdir(folder)).toEqual(['state']);
  });

  it('leaves the old file and no half of the new one where a write fails', async () => {
    await mkdir(join(folder, 'taken', 'inside'), { recursive: true });
    await expect(nodeFiles.write(join(folder, 'taken'), 'x')).rejects.toMatchObject({
      code: 'E_FILE_WRITE',
      exitCode: 1,
    });
    expect(await readdir(folder)).toEqual(['taken']);
  });

  it('distinguishes a missing file from one that cannot be read, by path', async () => {
    await expect(nodeFiles.read(join(folder, 'none'))).rejects.toMatchObject({
      code: 'E_FILE_MISSING',
      exitCode: 2,
      message: expect.stringContaining(join(folder, 'none')),
    });
    await expect(nodeFiles.read(folder)).rejects.toMatchObject({ code: 'E_FILE_UNREADABLE' });
  });

  it('lists names sorted, and nothing where there is no folder', async () => {
    for (const name of ['b', 'a', 'c']) await writeFile(join(folder, name), '');
    expect(await nodeFiles.list(folder)).toEqual(['a', 'b', 'c']);
    expect(await nodeFiles.list(join(folder, 'none'))).toEqual([]);
    expect(await nodeFiles.list(join(folder, 'a'))).toEqual([]);
  });

  it('finds the one path of a file behind links and dots, and none where there is no file', async () => {
    await writeFile(join(folder, 'scan'), '');
    await symlink(join(folder, 'scan'), join(folder, 'link'));
    const path = await nodeFiles.realPath(join(folder, 'scan'));
    expect(path).toMatch(/scan$/);
    expect(await nodeFiles.realPath(join(folder, 'link'))).toBe(path);
    expect(await nodeFiles.realPath(`${folder}/./x/../scan`)).toBeUndefined();
    expect(await nodeFiles.realPath(`${folder}/./scan`)).toBe(path);
    expect(await nodeFiles.realPath(join(folder, 'none'))).toBeUndefined();
  });

  it('removes files, whole folders and nothing', async () => {
    await nodeFiles.write(join(folder, 'x', 'y'), '1');
    await nodeFiles.remove(join(folder, 'x'));
    await nodeFiles.remove(join(folder, 'x'));
    expect(await nodeFiles.exists(join(folder, 'x'))).toBe(false);
    expect(await nodeFiles.exists(folder)).toBe(true);
  });
});

describe('a look for a file', () => {
  it('finds nothing where there is nothing, and is an error where the file system fails', () => {
    const problem = (code: string) => lookProblem('a/model.onnx', Object.assign(new Error(code), { code }));
    for (const code of ['ENOENT', 'ENOTDIR', 'EACCES']) expect(problem(code)).toBeUndefined();
    for (const code of ['EIO', 'ESTALE', 'ETIMEDOUT']) {
      expect(problem(code)).toMatchObject({
        code: 'E_FILE_UNREADABLE',
        message: expect.stringMatching(new RegExp(`model\\.onnx: ${code}$`)),
      });
    }
  });
});

describe('a write that fails', () => {
  const problem = (code: string) => writeProblem('a/model.onnx', Object.assign(new Error(code), { code }));

  it.each([
    ['ENOSPC', 'E_DISK_FULL'],
    ['EDQUOT', 'E_DISK_FULL'],
    ['ESTALE', 'E_FOLDER_GONE'],
    ['ENOTCONN', 'E_FOLDER_GONE'],
    ['EACCES', 'E_FILE_WRITE'],
  ])('by %s is %s, with the path', (cause, code) => {
    expect(problem(cause)).toMatchObject({
      code,
      exitCode: 1,
      message: expect.stringContaining(resolve('a/model.onnx')),
    });
    expect(problem(cause).message).toContain(cause);
  });

  it('because it was not confirmed leaves what was there, and nothing else', async () => {
    const path = join(folder, 'confirmed', 'file');
    await nodeFiles.write(path, 'old');
    const refuse = async () => {
      throw new WorkError('E_CLAIM_LOST', 'lost');
    };
    await expect(nodeFiles.write(path, 'new', refuse)).rejects.toMatchObject({ code: 'E_CLAIM_LOST' });
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await nodeFiles.list(join(folder, 'confirmed'))).toEqual(['file']);
  });
});

describe('a file that is made', () => {
  it('is made once, with the time of its file system', async () => {
    const path = join(folder, 'made', 'once');
    expect(await nodeFiles.create(path, 'first')).toBe(true);
    expect(await nodeFiles.create(path, 'second')).toBe(false);
    expect(await readFile(path, 'utf8')).toBe('first');
    const modifiedMs = await nodeFiles.modifiedMs(path);
    expect(await nodeFiles.nowMs(join(folder, 'made'))).toBeGreaterThanOrEqual(modifiedMs!);
    expect(await nodeFiles.modifiedMs(join(folder, 'made', 'other'))).toBeUndefined();
    expect(await nodeFiles.list(join(folder, 'made'))).toEqual(['once']);
  });
});

describe('locate', () => {
  it('looks from the working directory first, then beside the file that names the path', async () => {
    await mkdir(join(folder, 'src'));
    const recipe = join(folder, 'recipe.yaml');
    expect(await locate('src', recipe)).toBe(resolve('src'));
    await mkdir(join(folder, 'only-here'));
    expect(await locate('only-here', recipe)).toBe(join(folder, 'only-here'));
    expect(await locate(folder, 'elsewhere/recipe.yaml')).toBe(folder);
  });

  it('names both places where it found nothing', async () => {
    await expect(locate('gone', join(folder, 'recipe.yaml'))).rejects.toMatchObject({
      code: 'E_FILE_MISSING',
      message: expect.stringContaining(`neither ${resolve('gone')} nor ${join(folder, 'gone')}`),
    });
  });
});
