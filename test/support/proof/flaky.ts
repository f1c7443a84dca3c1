/**
 * A slow and flaky shared folder under what must not be corrupted or doubled by it: files that are replaced, claims, a
 * training's checkpoints, and a whole unit with its outcome. Each check says what is wrong, for one seed.
 */
import { VoxstillError } from '../../../src/core/errors.ts';
import { type Random, random } from '../../../src/core/random.ts';
import { armFolder } from '../../../src/experiment/arm-folder.ts';
import type { ArmOptions } from '../../../src/experiment/arm-options.ts';
import { armStore } from '../../../src/experiment/arm-store.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import type { SharedFiles } from '../../../src/runtime/files.ts';
import { findDamage } from '../../../src/study/units/changed-results.ts';
import { type Claim, takeClaim } from '../../../src/study/units/claim.ts';
import { openContext } from '../../../src/study/units/context.ts';
import { forgetFailure, readOutcome } from '../../../src/study/units/outcome.ts';
import { performUnit } from '../../../src/study/units/perform-unit.ts';
import type { Unit } from '../../../src/study/units/unit.ts';
import type { Checkpoint } from '../../../src/training/checkpoint.ts';
import type { Model } from '../../../src/training/forward.ts';
import type { StepRecord } from '../../../src/training/trainer.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../../src/volume/nifti.ts';
import { SMALL_CUBE } from '../grids.ts';
import { createLaboratory, functionEngine, modelBytes, thresholdModel } from '../laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../memory-files.ts';
import { flakyFiles } from './flaky-files.ts';

/** What a check found for a seed. */
interface Flaked {
  /** How many calls failed. */
  readonly failures: number;
  /** Nothing where all is right. */
  readonly problems: readonly string[];
}

export type FlakyCheck = (seed: number) => Promise<Flaked>;

/** What came of a try: an error with a code is what a person would read, any other is a fault of the program. */
async function attempt<T>(problems: string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof VoxstillError)) problems.push(`an error without a code: ${String(error)}`);
    return undefined;
  }
}

/** A file that is replaced again and again is always one that somebody wrote, whole. */
export const flakyWrites: FlakyCheck = async seed => {
  const under = memoryFiles();
  const stream = random(seed, 'flaky', 'writes');
  const files = flakyFiles(under, stream, 0.1);
  const problems: string[] = [];
  const written = new Set<string>();
  for (let index = 0; index < 20; index++) {
    const text = `${index}:${'x'.repeat(stream.integer(30))};`;
    const before = under.contents.has('run/a') ? under.text('run/a') : undefined;
    written.add(text);
    const hasReturned = (await attempt(problems, async () => {
      await files.write('run/a', text);
      return true;
    })) as boolean | undefined;
    const now = under.contents.has('run/a') ? under.text('run/a') : undefined;
    if (hasReturned && now !== text) problems.push(`${now} after ${text} was written`);
    if (now !== before && now !== text) problems.push(`${now} in place of ${before} or ${text}`);
  }
  return { failures: files.failures(), problems };
};

const quiet = { progress: null, timingsSeconds: {}, waitingShares: {} };

/** Of processes that claim a unit at once, no two own the same attempt, and only the highest may write. */
export const flakyClaims: FlakyCheck = async seed => {
  const under = memoryFiles();
  const files = flakyFiles(under, random(seed, 'flaky', 'claims'), 0.1);
  const { machine } = createLaboratory(functionEngine(thresholdModel));
  const problems: string[] = [];
  const claims: Claim[] = [];
  const claimAs = async (node: string): Promise<void> => {
    const own = { ...machine, owner: { ...machine.owner, node } };
    for (let tries = 0; tries < 3; tries++) {
      const taken = await attempt(problems, () => takeClaim({ files, machine: own }, 'unit'));
      if (taken === undefined || !('claim' in taken)) continue;
      claims.push(taken.claim);
      await attempt(problems, () => taken.claim.beat(quiet));
      // an owner that goes away, so that the others come to it
      if (tries < 2) await attempt(problems, () => taken.claim.release(quiet));
    }
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(claimAs));
  const attempts = claims.map(claim => claim.attempt);
  if (new Set(attempts).size < attempts.length) problems.push(`one attempt has two owners: ${attempts.join(', ')}`);
  files.rate = 0;
  const holding: number[] = [];
  for (const claim of claims) {
    if (
      await claim.assertHeld().then(
        () => true,
        () => false,
      )
    )
      holding.push(claim.attempt);
  }
  if (holding.length > 1) problems.push(`${holding.join(' and ')} both own the unit`);
  for (const path of [...under.contents.keys()].filter(name => /claim-\d+\.json$/.test(name))) {
    if (files.hasLinks && !under.text(path).endsWith('}\n')) problems.push(`${path} is not whole`);
  }
  return { failures: files.failures(), problems };
};

const SPECS = [{ name: 'kernel', shape: [3], init: 'zeros' }] as unknown as Model['specs'];
const LAST_STEP = 12;
const row = (step: number): StepRecord => ({
  ...{ step, epoch: 0, seconds: step, learningRate: 0.1, losses: { total: 1 / step } },
  ...(step % 2 === 0 && { validationDice: step / 100 }),
});

/**
 * A training that is broken off by the folder goes on from a whole checkpoint, and its history is the same at the end.
 */
export const flakyTraining: FlakyCheck = async seed => {
  const under = memoryFiles();
  const stream: Random = random(seed, 'flaky', 'training');
  const files = flakyFiles(under, stream, 0.1);
  const problems: string[] = [];
  const folder = armFolder('run/student');
  const checkpointAt = (step: number): Checkpoint => ({
    ...{ step, best: { step, dice: step / 100 }, seconds: step, fingerprint: 'f' },
    theta: Float32Array.of(step, 2, 3),
    state: { m: Float32Array.of(step, 0, 0) },
  });
  /** One process: from its checkpoint to the end, or to the first error. */
  const train = async (): Promise<boolean> => {
    const laboratory = { ...createLaboratory(functionEngine(thresholdModel)), files };
    const store = armStore({ laboratory, folder } as unknown as ArmOptions, { specs: SPECS } as unknown as Model, 'f');
    const found = await store.load();
    const from = found?.last.step ?? 0;
    if (found !== undefined && found.last.theta[0] !== from) problems.push(`step ${from} has ${found.last.theta[0]}`);
    if (found !== undefined && found.bestTheta[0] !== from) {
      // the best may have been written for a step that the last checkpoint does not know yet
      if (found.bestTheta[0]! < from) problems.push(`the best of step ${from} is that of ${found.bestTheta[0]}`);
    }
    const records: StepRecord[] = [];
    for (let step = from + 1; step <= LAST_STEP; step++) {
      records.push(row(step));
      if (step % 2 !== 0) continue;
      await store.saveBest(checkpointAt(step), records);
      await store.saveLast(checkpointAt(step), records);
    }
    return true;
  };
  let isDone = false;
  for (let tries = 0; tries < 40 && !isDone; tries++) {
    if (tries === 39) files.rate = 0;
    isDone = (await attempt(problems, train)) === true;
  }
  if (!isDone) problems.push('the training never came to its end');
  const steps = under
    .text(folder.history)
    .trim()
    .split('\n')
    .slice(1)
    .map(line => Number(line.split(',')[0]));
  if (steps.join() !== Array.from({ length: LAST_STEP }, (_, index) => index + 1).join()) {
    problems.push(`the history has the steps ${steps.join()}`);
  }
  return { failures: files.failures(), problems };
};

const HEADER = createNiftiHeader(SMALL_CUBE);
const RECIPE = parseRecipe(
  `data: { dataset: data, splits: { seed: 1, train: 0.34, val: 0, test: 0.66 } }
patch: { size: [4, 4, 4] }
preprocess: { normalize: none }
teacher: { onnx: [m.onnx], model: { labels: [background, blob], normalize: none, activation: softmax } }
student: { unet: { features: [2, 4] }, train: { steps: 1, batch: 1 } }
`,
  { path: 'recipe.yaml' },
);
const UNIT: Unit = { arm: 'teacher', fold: null, seed: 1, label: 'u', recipe: RECIPE, folder: armFolder('run/u') };

function unitFiles(): MemoryFiles {
  const ids = ['a', 'b', 'c'];
  const training = ids.map(id => ({ image: `imagesTr/${id}.nii.gz`, label: `labelsTr/${id}.nii.gz` }));
  const labels = { 0: 'background', 1: 'blob' };
  const units = [{ folder: 'u', arm: 'teacher', fold: null, seed: 1, label: 'u' }];
  const files = memoryFiles({
    'data/dataset.json': JSON.stringify({ name: 'Blobs', modality: { 0: 'MRI' }, labels, training }),
    'run/units.json': JSON.stringify({ kind: 'run', units }),
  });
  const voxels = Array.from({ length: 64 }, (_, index) => (index < 20 ? 1 : 0));
  for (const id of ids) {
    const image = encodeNiftiImage({ ...SMALL_CUBE, data: Float32Array.from(voxels), channels: 1 }, HEADER);
    files.contents.set(`data/imagesTr/${id}.nii.gz`, image);
    const label = encodeNiftiLabels({ ...SMALL_CUBE, data: Uint8Array.from(voxels) }, HEADER);
    files.contents.set(`data/labelsTr/${id}.nii.gz`, label);
  }
  files.contents.set('m.onnx', modelBytes({}));
  return files;
}

/** Results of a unit, without durations. */
function resultsOf(files: MemoryFiles): string {
  const paths = [...files.contents.keys()].filter(path => /^run\/u\/(predictions\/[^.]|evaluation)/.test(path)).sort();
  const contentOf = (path: string): string =>
    path.endsWith('.json')
      ? files.text(path).replace(/"secondsPerCase": [\d.]+/, '')
      : String(files.contents.get(path));
  return JSON.stringify(paths.map(path => [path, contentOf(path)]));
}

async function perform(files: SharedFiles, node: string): Promise<string> {
  const plain = createLaboratory(functionEngine(thresholdModel));
  const machine = { ...plain.machine, owner: { ...plain.machine.owner, node } };
  const { signal } = new AbortController();
  const laboratory = { ...plain, files, machine };
  const context = openContext(laboratory, { study: 'run', kind: 'run', known: undefined, signal });
  await forgetFailure(files, UNIT.folder.folder);
  return (await performUnit(context, UNIT)).status;
}

let expected: Promise<string> | undefined;
async function undisturbed(): Promise<string> {
  const files = unitFiles();
  await perform(files, 'alone');
  return resultsOf(files);
}

/** A unit that two processes do in a flaky folder comes to the results of one process in a healthy one. */
export const flakyUnit: FlakyCheck = async seed => {
  expected ??= undisturbed();
  const under = unitFiles();
  const files = flakyFiles(under, random(seed, 'flaky', 'unit'), 0.02);
  const problems: string[] = [];
  const laboratory = createLaboratory(functionEngine(thresholdModel));
  for (let tries = 0; tries < 30; tries++) {
    if (tries === 28) files.rate = 0;
    // the lease of a claim whose release failed
    under.clock.ms += 61_000;
    await Promise.all(['a', 'b'].map(node => attempt(problems, () => perform(files, node))));
    if ((await readOutcome(under, 'run/u'))?.status !== 'done') continue;
    const damage = await findDamage({ files: under, machine: laboratory.machine }, 'run');
    if (damage.length > 0)
      problems.push(`done, but ${damage.map(({ path }) => path).join(', ')} is not what was hashed`);
    break;
  }
  if ((await readOutcome(under, 'run/u'))?.status !== 'done') problems.push('the unit was never done');
  else if (resultsOf(under) !== (await expected)) problems.push('the unit came to something else');
  return { failures: files.failures(), problems };
};
