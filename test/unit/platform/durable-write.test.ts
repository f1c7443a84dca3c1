/** Files that are made where there is none: one maker, nothing half, and what is left where that fails. */
import { describe, expect, it } from 'vitest';
import { createFile, type Disk } from '../../../src/platform/node/durable-write.ts';

const [CLAIM, TEMPORARY] = ['work/claim-1.json', 'work/.claim-1.json.tmp'];
const coded = (code: string): Error => Object.assign(new Error(code), { code });

/** A disk with one call that goes wrong. @param other whether another process has made the file */
function diskWith(wrong: Partial<Disk>, { other = false } = {}) {
  const names = new Map<string, { data: string }>(other ? [[CLAIM, { data: 'of another' }]] : []);
  const healthy: Disk = {
    makeFolders: async () => [],
    writeSynced: async (path, data, flag) => {
      if (flag === 'wx' && names.has(path)) throw coded('EEXIST');
      names.set(path, { data: String(data) });
    },
    rename: async () => {},
    link: async (from, to) => {
      if (names.has(to)) throw coded('EEXIST');
      names.set(to, names.get(from)!);
    },
    isSameFile: async (one, second) => names.has(one) && names.get(one) === names.get(second),
    remove: async path => {
      names.delete(path);
    },
    syncFolder: async () => {},
  };
  return { disk: { ...healthy, ...wrong }, healthy, names };
}

const create = (disk: Disk): Promise<void> => createFile(disk, CLAIM, { data: 'own', temporary: TEMPORARY });
/** What is on a disk, by name. */
const left = ({ names }: Pick<ReturnType<typeof diskWith>, 'names'>) =>
  Object.fromEntries([...names].map(([path, { data }]) => [path, data]));

it('a file is made whole, under its name alone', async () => {
  const made = diskWith({});
  await create(made.disk);
  expect(left(made)).toEqual({ [CLAIM]: 'own' });
});

describe.each([true, false])('on a disk with hard links: %s', hasLinks => {
  const without: Partial<Disk> = hasLinks ? {} : { link: () => Promise.reject(coded('EPERM')) };

  it('a file that another process made stays', async () => {
    const found = diskWith(without, { other: true });
    await expect(create(found.disk)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(left(found)).toEqual({ [CLAIM]: 'of another' });
  });

  it('a file that cannot be written is not left empty', async () => {
    const full = diskWith(without);
    full.disk.writeSynced = async (path, data, flag) => {
      await full.healthy.writeSynced(path, '', flag);
      if (hasLinks || flag === 'wx') throw coded('ENOSPC');
      full.names.set(path, { data: String(data) });
    };
    await expect(create(full.disk)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(left(full)).toEqual({});
  });

  it('a file whose folder cannot be synced is not left, since nobody owns it', async () => {
    const failing = diskWith({ ...without, syncFolder: () => Promise.reject(coded('EIO')) });
    await expect(create(failing.disk)).rejects.toMatchObject({ code: 'EIO' });
    expect(left(failing)).toEqual({});
  });
});

it.each(['EPERM', 'ENOTSUP', 'ENOSYS', 'EISDIR'])('without hard links (%s) a file is made in its place', async code => {
  const made = diskWith({ link: () => Promise.reject(coded(code)) });
  await create(made.disk);
  expect(left(made)).toEqual({ [CLAIM]: 'own' });
});

it.each(['EIO', 'ESTALE', 'EEXIST'])('a name that was given is owned, though the answer is %s', async code => {
  const lost = diskWith({});
  lost.disk.link = async (from, to) => {
    await lost.healthy.link(from, to);
    throw coded(code);
  };
  await create(lost.disk);
  expect(left(lost)).toEqual({ [CLAIM]: 'own' });
});

it('a name that was not given is not owned', async () => {
  const failing = diskWith({ link: () => Promise.reject(coded('EIO')) });
  await expect(create(failing.disk)).rejects.toMatchObject({ code: 'EIO' });
  expect(left(failing)).toEqual({});
});

it('a temporary file that an owner of the folder has swept is written again', async () => {
  const swept = diskWith({});
  let isFirst = true;
  swept.disk.link = async (from, to) => {
    if (isFirst) swept.names.delete(from);
    if (!swept.names.has(from)) {
      isFirst = false;
      throw coded('ENOENT');
    }
    await swept.healthy.link(from, to);
  };
  await create(swept.disk);
  expect(isFirst).toBe(false);
  expect(left(swept)).toEqual({ [CLAIM]: 'own' });
});
