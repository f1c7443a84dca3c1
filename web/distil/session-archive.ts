/**
 * A session as one file: a zip archive of its folder, stored uncompressed, since images and models hardly shrink. The
 * answers of the teacher are left out, which can be asked for again.
 */
import { Zip, ZipPassThrough } from 'fflate';
import { z } from 'zod';
import { InputError } from '../../src/core/errors.ts';
import { nameProblem, pathInside } from '../../src/core/names.ts';
import { openArchive } from '../../src/import/zip.ts';
import type { Files } from '../../src/runtime/files.ts';
import { parseJson } from '../../src/runtime/json-file.ts';
import { TEMPORARY } from '../../src/runtime/temporaries.ts';
import { roundPaths, UNCERTAINTY } from '../../src/study/correction/correction-folder.ts';
import { pageRecipe } from './page-recipe.ts';
import type { Contents } from './protocol.ts';
import { RECIPE, RUN, SESSION_FILE, type SessionFacts } from './session-storage.ts';
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

/** The files of a session as one archive. */
export async function archiveSession(files: Files): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let failure: Error | undefined;
  const zip = new Zip((error, data) => {
    if (error) failure = error;
    else parts.push(data as Uint8Array<ArrayBuffer>);
  });
  for (const top of await exportedOf(files)) {
    if (!(await files.exists(top))) continue;
    for (const path of await filesBelow(files, top)) {
      const entry = new ZipPassThrough(path);
      zip.add(entry);
      entry.push(await files.read(path), true);
    }
  }
  zip.end();
  if (failure !== undefined) throw failure;
  return new Blob(parts, { type: 'application/zip' });
}

function refused(reason: string, cause?: unknown): InputError {
  return new InputError(
    'E_SESSION_FILE',
    `the file is no session that the page exported: ${reason}. Export it again.`,
    {
      cause,
    },
  );
}

/**
 * The files of an exported session, checked before any of them is stored.
 * @throws {InputError} E_SESSION_FILE for another file, a damaged one, or one with paths that lead elsewhere; as
 * pageRecipe
 */
export async function readSession(
  archive: Blob,
): Promise<{ readonly contents: Contents; readonly facts: SessionFacts }> {
  const contents = new Map<string, Blob>();
  try {
    const bytes = new Uint8Array(await archive.arrayBuffer());
    const { names, read } = openArchive(bytes, 'the file');
    let total = 0;
    for (const name of names) {
      const top = name.split('/')[0] as string;
      if (pathInside(name) !== name || !(EXPORTED.includes(top) || ROUND.test(top))) {
        throw refused(`it has a file ${JSON.stringify(name)}`);
      }
      const content = read(name);
      total += content.length;
      // what was exported is not compressed, so that nothing can grow
      if (total > bytes.length) throw refused('its files are compressed');
      contents.set(name, new Blob([content as Uint8Array<ArrayBuffer>]));
    }
  } catch (cause) {
    throw cause instanceof InputError && cause.code === 'E_SESSION_FILE'
      ? cause
      : refused(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const [facts, recipe] = [contents.get(SESSION_FILE), contents.get(RECIPE)];
  if (facts === undefined || recipe === undefined) throw refused(`it has no ${SESSION_FILE} or no ${RECIPE}`);
  for (const [path, text] of contents)
    if (path === RECIPE || /^round-\d+\.yaml$/.test(path)) pageRecipe(await text.text());
  const parsed = parseJson(await facts.text(), SESSION_FILE, sessionForm);
  contents.delete(SESSION_FILE);
  return { contents, facts: parsed };
}
