/**
 * Loss of power at every call to the disk, and in every order in which what was not synced may have reached it: over
 * files that are replaced, the checkpoints of a training, a model that is exported, and claims of a unit. Each check
 * counts the states in which the disk may come back, and says what is wrong in one of them.
 */
import { armFolder } from '../../../src/experiment/arm-folder.ts';
import type { ArmOptions } from '../../../src/experiment/arm-options.ts';
import { armStore } from '../../../src/experiment/arm-store.ts';
import { sealModel } from '../../../src/onnx/seal.ts';
import type { SharedFiles } from '../../../src/runtime/files.ts';
import { LEASE_MS, takeClaim } from '../../../src/study/units/claim.ts';
import type { Checkpoint } from '../../../src/training/checkpoint.ts';
import type { Model } from '../../../src/training/forward.ts';
import type { StepRecord } from '../../../src/training/trainer.ts';
import { crashDisk } from '../crash-disk.ts';
import { createLaboratory, functionEngine, modelBytes, thresholdModel } from '../laboratory.ts';
import type { MemoryFiles } from '../memory-files.ts';

/** What a check found. */
interface PowerLoss {
  /** In how many states the disk came back. */
  readonly states: number;
  /** How many of them had what, for example the step of a checkpoint. */
  readonly found: ReadonlyMap<string, number>;
  /** Nothing where all is right. */
  readonly problems: readonly string[];
}

/** @param rounds how often something is written or claimed */
export type PowerCheck = (rounds: number) => Promise<PowerLoss>;

/** Collects what the states of a disk have. */
function tallyStates() {
  const [found, problems] = [new Map<string, number>(), new Set<string>()];
  let states = 0;
  return {
    count: (what: string): void => {
      states++;
      found.set(what, (found.get(what) ?? 0) + 1);
    },
    problem: (text: string): void => void problems.add(text),
    result: (): PowerLoss => ({ states, found, problems: [...problems] }),
  };
}

const contentOf = async (files: MemoryFiles, path: string): Promise<string> =>
  (await files.exists(path)) ? files.text(path) : 'nothing';

/** A file is what was written last, or what it was before; the last one from the moment that its write has returned. */
export const powerOnFiles: PowerCheck = async rounds => {
  const { files, states } = crashDisk();
  const tally = tallyStates();
  const textOf = (round: number): string => (round === 0 ? 'nothing' : `${round}:${'x'.repeat(3 * round)};`);
  for (let round = 1; round <= rounds; round++) {
    const before = states().length;
    await files.write('run/a', textOf(round));
    const returned = states().length;
    await files.write('run/other', 'x');
    for (const [index, state] of states().slice(before).entries()) {
      const [content, isReturned] = [await contentOf(state.files, 'run/a'), before + index >= returned];
      tally.count(content === textOf(round) ? 'new' : 'old');
      const isRight = content === textOf(round) || (!isReturned && content === textOf(round - 1));
      if (!isRight) tally.problem(`${content} ${state.after}, in place of ${textOf(round)}`);
    }
  }
  return tally.result();
};

const SPECS = [{ name: 'kernel', shape: [3], init: 'zeros' }] as unknown as Model['specs'];
const checkpointAt = (step: number): Checkpoint => ({
  ...{ step, best: { step, dice: step / 100 }, seconds: step, fingerprint: 'same' },
  theta: Float32Array.of(step, 2, 3),
  state: { first: Float32Array.of(step, 0, 0) },
});
const rowsTo = (step: number): StepRecord[] =>
  Array.from({ length: step }, (_, i) => ({
    ...{ step: i + 1, epoch: 1, seconds: 1, learningRate: 1, losses: { total: 1 } },
  }));

function storeOn(files: SharedFiles): ReturnType<typeof armStore> {
  const laboratory = { ...createLaboratory(functionEngine(thresholdModel)), files };
  const options = { laboratory, folder: armFolder('run/student') } as unknown as ArmOptions;
  return armStore(options, { specs: SPECS } as unknown as Model, 'same');
}

/** A training goes on from a checkpoint that was written, never from one before the last whose write has returned. */
export const powerInTraining: PowerCheck = async rounds => {
  const { files, states } = crashDisk();
  const tally = tallyStates();
  const store = storeOn(files);
  await store.load();
  for (let round = 1; round <= rounds; round++) {
    const [before, step] = [states().length, 2 * round];
    await store.saveBest(checkpointAt(step), rowsTo(step));
    await store.saveLast(checkpointAt(step), rowsTo(step));
    for (const state of states().slice(before)) {
      const loaded = await storeOn(state.files).load();
      const [at, last, best] = [state.after, loaded?.last, loaded?.bestTheta[0] ?? 0];
      tally.count(`step ${last?.step ?? 0}`);
      if (![step - 2, step].includes(last?.step ?? 0)) tally.problem(`step ${last?.step} at ${step}, ${at}`);
      if (last === undefined) continue;
      if (last.theta[0] !== last.step) tally.problem(`step ${last.step} has the numbers of ${last.theta[0]}, ${at}`);
      // the best may have been written for a step that the last checkpoint does not know yet
      if (![step - 2, step].includes(best) || best < (last.best?.step ?? 0)) {
        tally.problem(`the best of step ${last.step} is that of ${best}, ${at}`);
      }
    }
  }
  return tally.result();
};

/** A model is whole or not there. */
export const powerOnModel: PowerCheck = async rounds => {
  const { files, states } = crashDisk();
  const tally = tallyStates();
  const models = await Promise.all(
    Array.from({ length: rounds }, (_, round) => sealModel(modelBytes({ note: String(round) }))),
  );
  for (const model of models) await files.write('run/student/model.onnx', model);
  for (const state of states()) {
    const bytes = state.files.contents.get('run/student/model.onnx');
    const which = models.findIndex(model => bytes !== undefined && Buffer.compare(bytes, model) === 0);
    tally.count(bytes === undefined ? 'nothing' : `model ${which}`);
    if (bytes !== undefined && which === -1) tally.problem(`a model that nobody wrote, ${state.after}`);
  }
  return tally.result();
};

/** A claim is whole or not there, and a lease later the unit can be taken over, by one process. */
export const powerOnClaims: PowerCheck = async rounds => {
  const { files, states } = crashDisk();
  const tally = tallyStates();
  const { machine } = createLaboratory(functionEngine(thresholdModel));
  for (let round = 1; round <= rounds; round++) {
    const taken = await takeClaim({ files, machine }, 'unit');
    if (!('claim' in taken)) throw new Error('the unit is held by nobody, and was not taken');
    const heartbeat = { progress: null, timingsSeconds: {}, waitingShares: {} };
    await taken.claim.beat(heartbeat);
    await taken.claim.release(heartbeat);
  }
  for (const state of states()) {
    const claims = [...state.files.contents.keys()].filter(path => /claim-\d+\.json$/.test(path));
    tally.count(`${claims.length} claims`);
    for (const path of claims) {
      if (!state.files.text(path).endsWith('}\n')) tally.problem(`${path} is not whole, ${state.after}`);
    }
    state.files.clock.ms += LEASE_MS + 1;
    const [first, second] = await Promise.all([1, 2].map(() => takeClaim({ files: state.files, machine }, 'unit')));
    const owners = [first, second].filter(taken => taken !== undefined && 'claim' in taken).length;
    if (owners !== 1) tally.problem(`${owners} processes take the unit over, ${state.after}`);
  }
  return tally.result();
};
