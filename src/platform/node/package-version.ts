/** The version of this package. It has its own file, since every start of the program needs it. */
import { readFileSync } from 'node:fs';

/** Version of this package, from its package.json, which is three folders up both in src and in dist. */
export function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const version = typeof content === 'object' && content !== null && 'version' in content ? content.version : 'unknown';
  return String(version);
}
