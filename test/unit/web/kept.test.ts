/** What the browser keeps of the page: all or nothing, and nothing that was kept before is lost. */
import { describe, expect, it } from 'vitest';
import { forget, isKept, type KeepingWorld, keep } from '../../../web/offline/kept.ts';

const STUDY = { name: 'run', arms: [{ model: 'student/model.onnx' }, { history: 'a.csv' }], units: [] };
const FILES = ['index.js', 'runtime/a.wasm', 'runtime/a.asyncify.wasm'];

/** A browser that has room for so many files, and a server that has these and no others. */
function world({ room = 100, missing = '' } = {}) {
  const stored = new Map<string, Map<string, Response>>();
  let moment = 0;
  let started = 0;
  const put = async (cache: Map<string, Response>, path: string, response: Response): Promise<void> => {
    const count = [...stored.values()].reduce((sum, { size }) => sum + size, 0);
    if (count >= room) throw new DOMException('full', 'QuotaExceededError');
    cache.set(path, response);
  };
  const open = async (name: string) => {
    const cache = stored.get(name) ?? new Map<string, Response>();
    stored.set(name, cache);
    return { put: (path: string, response: Response) => put(cache, path, response) } as unknown as Cache;
  };
  const fetch = async (path: string): Promise<Response> => {
    if (path === missing) return new Response('', { status: 404 });
    if (path === 'files.json') return Response.json(FILES);
    return path === 'run.json' ? Response.json(STUDY) : new Response(path);
  };
  const own: KeepingWorld = {
    caches: { open, keys: async () => [...stored.keys()], delete: async name => stored.delete(name) },
    fetch,
    start: async () => {
      started++;
    },
    hasWebGpu: async () => false,
    now: () => ++moment,
  };
  return { own, stored, starts: () => started };
}

describe('keeping the page', () => {
  it('keeps the page, what it is made of and the models of its run, once', async () => {
    const { own, stored, starts } = world();
    const seen: number[] = [];
    const bytes = await keep(own, ({ done, total }) => seen.push(done / total));
    await keep({ ...own, hasWebGpu: async () => true }, () => {});
    expect(seen.at(-1)).toBe(1);
    expect(bytes).toBeGreaterThan(0);
    expect(starts()).toBe(2);
    expect([...stored.keys()]).toEqual(['voxstill kept 2']);
    const paths = ['./', 'run.json', 'files.json', ...FILES, 'run/student/model.onnx'];
    expect([...stored.get('voxstill kept 2')!.keys()]).toEqual(paths);
    expect(await isKept(own)).toBe(true);
    await forget(own);
    expect(await isKept(own)).toBe(false);
  });

  it('says where the storage is full, and keeps what was kept before', async () => {
    const { own, stored } = world({ room: 8 });
    await keep(own, () => {});
    expect([...stored.keys()]).toEqual(['voxstill kept 1']);
    const again = keep(own, () => {});
    await expect(again).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    await expect(again).rejects.toThrow(/not kept\. Free space .* Nothing that was computed is lost\.$/);
    expect([...stored.keys()]).toEqual(['voxstill kept 1']);
    expect(stored.get('voxstill kept 1')!.size).toBe(6);
  });

  it('keeps nothing of a page that its server does not have whole', async () => {
    const { own, stored, starts } = world({ missing: 'runtime/a.wasm' });
    await expect(keep(own, () => {})).rejects.toMatchObject({ code: 'E_FILE_MISSING' });
    expect({ caches: stored.size, starts: starts() }).toEqual({ caches: 0, starts: 0 });
  });
});
