/** Which of the files that a person gives are those of a session, by content first, then by name. */
import { listSome } from '../../src/core/format.ts';
import { plainPath } from '../dropped-files.ts';
import type { Wanted } from '../file-roles.ts';
import type { DroppedFile } from '../protocol.ts';
import type { SavedChannel } from './session-file.ts';

/** A file of a session: there, there with other content, or not there. */
interface FoundFile {
  readonly name: string;
  readonly state: 'same' | 'other' | 'missing';
  readonly file?: DroppedFile;
}

/** What was found of a channel. */
export interface FoundChannel {
  readonly channel: SavedChannel;
  /** In the order of the session. */
  readonly files: readonly FoundFile[];
}

/** Hashes files, in their order. */
export type HashFiles = (files: readonly DroppedFile[]) => Promise<readonly string[]>;

const lastPart = (path: string): string => path.split('/').at(-1) as string;

/**
 * Finds the files of a session.
 * @param hash is asked for files with the name or the size of one of them only
 */
export async function findFiles(
  channels: readonly SavedChannel[],
  given: readonly DroppedFile[],
  hash: HashFiles,
): Promise<readonly FoundChannel[]> {
  const saved = channels.flatMap(({ files }) => files);
  const [names, sizes] = [new Set(saved.map(one => lastPart(one.name))), new Set(saved.map(({ bytes }) => bytes))];
  const asked = given.filter(({ path, file }) => names.has(lastPart(path)) || sizes.has(file.size));
  const sums = asked.length === 0 ? [] : await hash(asked);
  const byContent = new Map(asked.map((file, place) => [sums[place]!, file]));
  const byName = new Map(asked.map(file => [lastPart(file.path), file]));
  return channels.map(channel => ({
    channel,
    files: channel.files.map(({ name, sha256 }): FoundFile => {
      const same = byContent.get(sha256);
      if (same !== undefined) return { name, state: 'same', file: same };
      const other = byName.get(lastPart(name));
      return other === undefined ? { name, state: 'missing' } : { name, state: 'other', file: other };
    }),
  }));
}

function namesOf({ files }: FoundChannel, state: FoundFile['state']): readonly string[] {
  return files.filter(one => one.state === state).map(({ name }) => lastPart(name));
}

/** Whether every file is there, as it was or with other content. */
export function areAllThere(found: readonly FoundChannel[]): boolean {
  return found.every(one => namesOf(one, 'missing').length === 0);
}

/** Whether every file is the one that was saved. */
export function areAllSame(found: readonly FoundChannel[]): boolean {
  return found.every(({ files }) => files.every(({ state }) => state === 'same'));
}

/** What is to be said of a channel: half a sentence. */
export function foundText(found: FoundChannel): string {
  const { channel, files } = found;
  const [other, missing] = [namesOf(found, 'other'), namesOf(found, 'missing')];
  const count = files.length === 1 ? '' : ` (${files.length} files)`;
  const name = `${channel.title}${count}`;
  if (other.length === 0 && missing.length === 0) return `${name}: the same as when the session was saved`;
  const parts = [
    ...(missing.length > 0 ? [`not among the files: ${listSome(missing, ', ')}`] : []),
    ...(other.length > 0 ? [`other content (SHA-256) than when the session was saved: ${listSome(other, ', ')}`] : []),
  ];
  return `${name}: ${parts.join('; ')}`;
}

/**
 * How the files that were found are read as the image of the session.
 * @param found all there
 */
export function wantedOf(found: readonly FoundChannel[]): {
  readonly files: readonly DroppedFile[];
  readonly wanted: Wanted;
} {
  const parts = found.map(({ channel, files }, place) => {
    const own = files.flatMap(({ file }) => file ?? []);
    // files of two channels may have one name
    const named =
      found.length === 1 ? own : own.map(({ path, file }) => ({ path: `${place + 1}/${plainPath(path)}`, file }));
    const { title, series, frame } = channel;
    const path = series === undefined ? (named[0]?.path ?? '.') : '.';
    return {
      files: named,
      choice: { path, title, facts: '', ...(series && { series }), ...(frame !== undefined && { frame }) },
    };
  });
  return { files: parts.flatMap(({ files }) => files), wanted: { channels: parts.map(({ choice }) => choice) } };
}
