#!/usr/bin/env node
/** The program `voxstill`: the process around program.ts - arguments, streams, Ctrl-C and exit code. */
import { packageVersion } from '../platform/node/package-version.ts';
import { COMMANDS } from './command-list.ts';
import { createInterruption } from './interruption.ts';
import { runProgram } from './program.ts';

const interruption = createInterruption({
  say: text => process.stderr.write(text),
  end: () => process.exit(130),
  elapsedMs: () => performance.now(),
});
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, interruption.onSignal);

if (process.channel !== undefined) {
  // started by a pool: without it nobody waits for this process any more
  process.once('disconnect', interruption.stop);
  process.channel.unref();
}

process.exitCode = await runProgram(process.argv.slice(2), COMMANDS, {
  version: packageVersion(),
  stdout: text => process.stdout.write(text),
  stderr: {
    // opened when something is written to it: help does without
    get isTerminal() {
      return process.stderr.isTTY === true;
    },
    write: text => process.stderr.write(text),
    get terminal() {
      return process.stderr;
    },
  },
  signal: interruption.signal,
  elapsedMs: () => performance.now(),
});
