/**
 * Power that goes at any moment: a file is old or new and whole, what was promised is there, and a training or a claim
 * goes on.
 */
import { describe, expect, it } from 'vitest';
import { armFolder } from '../../../src/experiment/arm-folder.ts';
import type { ArmOptions } from '../../../src/experiment/arm-options.ts';
import { armStore } from '../../../src/experiment/arm-store.ts';
import { sealModel } from '../../../src/onnx/seal.ts';
import { LEASE_MS, takeClaim } from '../../../src/study/units/claim.ts';
import type { Checkpoint } from '../../../src/training/checkpoint.ts';
import type { Model } from '../../../src/training/forward.ts';
import { type CrashDisk, crashDisk } from '../../support/crash-disk.ts';
import { createLaboratory, functionEngine, modelBytes, thresholdModel } from '../../support/laboratory.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('a file that is replaced', () => {
  it('is the old one or the new one, whole, and the new one from the moment that its write has returned', async () => {
    const { files, states } = crashDisk();
    await files.write('run/a', 'first');
    const before = states().length;
    await files.write('run/a', 'second, which is longer');
    const during = states().slice(before);
    expect(during.length).toBeGreaterThan(5);
    const found = await Promise.all(during.map(async state => text(await state.files.read('run/a'))));
    expect(new Set(found)).toEqual(new Set(['first', 'second, which is longer']));
    const after = states().length;
    await files.write('run/b', 'other');
    expect(states().length).toBeGreaterThan(after);
    for (const state of states().slice(after)) expect(text(await state.files.read('run/a'))).toMatch(/^second/);
  });

  it('would be lost without the sync of its folder', async () => {
    const { files, states } = crashDisk();
    await files.write('run/a', 'first');
    const returned = states().filter(({ after }) => after === 'syncing the folder run');
    for (const state of returned) expect(await state.files.exists('run/a')).toBe(true);
    const renamed = states().filter(({ after }) => after.startsWith('renaming'));
    const isThere = await Promise.all(renamed.map(state => state.files.exists('run/a')));
    expect(new Set(isThere)).toEqual(new Set([true, false]));
  });
});

describe('a training', () => {
  const specs = [{ name: 'kernel', shape: [3], init: 'zeros' }] as unknown as Model['specs'];
  const checkpointAt = (step: number, best: Checkpoint['best']): Checkpoint => ({
    step,
    theta: Float32Array.of(step, 2, 3),
    state: { first: Float32Array.of(step, 0, 0) },
    best,
    seconds: step,
    fingerprint: 'same',
  });
  const storeOn = (files: CrashDisk['files']): ReturnType<typeof armStore> => {
    const laboratory = { ...createLaboratory(functionEngine(thresholdModel)), files };
    return armStore(
      { laboratory, folder: armFolder('run/student') } as unknown as ArmOptions,
      { specs } as unknown as Model,
      'same',
    );
  };
  const rowsTo = (step: number) =>
    Array.from({ length: step }, (_, i) => ({
      step: i + 1,
      epoch: 1,
      seconds: 1,
      learningRate: 1,
      losses: { total: 1 },
    }));

  it('goes on from a checkpoint that was written before, in every state that a loss of power leaves', async () => {
    const { files, states } = crashDisk();
    const store = storeOn(files);
    await store.load();
    for (const step of [2, 4]) {
      const best = { step, dice: step / 10 };
      await store.saveBest(checkpointAt(step, best), rowsTo(step));
      await store.saveLast(checkpointAt(step, best), rowsTo(step));
    }
    expect(states().length).toBeGreaterThan(30);
    const steps = new Set<number>();
    for (const state of states()) {
      const found = await storeOn(state.files).load();
      steps.add(found?.last.step ?? 0);
      if (found === undefined) continue;
      expect([2, 4]).toContain(found.last.step);
      expect(found.last.theta[0]).toBe(found.last.step);
      expect([2, 4]).toContain(found.bestTheta[0]);
      expect(found.bestTheta[0]).toBeGreaterThanOrEqual(found.last.best?.step ?? 0);
    }
    expect(steps).toEqual(new Set([0, 2, 4]));
  });

  it('leaves no half model', async () => {
    const { files, states } = crashDisk();
    const model = await sealModel(modelBytes({}));
    await files.write('run/student/model.onnx', model);
    for (const state of states()) {
      if (!(await state.files.exists('run/student/model.onnx'))) continue;
      expect(await state.files.read('run/student/model.onnx')).toEqual(model);
    }
  });
});

describe('a claim', () => {
  it('is whole or not there, and there from the moment that it is taken', async () => {
    const { files, states } = crashDisk();
    expect(await files.create('unit/claim', 'whole')).toBe(true);
    const found = await Promise.all(
      states().map(async ({ files: left }) => ((await left.exists('unit/claim')) ? left.text('unit/claim') : 'none')),
    );
    expect(new Set(found)).toEqual(new Set(['none', 'whole']));
    const after = states().length;
    await files.write('other', 'x');
    for (const state of states().slice(after)) expect(state.files.text('unit/claim')).toBe('whole');
  });

  it('is taken over, whatever is left of it', async () => {
    const { files, states } = crashDisk();
    const { machine } = createLaboratory(functionEngine(thresholdModel));
    expect(await takeClaim({ files, machine }, 'unit')).toHaveProperty('claim');
    expect(states().length).toBeGreaterThan(3);
    for (const state of states()) {
      state.files.clock.ms += LEASE_MS + 1;
      expect(await takeClaim({ files: state.files, machine }, 'unit')).toHaveProperty('claim');
    }
  });
});
