#!/usr/bin/env node
/**
 * The program `voxstill`: the process around program.ts - arguments, streams, signals and exit code. A closed terminal
 * (SIGHUP) and a closed reader of stderr (`2>&1 | head -2`) stop it with a checkpoint, as Ctrl-C does.
 */
import { openOutput } from '../platform/node/output.ts';
import { packageVersion } from '../platform/node/package-version.ts';
import { COMMANDS } from './command-list.ts';
import { createInterruption } from './interruption.ts';
import { runProgram } from './program.ts';

// each is opened at its first write, since help does not need stderr
const stderr = openOutput(
  () => process.stderr,
  () => interruption.stop(),
);
// its content comes last, so there is nothing left to stop
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
  // started by a pool: without the pool nothing waits for this process any more
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
