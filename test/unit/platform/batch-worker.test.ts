/** Batches from a thread: the same as without, in any order, with the same errors. */
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { UNVARIED } from '../../../src/data/augment/augmentation.ts';
import { type BatchSettings, type BatchSource, makeBatch, type TrainingCase } from '../../../src/data/loader.ts';
import { createThreadedBatchSource } from '../../../src/platform/node/batch-worker.ts';
import { synthesisOf } from '../../support/synthesis.ts';

function trainingCase(id: string): TrainingCase {
  const source = random(id);
  const voxels = 12 * 10 * 9;
  return {
    id,
    image: Float32Array.from({ length: voxels }, () => source.uniform()),
    label: Uint8Array.from({ length: voxels }, () => source.integer(3)),
    sizeVoxels: [12, 10, 9],
    spacingMm: [1, 1, 2],
    channels: 1,
  };
}

const CASES = ['a', 'b', 'c'].map(trainingCase);
const SETTINGS: BatchSettings = {
  seed: 5,
  batch: 2,
  patchSize: [8, 8, 8],
  foreground: 0.5,
  padding: 'constant',
  augment: {
    ...UNVARIED,
    flip: ['x'],
    rotateDegrees: [5, 5, 30],
    scale: [0.9, 1.1],
    elasticMm: 1,
    elasticSpacingMm: 4,
    noise: 0.1,
    blurVoxels: 1,
    brightness: 0.1,
    contrast: [0.8, 1.2],
    lowResolution: 0.5,
    gamma: [0.8, 1.2],
    probability: { ...UNVARIED.probability, blur: 0.5, lowResolution: 0.5 },
  },
};

const open: BatchSource[] = [];
afterEach(async () => {
  for (const source of open.splice(0)) await source.close();
});

function openSource(cases = CASES): BatchSource {
  const source = createThreadedBatchSource(cases, SETTINGS);
  open.push(source);
  return source;
}

describe('createThreadedBatchSource', () => {
  it('asks its thread for the batches of the next three steps too, each once', async () => {
    const posted = vi.spyOn(Worker.prototype, 'postMessage');
    try {
      const source = openSource();
      await source.next(0);
      expect(posted.mock.calls.map(([step]) => step)).toEqual([0, 1, 2, 3]);
      await source.next(1);
      expect(posted.mock.calls.map(([step]) => step)).toEqual([0, 1, 2, 3, 4]);
    } finally {
      posted.mockRestore();
    }
  });

  it('gives the batches of one thread, forwards, with a jump and backwards', async () => {
    const source = openSource();
    for (const step of [0, 1, 2, 7, 8, 3]) expect(await source.next(step)).toEqual(makeBatch(CASES, SETTINGS, step));
  });

  it('paints the same patches of label maps as one thread does', async () => {
    const { image: _, ...map } = trainingCase('map');
    const synthesis = { settings: synthesisOf({ classes: { one: 1 }, others: 2 }), normalize: 'min-max' } as const;
    const cases = [{ ...map, image: new Float32Array(0), synthesis }];
    const source = openSource(cases);
    for (const step of [0, 3]) expect(await source.next(step)).toEqual(makeBatch(cases, SETTINGS, step));
  });

  it('gives the same batches however many threads share the steps', async () => {
    const sources = [openSource(), openSource()];
    const parts = sources.map(async (source, part) => {
      for (const step of [part, part + 2]) expect(await source.next(step)).toEqual(makeBatch(CASES, SETTINGS, step));
    });
    await Promise.all(parts);
  });

  it('refuses wrong settings at once, as without a thread', () => {
    expect(() => openSource([])).toThrow(expect.objectContaining({ code: 'E_NO_CASES' }));
  });

  it('leaves the cases usable on this side, and fails after it was closed rather than hang', async () => {
    const source = openSource();
    await source.next(0);
    expect(CASES[0]?.image.length).toBe(12 * 10 * 9);
    expect(makeBatch(CASES, SETTINGS, 0).caseIds).toHaveLength(2);
    await source.close();
    await expect(source.next(1000)).rejects.toMatchObject({ code: 'E_BATCH_THREAD' });
  });
});
