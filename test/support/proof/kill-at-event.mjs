/**
 * Loaded before the program by `NODE_OPTIONS=--import`: counts the calls that change files, before and after each, and
 * kills the process by signal 9 at the one whose number PROOF_KILL_AT has; where that is a write, half of the content
 * is written first. Without the number it writes the count into the file PROOF_COUNT names.
 */
import { writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const at = Number(process.env.PROOF_KILL_AT ?? 0);
let events = 0;

function die() {
  process.kill(process.pid, 'SIGKILL');
  // until the signal arrives nothing more may happen
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function count() {
  events++;
  if (events === at) die();
}

function wrap(target, name, isChange = () => true) {
  const original = target[name];
  target[name] = async function changed(...args) {
    if (!isChange(...args)) return original.apply(this, args);
    count();
    const result = await original.apply(this, args);
    count();
    return result;
  };
}

if (isMainThread) {
  for (const name of ['rename', 'link', 'rm', 'mkdir']) wrap(promises, name);
  wrap(promises, 'open', (_, flags) => flags !== 'r');
  const open = promises.open;
  promises.open = async (...args) => {
    const file = await open(...args);
    const writeFile = file.writeFile.bind(file);
    file.writeFile = async data => {
      if (events + 1 === at) {
        await file.write(Buffer.from(data).subarray(0, data.length >> 1));
        die();
      }
      count();
      return writeFile(data);
    };
    return file;
  };
  syncBuiltinESMExports();
  const { PROOF_COUNT } = process.env;
  if (PROOF_COUNT !== undefined) process.on('exit', () => writeFileSync(PROOF_COUNT, String(events)));
}
