/**
 * Calls of the built program in this process, which spares the start of Node and of the engine: for proofs that call it
 * some hundred times and kill nothing.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ListedCommand, Surroundings } from '../../../src/cli/program.ts';
import { type Call, ROOT } from '../program.ts';

type RunProgram = (
  argv: readonly string[],
  commands: readonly ListedCommand[],
  surroundings: Surroundings,
) => Promise<number>;

async function built<Exports>(path: string): Promise<Exports> {
  return (await import(pathToFileURL(join(ROOT, 'dist', path)).href)) as Exports;
}

/** Runs the program to its end. @param words paths among them are absolute */
export async function callInside(words: readonly string[]): Promise<Call> {
  const { runProgram } = await built<{ readonly runProgram: RunProgram }>('cli/program.js');
  const { COMMANDS } = await built<{ readonly COMMANDS: readonly ListedCommand[] }>('cli/command-list.js');
  let [stdout, stderr] = ['', ''];
  const code = await runProgram(words, COMMANDS, {
    version: '0',
    stdout: text => {
      stdout += text;
    },
    stderr: {
      isTerminal: false,
      write: text => {
        stderr += text;
      },
      terminal: process.stderr,
    },
    signal: new AbortController().signal,
    elapsedMs: () => performance.now(),
  });
  return { code, stdout, stderr };
}
