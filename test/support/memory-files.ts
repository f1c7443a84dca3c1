/** Files that live in a map, for tests of what reads and writes through the {@link SharedFiles} interface. */
import { InputError } from '../../src/core/errors.ts';
import type { SharedFiles } from '../../src/runtime/files.ts';

export interface MemoryFiles extends SharedFiles {
  readonly contents: Map<string, Uint8Array>;
  /** The file system's own; tests move it. */
  readonly clock: { ms: number };
  text(path: string): string;
}

export function memoryFiles(initial: Readonly<Record<string, string>> = {}): MemoryFiles {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const contents = new Map(Object.entries(initial).map(([path, text]) => [path, encode(text)]));
  const inside = (path: string): string[] => [...contents.keys()].filter(key => key.startsWith(`${path}/`));
  const clock = { ms: 1e6 };
  const modified = new Map([...contents.keys()].map(path => [path, clock.ms]));
  const put = (path: string, data: Uint8Array | string): void => {
    contents.set(path, typeof data === 'string' ? encode(data) : data);
    modified.set(path, clock.ms);
  };
  const read = (path: string): Uint8Array => {
    const data = contents.get(path);
    if (data === undefined) throw new InputError('E_FILE_MISSING', `there is no file ${path}`);
    return data;
  };
  return {
    contents,
    clock,
    text: path => new TextDecoder().decode(read(path)),
    read: async path => read(path),
    write: async (path, data, confirm) => {
      await confirm?.();
      put(path, data);
    },
    create: async (path, data) => {
      if (contents.has(path)) return false;
      put(path, data);
      return true;
    },
    modifiedMs: async path => (contents.has(path) ? (modified.get(path) ?? clock.ms) : undefined),
    nowMs: async () => clock.ms,
    list: async folder => [...new Set(inside(folder).map(key => key.slice(folder.length + 1).split('/')[0]!))].sort(),
    exists: async path => contents.has(path) || inside(path).length > 0,
    realPath: async path => (contents.has(path) || inside(path).length > 0 ? path : undefined),
    remove: async path => {
      for (const key of [path, ...inside(path)]) contents.delete(key);
    },
  };
}
