/**
 * Reads and writes text and JSON files. JSON is checked against a schema. A damaged file is an error of the user, never
 * a bug: the error has the code of the file's kind, the path, the wrong fields, and what to do.
 */

import type { z } from 'zod';
import { type ErrorCode, InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import type { Files } from './files.ts';

/** The schema of one kind of JSON file, and the error that a violation gives. */
export interface JsonForm<Content> {
  readonly schema: z.ZodType<Content>;
  /** Code of the error. */
  readonly code: ErrorCode;
  /** What to do about a damaged file: whole sentences. */
  readonly advice: string;
}

/** Reads a file as UTF-8 text; a byte order mark is dropped. Throws as {@link Files.read}. */
export async function readText(files: Pick<Files, 'read'>, path: string): Promise<string> {
  return new TextDecoder().decode(await files.read(path));
}

/**
 * Checks the content of a file.
 * @param path for messages
 * @throws {InputError} the form's code with the first fields that are wrong
 */
export function checkJson<Content>(content: unknown, path: string, form: JsonForm<Content>): Content {
  const result = form.schema.safeParse(content);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    issue => `${[path, issue.path.join('.')].filter(part => part !== '').join(' ')}: ${issue.message}`,
  );
  throw new InputError(form.code, `${listSome(problems, '\n')}\n${form.advice}`);
}

/**
 * Parses text as JSON and checks it.
 * @param path for messages
 * @throws {InputError} the form's code if the text is not JSON; as {@link checkJson}
 */
export function parseJson<Content>(text: string, path: string, form: JsonForm<Content>): Content {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(form.code, `${path} is not JSON (${reason}). ${form.advice}`, { cause });
  }
  return checkJson(content, path, form);
}

/** As {@link parseJson}, for optional files: undefined if the text is not JSON or does not match the schema. */
export function parseJsonIf<Content>(text: string, schema: z.ZodType<Content>): Content | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Reads a JSON file. Throws as {@link Files.read} and {@link parseJson}. */
export async function readJson<Content>(
  files: Pick<Files, 'read'>,
  path: string,
  form: JsonForm<Content>,
): Promise<Content> {
  return parseJson(await readText(files, path), path, form);
}

/** Writes a record as JSON for people: indented, with a final line break. */
export async function writeJson(files: Pick<Files, 'write'>, path: string, content: object): Promise<void> {
  await files.write(path, formatJson(content));
}

/** A record as {@link writeJson} writes it. */
export function formatJson(content: object): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}
