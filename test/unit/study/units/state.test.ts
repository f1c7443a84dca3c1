/** Where units stand, by their files and a batch system. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeFiles } from '../../../../src/platform/node/files.ts';
import type { SharedFiles } from '../../../../src/runtime/files.ts';
import { cancelStudy } from '../../../../src/study/units/cancel.ts';
import { LEASE_MS, takeClaim } from '../../../../src/study/units/claim.ts';
import type { OutsideState } from '../../../../src/study/units/executor.ts';
import { OUTCOME_FILE, type UnitOutcome, writeOutcome } from '../../../../src/study/units/outcome.ts';
import { cancelledPath } from '../../../../src/study/units/perform-unit.ts';
import { countStates, readStates, unitsToRestart } from '../../../../src/study/units/state.ts';
import type { Units } from '../../../../src/study/units/units-file.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../../support/laboratory.ts';
import { memoryFiles } from '../../../support/memory-files.ts';

const { machine } = createLaboratory(functionEngine(thresholdModel));
const listOf = (count: number): Units => {
  const units = Array.from({ length: count }, (_, place) => {
    return { folder: `u${place}`, arm: 'teacher', fold: null, seed: 1, label: `unit ${place}` } as const;
  });
  return { kind: 'sweep', units };
};
const OUTCOME = {
  attempt: 1,
  node: 'n1',
  finishedAt: '2026-01-01T00:00:00Z',
  timingsSeconds: { train: 5 },
  waitingShares: {},
  threads: 1,
  ...machine.provenance,
} satisfies Partial<UnitOutcome>;

async function claim(files: SharedFiles, place: number) {
  const taken = await takeClaim({ files, machine }, `w/u${place}`);
  if (!('claim' in taken)) throw new Error('held');
  return taken.claim;
}

describe('the state of a unit', () => {
  it('follows from its files', async () => {
    const files = memoryFiles();
    await writeOutcome(files, 'w/u1', { ...OUTCOME, status: 'done' });
    await writeOutcome(files, 'w/u2', { ...OUTCOME, status: 'failed', error: { code: 'E_X', message: 'no' } });
    await claim(files, 3);
    await (await claim(files, 5)).release({ progress: null, timingsSeconds: {}, waitingShares: {} });
    files.clock.ms += LEASE_MS + 1;
    const progress = { stage: 'teacher', done: 3, total: 9, unit: 'step', secondsPerStep: 2, etaSeconds: 12 };
    await (await claim(files, 4)).beat({ progress, timingsSeconds: {}, waitingShares: {} });
    const reports = await readStates({ files, machine }, { study: 'w', list: listOf(6) });
    expect(reports.map(({ state }) => state)).toEqual(['waiting', 'done', 'failed', 'lost', 'running', 'waiting']);
    expect(reports[1]).toMatchObject({ attempt: 0, node: 'n1', timingsSeconds: { train: 5 } });
    expect(reports[2]).toMatchObject({ error: { code: 'E_X', message: 'no' } });
    expect(reports[4]).toMatchObject({ attempt: 1, node: 'node', progress });
    expect(countStates(reports)).toEqual({
      waiting: 2,
      queued: 0,
      running: 1,
      done: 1,
      failed: 1,
      lost: 1,
      cancelled: 0,
    });
    expect(unitsToRestart(reports)).toEqual([0, 3, 5]);
  });

  it('is read from a folder that can only be read, once all have ended', async () => {
    const files = memoryFiles();
    await writeOutcome(files, 'w/u0', { ...OUTCOME, status: 'done' });
    const readOnly = { ...files, nowMs: () => Promise.reject(new Error('read-only file system')) };
    const [report] = await readStates({ files: readOnly, machine }, { study: 'w', list: listOf(1) });
    expect(report?.state).toBe('done');
  });

  it('is queued where a batch system has it, also after its node was lost', async () => {
    const files = memoryFiles();
    await claim(files, 1);
    files.clock.ms += LEASE_MS + 1;
    const queued: OutsideState = { state: 'queued', job: '7_0', node: null, reason: 'Priority' };
    const outside = new Map([0, 1].map(place => [place, queued]));
    const reports = await readStates({ files, machine }, { study: 'w', list: listOf(3) }, outside);
    expect(reports.map(({ state }) => state)).toEqual(['queued', 'queued', 'waiting']);
    expect(reports[0]).toMatchObject({ job: '7_0', queuedFor: 'Priority' });
    expect(unitsToRestart(reports)).toEqual([2]);
  });

  it('is cancelled where nobody runs it any more', async () => {
    const files = memoryFiles();
    await claim(files, 0);
    await writeOutcome(files, 'w/u1', { ...OUTCOME, status: 'done' });
    const study = { study: 'w', list: listOf(3) };
    expect(await cancelStudy({ files, machine }, study)).toEqual([0]);
    expect(await files.exists(cancelledPath('w'))).toBe(true);
    const reports = await readStates({ files, machine }, study);
    expect(reports.map(({ state }) => state)).toEqual(['running', 'done', 'cancelled']);
    expect(unitsToRestart(reports)).toEqual([]);
  });

  it('is not started again by itself when it was lost again and again', async () => {
    const files = memoryFiles();
    for (let attempt = 0; attempt < 5; attempt++) {
      await claim(files, 0);
      files.clock.ms += LEASE_MS + 1;
    }
    const reports = await readStates({ files, machine }, { study: 'w', list: listOf(1) });
    expect(reports[0]).toMatchObject({ state: 'lost', attempt: 5 });
    expect(unitsToRestart(reports)).toEqual([]);
  });
});

it('each unit costs three calls of the file system to look at, however many there are', async () => {
  const study = mkdtempSync(join(tmpdir(), 'voxstill-states-'));
  const list = listOf(100);
  for (const { folder } of list.units) {
    mkdirSync(join(study, folder, 'work'), { recursive: true });
    writeFileSync(join(study, folder, 'work', OUTCOME_FILE), JSON.stringify({ ...OUTCOME, status: 'done' }));
  }
  const callsFor = async (units: Units['units']): Promise<number> => {
    let calls = 0;
    const files = new Proxy(nodeFiles, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (typeof value === 'function') calls++;
        return value;
      },
    });
    const reports = await readStates({ files, machine }, { study, list: { ...list, units } });
    expect(countStates(reports).done).toBe(units.length);
    return calls;
  };
  const [few, many] = [await callsFor(list.units.slice(0, 10)), await callsFor(list.units)];
  expect((many - few) / 90).toBeLessThanOrEqual(3);
  rmSync(study, { recursive: true });
});
