/** Files in a browser's own storage: whole or not at all, whenever the tab ends, with and without moves. */
import { describe, expect, it } from 'vitest';
import { storedFiles } from '../../../src/platform/web/stored-files.ts';
import { TEMPORARY } from '../../../src/runtime/temporaries.ts';
import { createStorage } from '../../support/stored-folder.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe.each([true, false])('storedFiles, where files can be moved: %s', canMove => {
  it('writes into folders that do not exist yet and leaves nothing but the file', async () => {
    const storage = createStorage({ canMove });
    const files = storedFiles(storage.root);
    await files.write('run/student/a.json', '{}');
    await files.write('/run/./student/../student/a.json', Uint8Array.of(97, 98));
    expect(storage.contents()).toEqual({ 'run/student/a.json': 'ab' });
    expect(text(await files.read('run/student/a.json'))).toBe('ab');
    expect(text((await files.readStart?.('run/student/a.json', 1)) ?? new Uint8Array(0))).toBe('a');
  });

  it('has the old content or the new one, whole, at whatever call the tab ends', async () => {
    const [before, after] = ['old '.repeat(50), 'new content '.repeat(80)];
    let seen = new Set<string>();
    for (let at = 1; ; at++) {
      const storage = createStorage({ canMove });
      await storedFiles(storage.root).write('run/state', before);
      storage.endAt(at);
      const start = storage.changes();
      const isWritten = await storedFiles(storage.root)
        .write('run/state', after)
        .then(
          () => true,
          () => false,
        );
      storage.reopen();
      const { 'run/state': left = '', ...others } = storage.contents();
      expect([before, after]).toContain(left);
      // what is left of a write that did not end is what the start of the next run removes
      expect(Object.keys(others).filter(path => !TEMPORARY.test(path.slice('run/'.length)))).toEqual([]);
      seen = seen.add(left);
      if (isWritten) {
        expect(left).toBe(after);
        expect(storage.changes() - start).toBeLessThan(at);
        break;
      }
    }
    expect(seen).toEqual(new Set([before, after]));
  });

  it('keeps the old file where the owner may not replace it, and makes no new one', async () => {
    const storage = createStorage({ canMove });
    const files = storedFiles(storage.root);
    await files.write('claim', 'mine');
    const refuse = (): Promise<void> => Promise.reject(new Error('taken over'));
    await expect(files.write('claim', 'theirs', refuse)).rejects.toMatchObject({ code: 'E_FILE_WRITE' });
    await expect(files.write('other', 'theirs', refuse)).rejects.toThrow('taken over');
    expect(storage.contents()).toEqual({ claim: 'mine' });
  });

  it('says that the storage is full, and keeps the old file', async () => {
    const storage = createStorage({ canMove });
    const files = storedFiles(storage.root);
    await files.write('last.safetensors', 'good');
    storage.quota = 10;
    await expect(files.write('last.safetensors', 'x'.repeat(100))).rejects.toMatchObject({
      code: 'E_DISK_FULL',
      message: expect.stringContaining('Delete sessions'),
    });
    expect(storage.contents()).toEqual({ 'last.safetensors': 'good' });
  });

  it('creates a file once only', async () => {
    const files = storedFiles(createStorage({ canMove }).root);
    expect(await files.create('a/claim-1.json', 'first')).toBe(true);
    expect(await files.create('a/claim-1.json', 'second')).toBe(false);
    expect(text(await files.read('a/claim-1.json'))).toBe('first');
  });

  it('lists, finds and removes files and folders, those that were removed and made again too', async () => {
    const files = storedFiles(createStorage({ canMove }).root);
    for (const name of ['b', 'a', 'deep/c']) await files.write(`run/${name}`, name);
    expect(await files.list('run')).toEqual(['a', 'b', 'deep']);
    expect(await files.list('nowhere')).toEqual([]);
    expect(await files.list('run/a')).toEqual([]);
    const there = ['run', 'run/a', 'run/deep/c', '/', 'run/x', 'run/a/x', 'x/y'].map(path => files.exists(path));
    expect(await Promise.all(there)).toEqual([true, true, true, true, false, false, false]);
    expect(await files.realPath('run/./deep')).toBe('/run/deep');
    expect(await files.realPath('run/x')).toBe(undefined);
    await files.remove('run/deep');
    await files.remove('run/deep');
    expect(await files.exists('run/deep/c')).toBe(false);
    await files.write('run/deep/d', 'd');
    expect(await files.list('run/deep')).toEqual(['d']);
  });

  it('takes times from the clock of the storage, and leaves no probe', async () => {
    const storage = createStorage({ canMove });
    const files = storedFiles(storage.root);
    await files.write('run/claim', '1');
    const written = await files.modifiedMs('run/claim');
    expect(await files.modifiedMs('run/none')).toBe(undefined);
    expect(await files.nowMs('run')).toBeGreaterThan(written ?? Number.POSITIVE_INFINITY);
    expect(Object.keys(storage.contents())).toEqual(['run/claim']);
  });

  it('names the path of what is missing or is a folder', async () => {
    const files = storedFiles(createStorage({ canMove }).root);
    await files.write('run/a', '1');
    await expect(files.read('run/none')).rejects.toMatchObject({ code: 'E_FILE_MISSING', message: /run\/none/ });
    await expect(files.read('run')).rejects.toMatchObject({ code: 'E_FILE_MISSING' });
    await expect(files.write('run/a/b', '2')).rejects.toMatchObject({ code: 'E_FILE_WRITE' });
  });
});

describe('storedFiles', () => {
  it('refuses to write where a file can neither be moved nor replaced as a whole', async () => {
    const { root } = createStorage({ canMove: false });
    const poor: typeof root = {
      ...root,
      getFileHandle: async (name, options) => {
        const { kind, getFile } = await root.getFileHandle(name, options);
        return { kind, getFile };
      },
    };
    await expect(storedFiles(poor).write('a', 'b')).rejects.toMatchObject({ code: 'E_BROWSER_STORAGE' });
    expect(await storedFiles(poor).list('.')).toEqual([]);
  });
});
