/** The folder of a cache on a real file system: its bound, its order, and what others do to it. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openByteCache } from '../../../src/platform/node/byte-cache.ts';

const HOUR_MS = 3600e3;

function open(limitBytes: number, folder = join(mkdtempSync(join(tmpdir(), 'voxstill-cache-')), 'kept')) {
  const warnings: string[] = [];
  const cache = openByteCache({ folder, limitBytes, warn: reason => void warnings.push(reason) });
  const namesOf = (): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);
  /** Makes an entry as old as if it had not been used for so long. */
  const age = (name: string, hours: number): void => {
    const then = new Date(Date.now() - hours * HOUR_MS);
    utimesSync(join(folder, name), then, then);
  };
  return { cache, folder, warnings, namesOf, age };
}

const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);

describe('a cache in a folder', () => {
  it('gives back what was written, and nothing for another name', async () => {
    const { cache, namesOf } = open(1000);
    expect(await cache.read('a')).toBeUndefined();
    await cache.write('a', [bytes(3, 7), bytes(0), bytes(2, 9)]);
    expect([...(await cache.read('a'))!]).toEqual([7, 7, 7, 9, 9]);
    expect(namesOf()).toEqual(['a.prepared']);
    expect(await cache.read('b')).toBeUndefined();
  });

  it('removes what was unused for longest, and no more than it must', async () => {
    const { cache, namesOf, age, folder, warnings } = open(300);
    for (const name of ['a', 'b', 'c']) await cache.write(name, [bytes(100)]);
    age('a.prepared', 2);
    age('b.prepared', 4);
    age('c.prepared', 3);
    await cache.write('d', [bytes(150)]);
    expect(namesOf()).toEqual(['a.prepared', 'd.prepared']);
    expect(warnings).toEqual([]);
    const total = namesOf().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(total).toBeLessThanOrEqual(300);
  });

  it('counts a reading as a use', async () => {
    const { cache, namesOf, age } = open(200);
    for (const name of ['a', 'b']) await cache.write(name, [bytes(100)]);
    age('a.prepared', 5);
    age('b.prepared', 1);
    await cache.read('a');
    await cache.write('c', [bytes(100)]);
    expect(namesOf()).toEqual(['a.prepared', 'c.prepared']);
  });

  it('keeps what is in use, says once that it is full, and stays within its limit', async () => {
    const { cache, namesOf, warnings } = open(250);
    for (const name of ['a', 'b', 'c', 'd']) await cache.write(name, [bytes(100)]);
    expect(namesOf()).toEqual(['a.prepared', 'b.prepared']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/is full with 250 B of cases in use/);
    expect(await cache.read('a')).toHaveLength(100);
  });

  it('sees what others wrote, and removes what they left behind when they were killed', async () => {
    const { cache, folder, namesOf, age } = open(250);
    mkdirSync(folder);
    writeFileSync(join(folder, 'x.prepared'), bytes(200));
    age('x.prepared', 1);
    const left = '.y.01234567-89ab-cdef-0123-456789abcdef.tmp';
    writeFileSync(join(folder, left), bytes(10));
    age(left, 1);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    age('notes.txt', 99);
    await cache.write('a', [bytes(100)]);
    expect(namesOf()).toEqual(['a.prepared', 'notes.txt']);
  });

  it('lets several write the same entry at once', async () => {
    const first = open(1e6);
    const others = Array.from({ length: 7 }, () => open(1e6, first.folder));
    const all = [first, ...others];
    await Promise.all(all.map(({ cache }, index) => cache.write('a', [bytes(50_000, index), bytes(10, index)])));
    const found = (await first.cache.read('a'))!;
    expect(found).toHaveLength(50_010);
    expect(new Set(found).size).toBe(1);
    expect(first.namesOf()).toEqual(['a.prepared']);
    expect(all.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  it('says once that its folder cannot be written, and is empty then', async () => {
    const place = join(mkdtempSync(join(tmpdir(), 'voxstill-cache-')), 'file');
    writeFileSync(place, 'a file');
    const { cache, warnings } = open(1000, place);
    for (const name of ['a', 'b']) {
      await cache.write(name, [bytes(10)]);
      expect(await cache.read(name)).toBeUndefined();
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/cannot be written \((EEXIST|ENOTDIR)\)/);
  });
});
