/** Files that are made where there is none: what is left where that fails. */
import { expect, it } from 'vitest';
import { createFile, type Disk } from '../../../src/platform/node/durable-write.ts';

/** A disk whose files get a name and no content, as on a full one, or that has the file already. */
function failingDisk(code: 'ENOSPC' | 'EEXIST'): { readonly disk: Disk; readonly names: Set<string> } {
  const names = new Set(code === 'EEXIST' ? ['work/claim-1.json'] : []);
  const disk: Disk = {
    makeFolders: async () => [],
    writeSynced: async path => {
      names.add(path);
      throw Object.assign(new Error(code), { code });
    },
    rename: async () => {},
    remove: async path => {
      names.delete(path);
    },
    syncFolder: async () => {},
  };
  return { disk, names };
}

it('a file that cannot be written is not left empty', async () => {
  const { disk, names } = failingDisk('ENOSPC');
  await expect(createFile(disk, 'work/claim-1.json', '{}')).rejects.toMatchObject({ code: 'ENOSPC' });
  expect([...names]).toEqual([]);
});

it('a file that another process made stays', async () => {
  const { disk, names } = failingDisk('EEXIST');
  await expect(createFile(disk, 'work/claim-1.json', '{}')).rejects.toMatchObject({ code: 'EEXIST' });
  expect([...names]).toEqual(['work/claim-1.json']);
});
