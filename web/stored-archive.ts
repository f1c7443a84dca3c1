/**
 * Files as one zip archive, stored uncompressed: what goes in hardly shrinks, and what is stored cannot grow when a
 * foreign archive is opened.
 */
import { Zip, ZipPassThrough } from 'fflate';
import { InputError } from '../src/core/errors.ts';
import { pathInside } from '../src/core/names.ts';
import { openArchive } from '../src/import/zip.ts';

/** The file of every archive that says what it is. */
export const SESSION_FILE = 'session.json';

/** A file of an archive. */
interface StoredFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Files as one archive, in their order. */
export async function storedArchive(files: AsyncIterable<StoredFile> | Iterable<StoredFile>): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let failure: Error | undefined;
  const zip = new Zip((error, data) => {
    if (error) failure = error;
    else parts.push(data as Uint8Array<ArrayBuffer>);
  });
  for await (const { path, bytes } of files) {
    const entry = new ZipPassThrough(path);
    zip.add(entry);
    entry.push(bytes, true);
  }
  zip.end();
  if (failure !== undefined) throw failure;
  return new Blob(parts, { type: 'application/zip' });
}

/** What a file is not. */
export function refusedSession(reason: string, cause?: unknown): InputError {
  const message = `the file is no session that the page exported: ${reason}. Export it again.`;
  return new InputError('E_SESSION_FILE', message, { cause });
}

/**
 * The files of an archive that was stored by {@link storedArchive}, by path.
 * @param isKnown whether a path can be among them
 * @throws {InputError} E_SESSION_FILE for another file, a damaged one, or one with paths that lead elsewhere
 */
export async function storedContents(
  archive: Blob,
  isKnown: (path: string) => boolean,
): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  try {
    const bytes = new Uint8Array(await archive.arrayBuffer());
    const { names, read } = openArchive(bytes, 'the file');
    let total = 0;
    for (const name of names) {
      if (pathInside(name) !== name || !isKnown(name)) throw refusedSession(`it has a file ${JSON.stringify(name)}`);
      const content = read(name);
      total += content.length;
      // what was exported is not compressed, so that nothing can grow
      if (total > bytes.length) throw refusedSession('its files are compressed');
      contents.set(name, content as Uint8Array<ArrayBuffer>);
    }
  } catch (cause) {
    if (cause instanceof InputError && cause.code === 'E_SESSION_FILE') throw cause;
    throw refusedSession(
      (cause instanceof Error ? cause.message : String(cause)).replace(/(\. Copy the file anew)?\.$/, ''),
      cause,
    );
  }
  return contents;
}
