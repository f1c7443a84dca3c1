#!/usr/bin/env node
/**
 * The program `voxstill`: the process around program.ts - arguments, streams, signals and exit code. A terminal that is closed (SIGHUP) and a
 * reader of stderr that goes away (`2>&1 | head -2`) ask it to stop with a checkpoint, as Ctrl-C does.
 */
import { openOutput } from '../platform/node/output.ts';
import { packageVersion } from '../platform/node/package-version.ts';
import { COMMANDS } from './command-list.ts';
import { createInterruption } from './interruption.ts';
import { runProgram } from './program.ts';

// each is opened when something is written to it: help does without stderr
const stderr = openOutput(
  () => process.stderr,
  () => interruption.stop(),
);
// what it carries comes last, so that nothing is left to stop
const stdout = openOutput(
  () => process.stdout,
  () => {},
);
const interruption = createInterruption({
  say: text => stderr().write(text),
  end: () => process.exit(130),
  elapsedMs: () => performance.now(),
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interruption.onSignal);

if (process.channel !== undefined) {
  // started by a pool: without it nobody waits for this process any more
  process.once('disconnect', interruption.stop);
  process.channel.unref();
}

process.exitCode = await runProgram(process.argv.slice(2), COMMANDS, {
  version: packageVersion(),
  stdout: text => stdout().write(text),
  stderr: {
    get isTerminal() {
      return stderr().isTTY === true;
    },
    write: text => stderr().write(text),
    get terminal() {
      return stderr();
    },
  },
  signal: interruption.signal,
  elapsedMs: () => performance.now(),
});
