/** Files in memory or on the person's disk behind the library's interface: folders by their paths, never written. */
import { InputError, invariant } from '../../src/core/errors.ts';
import type { SharedFiles } from '../../src/runtime/files.ts';
import type { Contents } from './protocol.ts';

const plain = (path: string): string =>
  path
    .split('/')
    .filter(part => part !== '' && part !== '.')
    .join('/');

const never = async (): Promise<never> => invariant(false, 'files that were opened are only read') as never;

/** @param contents by path, such as `data/hippocampus/imagesTr/a.nii.gz` */
export function blobFiles(contents: Contents): SharedFiles {
  const read = async (path: string, end?: number): Promise<Uint8Array> => {
    const blob = contents.get(plain(path));
    if (blob === undefined)
      throw new InputError('E_FILE_MISSING', `there is no file ${path} among those that were opened`);
    try {
      return new Uint8Array(await blob.slice(0, end).arrayBuffer());
    } catch (cause) {
      throw new InputError('E_FILE_UNREADABLE', `the browser cannot read ${path}: ${String(cause)}`, { cause });
    }
  };
  const below = (folder: string): string[] => {
    const start = plain(folder);
    const prefix = start === '' ? '' : `${start}/`;
    return [...contents.keys()].filter(path => path.startsWith(prefix)).map(path => path.slice(prefix.length));
  };
  const exists = async (path: string): Promise<boolean> => contents.has(plain(path)) || below(path).length > 0;
  return {
    read: path => read(path),
    readStart: read,
    list: async folder => [...new Set(below(folder).map(path => path.split('/')[0] as string))].sort(),
    exists,
    realPath: async path => ((await exists(path)) ? plain(path) : undefined),
    modifiedMs: async () => undefined,
    nowMs: async () => 0,
    write: never,
    create: never,
    remove: never,
  };
}
