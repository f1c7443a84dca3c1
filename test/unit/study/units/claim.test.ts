/** Claims: one owner at a time, however many try, whatever their clocks say, and also after a pause. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Owner } from '../../../../src/experiment/machine.ts';
import { nodeFiles } from '../../../../src/platform/node/files.ts';
import {
  type Claim,
  guardFiles,
  type Heartbeat,
  LEASE_MS,
  livenessOf,
  readClaim,
  takeClaim,
} from '../../../../src/study/units/claim.ts';
import { HEARTBEAT_MS } from '../../../../src/study/units/perform-unit.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../../support/laboratory.ts';
import { memoryFiles } from '../../../support/memory-files.ts';

const NOTHING: Heartbeat = { progress: null, timingsSeconds: {}, waitingShares: {} };
const files = memoryFiles();
const { machine } = createLaboratory(functionEngine(thresholdModel));

/** A machine with a process of its own, whose clock may be wrong. */
function machineOf(node: string, { now = '2026-01-01T00:00:00Z', ended = [] as readonly Owner[] } = {}) {
  const owner: Owner = { node, host: node, pid: 1, start: null, job: null };
  return {
    ...machine,
    owner,
    now: () => now,
    hasEnded: (other: Owner) => ended.some(({ host }) => host === other.host),
  };
}

async function take(
  unit: string,
  node: string,
  more: Parameters<typeof machineOf>[1] = {},
): Promise<Claim | undefined> {
  const taken = await takeClaim({ files, machine: machineOf(node, more) }, unit);
  return 'claim' in taken ? taken.claim : undefined;
}

describe('a unit', () => {
  it('has one winner of many that ask for it at once, on a real disk', async () => {
    const unit = mkdtempSync(join(tmpdir(), 'voxstill-claim-'));
    const names = Array.from({ length: 8 }, (_, index) => `node-${index}`);
    const taken = await Promise.all(names.map(node => takeClaim({ files: nodeFiles, machine: machineOf(node) }, unit)));
    expect(taken.filter(one => 'claim' in one).length).toBe(1);
    rmSync(unit, { recursive: true });
  });

  it("is its owner's until the lease is over, and then the next attempt's", async () => {
    expect((await take('a', 'first'))?.attempt).toBe(1);
    files.clock.ms += LEASE_MS;
    expect(await take('a', 'second')).toBeUndefined();
    files.clock.ms += 1;
    expect((await take('a', 'second'))?.attempt).toBe(2);
    expect(await take('a', 'third')).toBeUndefined();
  });

  it("stays its owner's as long as that shows that it lives", async () => {
    const first = await take('b', 'first');
    for (let beat = 0; beat < 3; beat++) {
      files.clock.ms += LEASE_MS;
      await first?.beat(NOTHING);
    }
    files.clock.ms += LEASE_MS;
    expect(await take('b', 'second')).toBeUndefined();
  });

  it('is free at once when its owner lets go, or is known to have ended', async () => {
    const first = await take('c', 'first');
    await first?.release({ ...NOTHING, timingsSeconds: { train: 3 } });
    const second = await take('c', 'second');
    expect(second?.attempt).toBe(2);
    expect(second?.earlier.timingsSeconds).toEqual({ train: 3 });
    const { owner } = machineOf('second');
    expect((await take('c', 'third', { ended: [owner] }))?.attempt).toBe(3);
  });

  it('does not change hands because clocks of machines differ', async () => {
    await take('d', 'behind', { now: '1999-01-01T00:00:00Z' });
    expect(await take('d', 'ahead', { now: '2099-01-01T00:00:00Z' })).toBeUndefined();
    files.clock.ms += LEASE_MS + 1;
    expect((await take('d', 'behind', { now: '1999-01-01T00:00:00Z' }))?.attempt).toBe(2);
  });

  it('is not held by a time in the future, which no heartbeat renews', async () => {
    files.clock.ms += 100 * LEASE_MS;
    await take('f', 'first');
    files.clock.ms -= LEASE_MS;
    expect(await take('f', 'second')).toBeUndefined();
    files.clock.ms -= 1;
    expect((await take('f', 'second'))?.attempt).toBe(2);
  });

  it('does not count on from a number that no claim can have', async () => {
    await files.create('g/work/claim-99999999999999999999.json', '');
    await expect(take('g', 'first')).rejects.toMatchObject({ code: 'E_CLAIM' });
  });

  it('whose claim is only just being written is held', async () => {
    await files.create('e/work/claim-1.json', '');
    expect(await take('e', 'second')).toBeUndefined();
    const found = await readClaim(files, 'e', 1);
    expect(livenessOf(found!, { machine, nowMs: files.clock.ms + LEASE_MS + 1 })).toBe('dead');
  });
});

describe('a unit whose folder is gone', () => {
  it('stays gone when its owner lets go, and shows that owner that it has lost it', async () => {
    const claim = await take('gone', 'first');
    await files.remove('gone');
    await claim?.release(NOTHING);
    expect(await files.list('gone')).toEqual([]);
    await expect(claim?.beat(NOTHING)).rejects.toMatchObject({ code: 'E_CLAIM_LOST' });
    expect(await files.list('gone')).toEqual([]);
  });
});

it('a lease lasts several heartbeats, so that a slow one does not cost an owner its unit', () => {
  expect(LEASE_MS / HEARTBEAT_MS).toBeGreaterThanOrEqual(6);
});

describe('an owner that comes back from the dead', () => {
  it("writes and removes nothing of the unit, and the new owner's files are as they were", async () => {
    const zombie = guardFiles(files, (await take('z', 'zombie'))!);
    await zombie.write('z/model.onnx', 'old');
    files.clock.ms += LEASE_MS + 1;
    const owner = await take('z', 'owner');
    await guardFiles(files, owner!).write('z/model.onnx', 'new');
    const lost = { code: 'E_CLAIM_LOST', message: expect.stringContaining('attempt 2 has taken it over') };
    await expect(zombie.write('z/model.onnx', 'late')).rejects.toMatchObject(lost);
    await expect(zombie.create('z/other', 'late')).rejects.toMatchObject(lost);
    await expect(zombie.remove('z/model.onnx')).rejects.toMatchObject(lost);
    expect(files.text('z/model.onnx')).toBe('new');
    expect(await files.exists('z/other')).toBe(false);
  });

  it('finds out between writing and publishing, on a real disk, and leaves nothing behind', async () => {
    const unit = mkdtempSync(join(tmpdir(), 'voxstill-claim-'));
    const ended = [machineOf('zombie').owner];
    const first = await takeClaim({ files: nodeFiles, machine: machineOf('zombie') }, unit);
    const { claim } = first as { claim: Claim };
    const model = join(unit, 'model.onnx');
    const zombie = guardFiles(nodeFiles, {
      // taken over while the zombie's bytes are on their way
      assertHeld: async () => {
        await takeClaim({ files: nodeFiles, machine: machineOf('owner', { ended }) }, unit);
        await nodeFiles.write(model, 'new');
        await claim.assertHeld();
      },
    });
    await expect(zombie.write(model, 'late')).rejects.toMatchObject({ code: 'E_CLAIM_LOST' });
    expect(new TextDecoder().decode(await nodeFiles.read(model))).toBe('new');
    expect((await nodeFiles.list(unit)).filter(name => name.endsWith('.tmp'))).toEqual([]);
    rmSync(unit, { recursive: true });
  });

  it('neither beats nor lets go for the new owner', async () => {
    const zombie = (await take('y', 'zombie'))!;
    files.clock.ms += LEASE_MS + 1;
    await take('y', 'owner');
    const before = files.text('y/work/claim-2.json');
    await expect(zombie.beat(NOTHING)).rejects.toMatchObject({ code: 'E_CLAIM_LOST' });
    await zombie.release(NOTHING);
    expect(files.text('y/work/claim-2.json')).toBe(before);
  });

  it('finds a unit that was removed gone, and does not bring it back', async () => {
    const zombie = guardFiles(files, (await take('x', 'zombie'))!);
    await files.remove('x');
    await expect(zombie.write('x/model.onnx', 'late')).rejects.toMatchObject({ code: 'E_CLAIM_LOST' });
    expect(await files.list('x')).toEqual([]);
  });
});
