/** Paths of the program `voxstill` itself, to start it in another process. */
import { fileURLToPath } from 'node:url';

/**
 * Absolute paths of Node and of the built program, which lies three folders up and two down both from src and from
 * dist.
 */
export function ownProgram(): readonly [node: string, main: string] {
  return [process.execPath, fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))];
}
