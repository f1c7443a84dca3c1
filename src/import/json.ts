/** Reads JSON files that describe models; a schema checks them, and errors name the place of each problem. */
import type { z } from 'zod';
import { InputError } from '../core/errors.ts';

/** A source of the bytes of files. */
export interface Readable {
  read(path: string): Promise<Uint8Array>;
}

/**
 * The value of a JSON file.
 * @throws {InputError} E_IMPORT_DESCRIPTION if it is not JSON; as files.read
 */
export async function readJson(files: Readable, path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await files.read(path));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError('E_IMPORT_DESCRIPTION', `${path} is not JSON: ${String(cause)}`, { cause });
  }
}

/**
 * Checks a value by a schema.
 * @param path for messages
 * @throws {InputError} E_IMPORT_DESCRIPTION with every problem and its place
 */
export function parseAs<T extends z.ZodType>(schema: T, value: unknown, path: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(issue => `${path} ${issue.path.join('.')}: ${issue.message}`);
  throw new InputError('E_IMPORT_DESCRIPTION', problems.join('\n'));
}
