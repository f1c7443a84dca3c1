#!/usr/bin/env node
/** The program `voxstill`: the process around program.ts - arguments, streams, Ctrl-C and exit code. */
import { packageVersion } from '../platform/node/provenance.ts';
import { addCancel } from './commands/cancel.ts';
import { addCollect } from './commands/collect.ts';
import { addCompare } from './commands/compare.ts';
import { addDemo } from './commands/demo.ts';
import { addEvaluate } from './commands/evaluate.ts';
import { addInspect } from './commands/inspect.ts';
import { addPlan } from './commands/plan.ts';
import { addPredict } from './commands/predict.ts';
import { addRetry } from './commands/retry.ts';
import { addRun } from './commands/run.ts';
import { addServe } from './commands/serve.ts';
import { addStatus } from './commands/status.ts';
import { addSweep } from './commands/sweep.ts';
import { addTrain } from './commands/train.ts';
import { addUnit } from './commands/unit.ts';
import { addValidate } from './commands/validate.ts';
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

process.exitCode = await runProgram(
  process.argv.slice(2),
  [
    addDemo,
    addRun,
    addTrain,
    addSweep,
    addEvaluate,
    addPredict,
    addCompare,
    addValidate,
    addPlan,
    addInspect,
    addServe,
    addStatus,
    addCancel,
    addRetry,
    addCollect,
    addUnit,
  ],
  {
    version: packageVersion(),
    stdout: text => process.stdout.write(text),
    stderr: {
      isTerminal: process.stderr.isTTY === true,
      write: text => process.stderr.write(text),
      terminal: process.stderr,
    },
    signal: interruption.signal,
    elapsedMs: () => performance.now(),
  },
);
