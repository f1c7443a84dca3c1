/**
 * Doing a unit: once, by one owner, with an outcome that says how it ended. The unit's arm is a finished model, so
 * nothing is trained.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { WorkError } from '../../../../src/core/errors.ts';
import { armFolder } from '../../../../src/experiment/arm-folder.ts';
import type { Machine } from '../../../../src/experiment/machine.ts';
import { parseRecipe } from '../../../../src/recipe/parse.ts';
import type { SharedFiles } from '../../../../src/runtime/files.ts';
import { LEASE_MS, takeClaim } from '../../../../src/study/units/claim.ts';
import { openContext } from '../../../../src/study/units/context.ts';
import { forgetFailure, forgetOutcome, readOutcome } from '../../../../src/study/units/outcome.ts';
import { cancelledPath, performUnit, performWhenFree } from '../../../../src/study/units/perform-unit.ts';
import type { Unit } from '../../../../src/study/units/unit.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../../../src/volume/nifti.ts';
import { SMALL_CUBE } from '../../../support/grids.ts';
import { createLaboratory, functionEngine, modelBytes, thresholdModel } from '../../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../../support/memory-files.ts';

const HEADER = createNiftiHeader(SMALL_CUBE);
const IDS = ['a', 'b', 'c'];
const RECIPE = `data: { dataset: data, splits: { seed: 1, train: 0.34, val: 0, test: 0.66 } }
patch: { size: [4, 4, 4] }
preprocess: { normalize: none }
teacher: { onnx: [m.onnx], model: { labels: [background, blob], normalize: none, activation: softmax } }
student: { unet: { features: [2, 4] }, train: { steps: 1, batch: 1 } }
`;
const recipe = parseRecipe(RECIPE, { path: 'recipe.yaml' });

function dataset(): MemoryFiles {
  const files = memoryFiles({
    'data/dataset.json': JSON.stringify({
      name: 'Blobs',
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: 'blob' },
      training: IDS.map(id => ({ image: `imagesTr/${id}.nii.gz`, label: `labelsTr/${id}.nii.gz` })),
    }),
  });
  const voxels = Array.from({ length: 64 }, (_, index) => (index < 20 ? 1 : 0));
  for (const id of IDS) {
    files.contents.set(
      `data/imagesTr/${id}.nii.gz`,
      encodeNiftiImage({ ...SMALL_CUBE, data: Float32Array.from(voxels), channels: 1 }, HEADER),
    );
    files.contents.set(
      `data/labelsTr/${id}.nii.gz`,
      encodeNiftiLabels({ ...SMALL_CUBE, data: Uint8Array.from(voxels) }, HEADER),
    );
  }
  files.contents.set('m.onnx', modelBytes({}));
  return files;
}

const unitOf = (folder: string, more: Partial<Unit> = {}): Unit => {
  return { arm: 'teacher', fold: null, seed: 1, label: folder, recipe, folder: armFolder(`run/${folder}`), ...more };
};

let files: MemoryFiles;
/** Called with every image that the model sees. */
let onModel: () => Promise<void>;
beforeEach(() => {
  files = dataset();
  onModel = async () => {};
});

/** What a process needs to do units; time passes for its heartbeat as `wait` says. */
function processOf(node: string, more: { readonly files?: SharedFiles; readonly wait?: Machine['wait'] } = {}) {
  const engine = functionEngine(thresholdModel);
  const slow = {
    ...engine,
    load: async (bytes: Uint8Array) => {
      const session = await engine.load(bytes);
      return {
        ...session,
        run: async (...args: Parameters<typeof session.run>) => {
          await onModel();
          return session.run(...args);
        },
      };
    },
  };
  const plain = createLaboratory(slow, files);
  const owner = { node, host: node, pid: 1, start: null, job: null };
  const machine = { ...plain.machine, owner, ...(more.wait && { wait: more.wait }) };
  const laboratory = { ...plain, machine, files: more.files ?? files };
  const interruption = new AbortController();
  const context = openContext(laboratory, { study: 'run', kind: 'run', known: undefined, signal: interruption.signal });
  return { context, machine, interruption };
}

/** What a wait does besides: others go on, hashes that the platform computes among them. */
const others = () => new Promise(resolve => setImmediate(resolve));

const namesIn = async (folder: string) => files.list(`run/${folder}/work`);

describe('a unit', () => {
  it('is done once, and says when, where and how long', async () => {
    const { context } = processOf('here');
    expect(await performUnit(context, unitOf('u'))).toEqual({ status: 'done' });
    expect(await readOutcome(files, 'run/u')).toMatchObject({
      status: 'done',
      attempt: 1,
      node: 'here',
      timingsSeconds: { evaluate: expect.any(Number) },
    });
    const before = new Map(files.contents);
    onModel = () => expect.unreachable();
    expect(await performUnit(processOf('there').context, unitOf('u'))).toEqual({ status: 'done' });
    expect(new Map(files.contents)).toEqual(before);
  });

  it('that fails says why, and is not done again until its failure is forgotten', async () => {
    onModel = async () => {
      throw new WorkError('E_MODEL_RUN', 'it burns');
    };
    const failed = { status: 'failed', error: { code: 'E_MODEL_RUN', message: 'it burns' } };
    expect(await performUnit(processOf('here').context, unitOf('u'))).toMatchObject(failed);
    expect(await readOutcome(files, 'run/u')).toMatchObject({ ...failed, attempt: 1 });
    onModel = () => expect.unreachable();
    expect(await performUnit(processOf('there').context, unitOf('u'))).toMatchObject(failed);
    await forgetFailure(files, 'run/u');
    onModel = async () => {};
    expect(await performUnit(processOf('there').context, unitOf('u'))).toEqual({ status: 'done' });
    expect(await readOutcome(files, 'run/u')).toMatchObject({ attempt: 2, node: 'there' });
  });

  it('does not score a test case that has changed since it was hashed', async () => {
    onModel = async () => {
      for (const id of IDS) {
        const changed = encodeNiftiLabels({ ...SMALL_CUBE, data: new Uint8Array(64) }, HEADER);
        files.contents.set(`data/labelsTr/${id}.nii.gz`, changed);
      }
    };
    expect(await performUnit(processOf('here').context, unitOf('u'))).toMatchObject({
      status: 'failed',
      error: { code: 'E_RESUME_DATA', message: expect.stringMatching(/^data\/labelsTr\/.\.nii\.gz has changed/) },
    });
    expect(await files.exists('run/u/evaluation.json')).toBe(false);
  });

  describe('that ended between its scores and its outcome', () => {
    const [evaluation, segmentation] = ['run/u/evaluation.json', 'run/u/predictions/b.nii.gz'];
    let whole: readonly (readonly [string, Uint8Array | undefined])[];
    const resultsNow = () => [evaluation, segmentation].map(path => [path, files.contents.get(path)] as const);
    beforeEach(async () => {
      await performUnit(processOf('here').context, unitOf('u'));
      await forgetOutcome(files, 'run/u');
      whole = resultsNow();
      expect(whole.every(([, content]) => content !== undefined)).toBe(true);
    });

    it('is not scored again', async () => {
      onModel = () => expect.unreachable();
      expect(await performUnit(processOf('there').context, unitOf('u'))).toEqual({ status: 'done' });
      expect(resultsNow()).toEqual(whole);
    });

    it.each([
      ['scores', evaluation, (text: string) => text.replace(/"meanDice": \d/, '"meanDice": 7')],
      ['a segmentation', segmentation, () => 'other'],
    ])('is scored again where %s have changed since', async (_, path, by) => {
      await files.write(path, by(files.text(path)));
      expect(resultsNow()).not.toEqual(whole);
      expect(await performUnit(processOf('there').context, unitOf('u'))).toEqual({ status: 'done' });
      expect(files.contents.get(segmentation)).toEqual(whole[1]?.[1]);
      expect(files.text(evaluation)).not.toContain('"meanDice": 7');
    });
  });

  it('does not go on with another model of the teacher than the units before it had', async () => {
    const { context } = processOf('here');
    expect(await performUnit(context, unitOf('u'))).toEqual({ status: 'done' });
    files.contents.set('m.onnx', modelBytes({ note: 'another' }));
    expect(await performUnit(context, unitOf('v'))).toMatchObject({
      status: 'failed',
      error: { code: 'E_RESUME_DATA', message: expect.stringContaining('m.onnx') },
    });
    expect(await files.exists('run/v/evaluation.json')).toBe(false);
  });

  it('does not go on with other facts of the teacher than the units before it had', async () => {
    await files.write('m.json', '{ "normalize": "none" }');
    const { context } = processOf('here');
    expect(await performUnit(context, unitOf('u'))).toEqual({ status: 'done' });
    await files.write('m.json', '{ "normalize": "z-score" }');
    expect(await performUnit(context, unitOf('v'))).toMatchObject({
      status: 'failed',
      error: { code: 'E_RESUME_DATA', message: expect.stringContaining('m.json') },
    });
  });

  it('does not go on with another dataset.json than its study began with', async () => {
    const { context } = processOf('here');
    expect(await performUnit(context, unitOf('u'))).toEqual({ status: 'done' });
    const known = context.hashes;
    await files.write('data/dataset.json', files.text('data/dataset.json').replace('blob', 'blot'));
    const { laboratory } = processOf('there').context;
    const later = openContext(laboratory, { study: 'run', kind: 'run', known, signal: undefined });
    expect(await performUnit(later, unitOf('v'))).toMatchObject({
      status: 'failed',
      error: { code: 'E_RESUME_DATA', message: expect.stringContaining('dataset.json') },
    });
  });

  it('does not go on with cases that are divided otherwise than when it was planned', async () => {
    const planned = unitOf('u', { splitsSha256: 'of other splits' });
    expect(await performUnit(processOf('here').context, planned)).toMatchObject({
      status: 'failed',
      error: { code: 'E_RESUME_DATA', message: expect.stringContaining('run/u/splits.json') },
    });
  });

  it('that somebody holds is left alone', async () => {
    await takeClaim(processOf('there').context.laboratory, 'run/u');
    const end = await performUnit(processOf('here').context, unitOf('u'));
    expect(end).toMatchObject({
      status: 'held',
      error: { code: 'E_UNIT_HELD', message: expect.stringContaining('there') },
    });
    expect(await namesIn('u')).toEqual(['claim-1.json']);
  });

  it("is waited for until its dead owner's lease is over, or its living owner has shown that it lives", async () => {
    const dead = processOf('dead');
    await takeClaim(dead.context.laboratory, 'run/u');
    const pass = async () => {
      files.clock.ms += LEASE_MS / 2;
      await others();
    };
    expect(await performWhenFree(processOf('here', { wait: pass }).context, unitOf('u'))).toEqual({ status: 'done' });
    const alive = await takeClaim(processOf('alive').context.laboratory, 'run/v');
    const beat = async () => {
      files.clock.ms += 5000;
      await others();
      if ('claim' in alive) await alive.claim.beat({ progress: null, timingsSeconds: {}, waitingShares: {} });
    };
    const end = await performWhenFree(processOf('here', { wait: beat }).context, unitOf('v'));
    expect(end.status).toBe('held');
  });

  it("that was taken over while its process was paused is the new owner's alone", async () => {
    const zombie = processOf('zombie');
    const evaluation = 'run/u/evaluation.json';
    onModel = async () => {
      onModel = async () => {};
      files.clock.ms += LEASE_MS + 1;
      const { context } = processOf('owner');
      expect(await performUnit(context, unitOf('u'))).toEqual({ status: 'done' });
      files.contents.set('seen', files.contents.get(evaluation)!);
      files.contents.set('outcome', files.contents.get('run/u/work/outcome.json')!);
    };
    const end = await performUnit(zombie.context, unitOf('u'));
    expect(end).toMatchObject({ status: 'held', error: { code: 'E_CLAIM_LOST' } });
    expect(files.contents.get(evaluation)).toBe(files.contents.get('seen'));
    expect(files.contents.get('run/u/work/outcome.json')).toBe(files.contents.get('outcome'));
    expect(await readOutcome(files, 'run/u')).toMatchObject({ attempt: 2, node: 'owner' });
  });

  it('that is interrupted has no outcome, and is free at once', async () => {
    const { context, interruption } = processOf('here');
    onModel = async () => interruption.abort(new Error('Ctrl-C'));
    await expect(performUnit(context, unitOf('u'))).rejects.toThrow('Ctrl-C');
    expect(await namesIn('u')).toEqual(['claim-1.json']);
    onModel = async () => {};
    expect(await performUnit(processOf('there').context, unitOf('u'))).toEqual({ status: 'done' });
  });
});

describe('a study that is cancelled', () => {
  it('begins no unit', async () => {
    await files.write(cancelledPath('run'), '');
    await expect(performUnit(processOf('here').context, unitOf('u'))).rejects.toMatchObject({ code: 'E_CANCELLED' });
    expect(await namesIn('u')).toEqual([]);
  });

  it('stops a unit at its next heartbeat', async () => {
    let beat: () => void = () => {};
    const waits = [
      new Promise<void>(resolve => {
        beat = resolve;
      }),
    ];
    const later = (signal?: AbortSignal) =>
      new Promise<void>(resolve => signal?.addEventListener('abort', () => resolve()));
    const { context } = processOf('here', { wait: (_, signal) => waits.shift() ?? later(signal) });
    let seen = 0;
    onModel = async () => {
      seen++;
      await files.write(cancelledPath('run'), '');
      beat();
      await new Promise(resolve => setImmediate(resolve));
    };
    await expect(performUnit(context, unitOf('u'))).rejects.toMatchObject({ code: 'E_CANCELLED' });
    // of two cases
    expect(seen).toBe(1);
    expect(await namesIn('u')).toEqual(['claim-1.json']);
  });
});

describe('a disk that is full', () => {
  const full = (path: string) => {
    throw new WorkError('E_DISK_FULL', `no room for ${path}`);
  };
  const withFull = (isFull: (path: string) => boolean): SharedFiles => {
    const all: SharedFiles = files;
    return {
      ...all,
      write: async (path, data, confirm) => (isFull(path) ? full(path) : all.write(path, data, confirm)),
    };
  };

  it('for a result is what the unit failed of, and other units go on', async () => {
    const { context } = processOf('here', { files: withFull(path => path === 'run/u/evaluation.json') });
    expect(await performUnit(context, unitOf('u'))).toMatchObject({ status: 'failed', error: { code: 'E_DISK_FULL' } });
    expect(await performUnit(context, unitOf('v'))).toEqual({ status: 'done' });
  });

  it('for anything leaves the unit to whoever comes when its lease is over', async () => {
    const { context } = processOf('here', { files: withFull(() => true) });
    expect(await performUnit(context, unitOf('u'))).toMatchObject({
      status: 'failed',
      // the first that could not be written
      error: { code: 'E_DISK_FULL', message: expect.stringContaining('run/u/predictions/') },
    });
    expect(await readOutcome(files, 'run/u')).toBeUndefined();
    files.clock.ms += LEASE_MS + 1;
    expect(await performUnit(processOf('there').context, unitOf('u'))).toEqual({ status: 'done' });
  });
});

describe('a unit of a region', () => {
  const coarse = unitOf('coarse', { arm: 'coarse' });
  const student = unitOf('student', { arm: 'student', coarse });

  it('whose coarse stage is not finished does not begin', async () => {
    const end = await performUnit(processOf('here').context, student);
    expect(end).toMatchObject({ status: 'unfinished', error: { code: 'E_COARSE_MISSING' } });
    expect(await namesIn('student')).toEqual([]);
  });

  it('whose coarse stage has failed fails too', async () => {
    const { context } = processOf('here');
    const burnt = { ...context, dataOf: () => Promise.reject(new WorkError('E_LOSS_NOT_FINITE', 'loss is NaN')) };
    expect(await performUnit(burnt, coarse)).toMatchObject({ status: 'failed' });
    const message = 'its coarse stage failed: E_LOSS_NOT_FINITE: loss is NaN';
    const end = await performUnit(context, student);
    expect(end).toMatchObject({ status: 'failed', error: { code: 'E_COARSE_FAILED', message } });
  });
});

describe('a student', () => {
  const own = parseRecipe(
    RECIPE.replace(/^teacher:.*$/m, 'teacher: { unet: { features: [2, 4] }, train: { steps: 1, batch: 1 } }'),
    { path: 'recipe.yaml' },
  );
  const teacher = unitOf('teacher', { recipe: own });
  const student = unitOf('student', { arm: 'student', recipe: own, teacher });

  it('whose teacher is not finished does not begin', async () => {
    const end = await performUnit(processOf('here').context, student);
    expect(end).toMatchObject({ status: 'unfinished', error: { code: 'E_TEACHER_MISSING' } });
    expect(await namesIn('student')).toEqual([]);
  });

  it('whose teacher has failed fails too', async () => {
    const { context } = processOf('here');
    const burnt = { ...context, dataOf: () => Promise.reject(new WorkError('E_LOSS_NOT_FINITE', 'loss is NaN')) };
    expect(await performUnit(burnt, teacher)).toMatchObject({ status: 'failed' });
    const end = await performUnit(context, student);
    const message = 'its teacher failed: E_LOSS_NOT_FINITE: loss is NaN';
    expect(end).toMatchObject({ status: 'failed', error: { code: 'E_TEACHER_FAILED', message } });
  });
});
