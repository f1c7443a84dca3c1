/** Descriptions of models from elsewhere: JSON files whose damage is an error of one code. */
import { z } from 'zod';
import type { Files } from '../runtime/files.ts';
import { checkJson, type JsonForm, parseJson, readText } from '../runtime/json-file.ts';

function describedBy<Content>(schema: z.ZodType<Content>): JsonForm<Content> {
  return {
    schema,
    code: 'E_IMPORT_DESCRIPTION',
    advice: 'Save the model again with the program that wrote it, or put a whole copy of the file back.',
  };
}

/**
 * The value of a JSON text.
 * @param path for messages
 * @throws {InputError} E_IMPORT_DESCRIPTION if it is not JSON
 */
export function parseDescription(text: string, path: string): unknown {
  return parseJson(text, path, describedBy(z.unknown()));
}

/**
 * The value of a JSON file.
 * @throws {InputError} E_IMPORT_DESCRIPTION if it is not JSON; as files.read
 */
export async function readDescription(files: Pick<Files, 'read'>, path: string): Promise<unknown> {
  return parseDescription(await readText(files, path), path);
}

/**
 * Checks a value by a schema.
 * @param path for messages
 * @throws {InputError} E_IMPORT_DESCRIPTION with the first problems and their places
 */
export function parseAs<Content>(schema: z.ZodType<Content>, value: unknown, path: string): Content {
  return checkJson(value, path, describedBy(schema));
}
