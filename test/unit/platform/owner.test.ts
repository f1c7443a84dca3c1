/** Which processes are known to have ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { hasEnded, thisProcess } from '../../../src/platform/node/owner.ts';

describe('a process', () => {
  it('has not ended while it runs, and has when it was killed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const owner = { ...thisProcess(), pid: child.pid as number, start: null };
    expect(hasEnded(owner)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(hasEnded(owner)).toBe(true);
  });

  it('with the number of one that has ended is another one', () => {
    const own = thisProcess();
    expect(hasEnded(own)).toBe(false);
    // only Linux tells when a process started
    expect(hasEnded({ ...own, start: 'long ago' })).toBe(process.platform === 'linux');
  });

  it('of another host may well run', () => {
    expect(hasEnded({ ...thisProcess(), host: 'elsewhere', pid: 999_999_999 })).toBe(false);
  });
});
