/** The built program as a child process, and what it finds and leaves on disk. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const MAIN = join(ROOT, 'dist/cli/main.js');
/** For a call that does not say. */
const LONGEST_CALL_MS = 200_000;

/** How a call ended. */
export interface Call {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  /** Working directory. */
  readonly cwd: string;
  /** Asked every few milliseconds; the program is interrupted as by Ctrl-C when it first says yes. */
  readonly interruptWhen?: () => boolean;
  /** Another build of the program. */
  readonly program?: string;
  /** For NODE_OPTIONS. */
  readonly nodeOptions?: string;
  /** In place of that of the tests. */
  readonly environment?: NodeJS.ProcessEnv;
  /** A call that takes longer hangs; it is killed, and its exit code is null. */
  readonly longestMs?: number;
}

/** Calls `voxstill` with these words. */
export function voxstill(args: readonly string[], options: CallOptions): Promise<Call> {
  const { cwd, interruptWhen, nodeOptions, program = MAIN } = options;
  const { environment = process.env, longestMs = LONGEST_CALL_MS } = options;
  return new Promise((resolve, reject) => {
    const env = { ...environment, ...(nodeOptions !== undefined && { NODE_OPTIONS: nodeOptions }) };
    const spawning = { cwd, env, timeout: longestMs, killSignal: 'SIGKILL' } as const;
    const child = spawn(process.execPath, [program, ...args], spawning);
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        text[name] += chunk;
      });
    }
    const watch = setInterval(() => {
      if (interruptWhen?.() !== true) return;
      clearInterval(watch);
      child.kill('SIGINT');
    }, 5);
    child.on('error', reject);
    child.on('close', code => {
      clearInterval(watch);
      resolve({ code, ...text });
    });
  });
}

/** A new folder for the files of one test file. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'voxstill-test-'));
}

/** Hexadecimal SHA-256 of a file. */
export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Everything below a folder by its path in it: a file's SHA-256, or `folder`; empty where there is no folder. */
export function contentsOf(folder: string): Readonly<Record<string, string>> {
  if (!existsSync(folder)) return {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).map(entry => {
    const path = join(entry.parentPath, entry.name);
    return [relative(folder, path), entry.isDirectory() ? 'folder' : sha256Of(path)] as const;
  });
  return Object.fromEntries(entries);
}

/** The content of a JSON file, to be compared with what is expected. */
export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
