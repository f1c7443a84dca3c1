/**
 * A session as one file: an archive of its folder. The answers of the teacher are left out, which can be asked for
 * again.
 */
import { z } from 'zod';
import { InputError } from '../../src/core/errors.ts';
import { nameProblem } from '../../src/core/names.ts';
import type { Files } from '../../src/runtime/files.ts';
import { parseJson } from '../../src/runtime/json-file.ts';
import { TEMPORARY } from '../../src/runtime/temporaries.ts';
import { roundPaths, UNCERTAINTY } from '../../src/study/correction/correction-folder.ts';
import { refusedSession, SESSION_FILE, storedArchive, storedContents } from '../stored-archive.ts';
import { pageRecipe } from './page-recipe.ts';
import type { Contents } from './protocol.ts';
import { RECIPE, RUN, type SessionFacts } from './session-storage.ts';
import { SPLITS } from './teacher-alone.ts';

/** What lies at the top of every session and is exported. */
const EXPORTED = ['data', 'teacher', RUN, RECIPE, SPLITS, UNCERTAINTY, SESSION_FILE];
/** What lies there for every round of corrections. */
const ROUND = /^round-[1-9]\d*(\.yaml)?$/;

/** What of a session is exported. */
async function exportedOf(files: Files): Promise<readonly string[]> {
  const rounds: string[] = [];
  for (let number = 1; await files.exists(roundPaths(number).recipe); number++) {
    rounds.push(roundPaths(number).recipe, roundPaths(number).folder);
  }
  return [...EXPORTED, ...rounds];
}

const sessionForm = {
  schema: z.object({
    title: z.string().refine(name => nameProblem(name) === undefined, 'must be a plain name'),
    isPaired: z.boolean(),
    startedAt: z.iso.datetime(),
    isUntested: z.boolean().optional(),
  }),
  code: 'E_SESSION_FILE',
  advice: 'Export the session again.',
} as const;

async function filesBelow(files: Files, path: string): Promise<readonly string[]> {
  const names = await files.list(path);
  if (names.length === 0) return [path];
  const below: string[] = [];
  for (const name of names) if (!TEMPORARY.test(name)) below.push(...(await filesBelow(files, `${path}/${name}`)));
  return below;
}

async function* filesToExport(files: Files): AsyncGenerator<{ readonly path: string; readonly bytes: Uint8Array }> {
  for (const top of await exportedOf(files)) {
    if (!(await files.exists(top))) continue;
    for (const path of await filesBelow(files, top)) yield { path, bytes: await files.read(path) };
  }
}

/** The files of a session as one archive. */
export function archiveSession(files: Files): Promise<Blob> {
  return storedArchive(filesToExport(files));
}

function isExported(path: string): boolean {
  const top = path.split('/')[0] as string;
  if (top === 'labels') {
    const advice = 'Open that view, and press "Open session".';
    throw new InputError('E_SESSION_FILE', `the file is a session of the view of images. ${advice}`);
  }
  return EXPORTED.includes(top) || ROUND.test(top);
}

/**
 * The files of an exported session, checked before any of them is stored.
 * @throws {InputError} E_SESSION_FILE for another file, a damaged one, or one with paths that lead elsewhere; as
 * pageRecipe
 */
export async function readSession(
  archive: Blob,
): Promise<{ readonly contents: Contents; readonly facts: SessionFacts }> {
  const stored = await storedContents(archive, isExported);
  const contents = new Map([...stored].map(([path, bytes]) => [path, new Blob([bytes])]));
  const [facts, recipe] = [contents.get(SESSION_FILE), contents.get(RECIPE)];
  if (facts === undefined || recipe === undefined) throw refusedSession(`it has no ${SESSION_FILE} or no ${RECIPE}`);
  for (const [path, text] of contents)
    if (path === RECIPE || /^round-\d+\.yaml$/.test(path)) pageRecipe(await text.text());
  const parsed = parseJson(await facts.text(), SESSION_FILE, sessionForm);
  contents.delete(SESSION_FILE);
  return { contents, facts: parsed };
}
