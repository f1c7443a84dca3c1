/** The history of an arm that goes on is the one that its checkpoint was written with. */
import { beforeEach, describe, expect, it } from 'vitest';
import { armFolder } from '../../../src/experiment/arm-folder.ts';
import type { ArmOptions } from '../../../src/experiment/arm-options.ts';
import { armStore, assertHistoryWhole } from '../../../src/experiment/arm-store.ts';
import type { Checkpoint } from '../../../src/training/checkpoint.ts';
import type { Model } from '../../../src/training/forward.ts';
import type { StepRecord } from '../../../src/training/trainer.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../support/laboratory.ts';

const FOLDER = armFolder('run/student');
const SPECS = [{ name: 'kernel', shape: [3], init: 'zeros' }] as unknown as Model['specs'];
const laboratory = () => createLaboratory(functionEngine(thresholdModel));
let world: ReturnType<typeof laboratory>;

const open = () =>
  armStore({ laboratory: world, folder: FOLDER } as unknown as ArmOptions, { specs: SPECS } as unknown as Model, 'f');
const checkpointAt = (step: number, best: Checkpoint['best']): Checkpoint => ({
  ...{ step, best, seconds: step, fingerprint: 'f' },
  theta: Float32Array.of(1, 2, 3),
  state: { m: Float32Array.of(1, 2, 3) },
});
const row = (step: number): StepRecord => ({
  ...{ step, epoch: 0, seconds: step / 3, learningRate: 0.1, losses: { total: 1 / step } },
  ...(step % 2 === 0 && { validationDice: step / 10 }),
});
const rows = (first: number, last: number): StepRecord[] =>
  Array.from({ length: last - first + 1 }, (_, index) => row(first + index));

/** Two checkpoints at steps 2 and 4, the better one at 2. */
beforeEach(async () => {
  world = laboratory();
  const store = open();
  await store.load();
  const best = { step: 2, dice: 0.2 };
  await store.saveBest(checkpointAt(2, best), rows(1, 2));
  await store.saveLast(checkpointAt(2, best), rows(1, 2));
  await store.saveLast(checkpointAt(4, best), rows(1, 4));
});

const change = (by: (text: string) => string): Promise<void> =>
  world.files.write(FOLDER.history, by(world.files.text(FOLDER.history)));

describe('a training that averages its parameters', () => {
  const averaged = (step: number, best: Checkpoint['best']): Checkpoint => ({
    ...checkpointAt(step, best),
    average: Float32Array.of(4, 5, step),
  });

  it('has the average of its best validation as its best parameters, and without validation that of the last step', async () => {
    const store = open();
    await store.load();
    const best = { step: 2, dice: 0.3 };
    await store.saveBest(averaged(2, best), rows(1, 2));
    await store.saveLast(averaged(4, best), rows(1, 4));
    expect(await open().load()).toMatchObject({ last: averaged(4, best), bestTheta: Float32Array.of(4, 5, 2) });
    await store.saveLast(averaged(4, null), rows(1, 4));
    expect((await open().load())?.bestTheta).toEqual(Float32Array.of(4, 5, 4));
  });
});

describe('a training that goes on', () => {
  it('has the rows up to its checkpoint, and adds to them', async () => {
    await change(text => `${text}5,0,1.6,0.1,0.2,\n`);
    const store = open();
    expect((await store.load())?.last.step).toBe(4);
    await store.saveLast(checkpointAt(6, null), rows(5, 6));
    expect(world.files.text(FOLDER.history).split('\n').length).toBe(1 + 6 + 1);
    expect((await open().load())?.last.step).toBe(6);
    await assertHistoryWhole(world, FOLDER);
  });

  it('has the rows of the best checkpoint where the last one is damaged', async () => {
    world.files.contents.set(`${FOLDER.checkpoint}/last.safetensors`, new Uint8Array(100));
    expect((await open().load())?.last.step).toBe(2);
  });

  it.each([
    [
      'a number that another took the place of',
      (text: string) => text.replace('0.3333333333333333', '0.3333333333333334'),
    ],
    ['a row too few', (text: string) => text.replace(/^3,.*\n/m, '')],
    ['a row twice', (text: string) => text.replace(/^3,.*\n/m, '$&$&')],
    ['rows in another order', (text: string) => text.replace(/^(2,.*\n)(3,.*\n)/m, '$2$1')],
    ['a column with another name', (text: string) => text.replace('total', 'totals')],
    ['no end', (text: string) => text.slice(0, -12)],
    ['a cell that is no number', (text: string) => text.replace('0.25', 'oops')],
    ['nothing in it', () => ''],
  ])('is refused with %s in its history, and is told what to do', async (_, by) => {
    await change(by);
    const refusal = {
      code: 'E_HISTORY',
      message: expect.stringMatching(/history\.csv.*remove run\/student and go on/s),
    };
    await expect(open().load()).rejects.toMatchObject(refusal);
    await expect(assertHistoryWhole(world, FOLDER)).rejects.toMatchObject(refusal);
  });

  it('is refused without its history', async () => {
    await world.files.remove(FOLDER.history);
    await expect(open().load()).rejects.toMatchObject({ code: 'E_HISTORY' });
  });
});

describe('an arm that is trained', () => {
  it('needs no checkpoint', async () => {
    await change(() => '');
    world.files.contents.set(`${FOLDER.checkpoint}/last.safetensors`, new Uint8Array(100));
    await assertHistoryWhole(world, FOLDER);
    await world.files.remove(FOLDER.checkpoint);
    await assertHistoryWhole(world, FOLDER);
  });
});
