/** The sessions in the browser's own storage: each a folder with its data, teacher, recipe and run. */
import { WorkError } from '../../src/core/errors.ts';
import type { StoredFolder } from '../../src/platform/web/stored-files.ts';

const SESSIONS = 'voxstill-sessions';

/** Folder of the run within a session. */
export const RUN = 'run';
/** Recipe within a session, with its reasons. */
export const RECIPE = 'recipe.yaml';
/** Content of the file in which a session says what it is; written last, so that a session that has it is whole. */
export interface SessionFacts {
  /** Name of the data set. */
  readonly title: string;
  /** Whether its dataset.json was written by the page, for images and labels that were paired by their names. */
  readonly isPaired: boolean;
  readonly startedAt: string;
  /** Whether its student learnt from the teacher alone, so that there is nothing to report. */
  readonly isUntested?: boolean | undefined;
}

/**
 * The folder of all sessions.
 * @throws {WorkError} E_BROWSER_STORAGE where the browser has none
 */
export async function openSessions(): Promise<StoredFolder> {
  try {
    // TypeScript's library of the DOM lacks moves and the names of a folder
    const root = (await navigator.storage.getDirectory()) as unknown as StoredFolder;
    return await root.getDirectoryHandle(SESSIONS, { create: true });
  } catch (cause) {
    throw new WorkError(
      'E_BROWSER_STORAGE',
      `this browser gives the page no storage of its own: ${cause instanceof Error ? cause.message : String(cause)}. ` +
        'Open the page by https or from this machine, and not in a private window.',
      { cause },
    );
  }
}

/** Name of the lock of a session. */
export function sessionLock(session: string): string {
  return `${SESSIONS}/${session}`;
}
