/** JSON files, written in one form. */
import type { Files } from './files.ts';

/** Writes a record as JSON for people: indented, with a final line break. */
export async function writeJson(files: Files, path: string, content: object): Promise<void> {
  await files.write(path, `${JSON.stringify(content, null, 2)}\n`);
}
