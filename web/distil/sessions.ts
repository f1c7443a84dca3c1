/** The list of sessions in the browser's storage, and the files that are handed out of them. */
import { storedFiles } from '../../src/platform/web/stored-files.ts';
import type { SharedFiles } from '../../src/runtime/files.ts';
import { readText } from '../../src/runtime/json-file.ts';
import { runRecordPath } from '../../src/study/folder.ts';
import { readRecord } from '../../src/study/read-run.ts';
import { SESSION_FILE } from '../stored-archive.ts';
import { openSessions, RUN, type SessionFacts, sessionLock } from './session-storage.ts';

/** State of a session. open: another tab works on it. begun: it can go on. */
export type SessionState = 'open' | 'begun' | 'done' | 'failed';

export interface Session extends SessionFacts {
  /** Name of its folder. */
  readonly name: string;
  readonly state: SessionState;
}

/** The files of a session. */
export async function sessionFiles(name: string): Promise<SharedFiles> {
  return storedFiles(await (await openSessions()).getDirectoryHandle(name));
}

async function stateOf(name: string, files: SharedFiles, { isUntested }: SessionFacts): Promise<SessionState> {
  const { held = [] } = await navigator.locks.query();
  if (held.some(lock => lock.name === `voxstill ${sessionLock(name)}`)) return 'open';
  const status = (await readRecord(files, runRecordPath(RUN)))?.status;
  // the report is the last file of a session
  if (status === 'done' && (isUntested === true || (await files.exists(`${RUN}/report.html`)))) return 'done';
  return status === 'failed' ? 'failed' : 'begun';
}

/** Removes a session with everything in it. */
export async function removeSession(name: string): Promise<void> {
  await storedFiles(await openSessions()).remove(name);
}

/** The sessions, the last one first. One whose data were not stored whole can never go on, and is removed. */
export async function listSessions(): Promise<readonly Session[]> {
  const sessions: Session[] = [];
  const root = await openSessions();
  const { held = [] } = await navigator.locks.query();
  for (const name of await storedFiles(root).list('.')) {
    const files = await sessionFiles(name);
    if (await files.exists(SESSION_FILE)) {
      const facts: SessionFacts = JSON.parse(await readText(files, SESSION_FILE));
      sessions.push({ ...facts, name, state: await stateOf(name, files, facts) });
    } else if (!held.some(lock => lock.name === `voxstill ${sessionLock(name)}`)) {
      await removeSession(name);
    }
  }
  return sessions.sort((left, right) => (left.startedAt < right.startedAt ? 1 : -1));
}
