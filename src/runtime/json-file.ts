/**
 * Reads and writes text and JSON files. JSON is checked against a schema. A damaged file is an error of the user, never
 * a bug: the error has the code of the file's kind, the path, the wrong fields, and what to do. Files that decide what
 * is computed are sealed: their last field is the hash of the others.
 */

import { z } from 'zod';
import { type ErrorCode, InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import { platformSha256 } from '../core/sha256.ts';
import type { Files } from './files.ts';

/** The schema of one kind of JSON file, and the error that a violation gives. */
export interface JsonForm<Content> {
  readonly schema: z.ZodType<Content>;
  /** Code of the error. */
  readonly code: ErrorCode;
  /** What to do about a damaged file: whole sentences. */
  readonly advice: string;
}

const anyObject = z.record(z.string(), z.unknown());

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

/** The field of a sealed file that has the hash of the others. */
const SEAL = 'sha256';

/** A record as {@link writeSealedJson} writes it. */
async function formatSealed(content: object): Promise<string> {
  const sha256 = await platformSha256(new TextEncoder().encode(formatJson(content)));
  return formatJson(sha256 === undefined ? content : { ...content, [SEAL]: sha256 });
}

/**
 * Writes a record as {@link writeJson}, sealed: its last field is the SHA-256 of the text without that field, so that
 * {@link readSealedJson} finds a value that has changed, whatever its schema allows.
 */
export async function writeSealedJson(files: Pick<Files, 'write'>, path: string, content: object): Promise<void> {
  await files.write(path, await formatSealed(content));
}

/** Whether a content is what was sealed, or has no seal. */
async function isWhole(stated: unknown, sealed: object): Promise<boolean> {
  if (stated === undefined) return true;
  const sha256 = await platformSha256(new TextEncoder().encode(formatJson(sealed)));
  return sha256 === undefined || sha256 === stated;
}

/**
 * Reads a file of {@link writeSealedJson}; one without a seal, of an earlier version, is believed.
 * @throws {InputError} as {@link readJson}; the form's code if the content is not what was sealed
 */
export async function readSealedJson<Content>(
  files: Pick<Files, 'read'>,
  path: string,
  form: JsonForm<Content>,
): Promise<Content> {
  const content = parseJson(await readText(files, path), path, { ...form, schema: anyObject });
  const { [SEAL]: stated, ...sealed } = content;
  if (await isWhole(stated, sealed)) return checkJson(sealed, path, form);
  throw new InputError(form.code, `${path} changed after it was written. ${form.advice}`);
}

/** As {@link readSealedJson} for a text that may be half written: undefined if it is not whole. */
export async function parseSealedIf<Content>(text: string, schema: z.ZodType<Content>): Promise<Content | undefined> {
  const content = parseJsonIf(text, anyObject);
  if (content === undefined) return undefined;
  const { [SEAL]: stated, ...sealed } = content;
  return (await isWhole(stated, sealed)) ? schema.safeParse(sealed).data : undefined;
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
