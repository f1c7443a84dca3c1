/**
 * Ctrl-C and going on: an interrupted training that is resumed ends with the very bytes of one that was never
 * interrupted.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { type Call, contentsOf, MAIN, readJson, sha256Of, temporaryFolder, voxstill } from '../support/program.ts';
import { TINY_STEPS, TINY_VALIDATE_EVERY, tinyRecipe } from '../support/tiny-recipe.ts';

const folder = temporaryFolder();
const recipe = join(folder, 'tiny.yaml');
beforeAll(async () => {
  await writePhantomDataset(nodeFiles, join(folder, 'data'), { seed: 5, cases: 5 });
  writeFileSync(recipe, tinyRecipe(join(folder, 'data')));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Trains an arm; more words and the moment of Ctrl-C as asked for. */
function train(out: string, arm: string, words: readonly string[] = [], interruptWhen?: () => boolean): Promise<Call> {
  const args = ['train', recipe, '--arm', arm, '--out', join(folder, out), ...words];
  return voxstill(args, { cwd: folder, ...(interruptWhen && { interruptWhen }) });
}

/** Steps done, by the header of a checkpoint. */
function stepOf(checkpoint: string): number {
  const bytes = readFileSync(checkpoint);
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString('utf8'));
  return JSON.parse(header.__metadata__.position).step;
}

/** history.csv without the column of seconds, which differs from run to run. */
function historyOf(out: string, arm: string): readonly (readonly string[])[] {
  const lines = readFileSync(join(folder, out, arm, 'history.csv'), 'utf8')
    .trim()
    .split('\n');
  return lines.map(line => line.split(',').toSpliced(2, 1));
}

/** What is in an arm's folder but for how the work on it went. */
function resultsOf(arm: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(contentsOf(arm)).filter(([path]) => !/^work\b/.test(path)));
}

describe('the distilled student', () => {
  beforeAll(async () => {
    expect(await train('whole', 'teacher')).toMatchObject({ code: 0 });
    cpSync(join(folder, 'whole'), join(folder, 'parts'), { recursive: true });
    expect(await train('whole', 'student')).toMatchObject({ code: 0 });
  });

  it('stops at Ctrl-C with exit code 130 and a checkpoint between two steps', async () => {
    const checkpoint = join(folder, 'parts/student/checkpoint/last.safetensors');
    const call = await train('parts', 'student', [], () => existsSync(checkpoint));
    expect(call).toMatchObject({ code: 130, stdout: '' });
    expect(call.stderr).toMatch(/\nstopping at the next safe point; a second Ctrl-C stops at once\ninterrupted\n$/);
    expect(existsSync(join(folder, 'parts/student/model.onnx'))).toBe(false);
    expect(stepOf(checkpoint)).toBeGreaterThanOrEqual(TINY_VALIDATE_EVERY);
    expect(stepOf(checkpoint)).toBeLessThan(TINY_STEPS);
    expect(readJson(join(folder, 'parts/run.json'))).toMatchObject({ status: 'stopped' });
    expect(Object.keys(contentsOf(folder)).filter(name => name.endsWith('.tmp'))).toEqual([]);
  });

  it('does not go on where the classes of the data set have other names now', async () => {
    const path = join(folder, 'data/dataset.json');
    const content = readFileSync(path, 'utf8');
    writeFileSync(path, content.replace('Anterior', 'Front'));
    const call = await train('parts', 'student', ['--resume']);
    writeFileSync(path, content);
    expect(call.code).toBe(2);
    expect(call.stderr).toMatch(/E_RESUME_DATA: .*dataset\.json/);
  });

  it('goes on with --resume to the same model and history as without a stop', async () => {
    const earlier = readJson(join(folder, 'parts/run.json')) as { readonly startedAt: string };
    expect(await train('parts', 'student', ['--resume'])).toMatchObject({ code: 0 });
    const models = ['whole', 'parts'].map(out => sha256Of(join(folder, out, 'student/model.onnx')));
    expect(models[1]).toBe(models[0]);
    expect(historyOf('parts', 'student')).toEqual(historyOf('whole', 'student'));
    expect(historyOf('parts', 'student').length).toBe(1 + TINY_STEPS);
    expect(readJson(join(folder, 'parts/run.json'))).toMatchObject({
      status: 'done',
      startedAt: earlier.startedAt,
      timingsSeconds: { 'teacher/train': expect.any(Number), 'student/train': expect.any(Number) },
    });
  });

  it('leaves a finished arm alone when asked to go on once more', async () => {
    const before = contentsOf(join(folder, 'whole/student'));
    expect(await train('whole', 'student', ['--resume'])).toMatchObject({ code: 0 });
    expect(contentsOf(join(folder, 'whole/student'))).toEqual(before);
  });
});

describe.skipIf(process.platform === 'win32')('a training whose terminal is gone', () => {
  /** Trains a teacher until there is a checkpoint, and then does this to the process. */
  async function trainUntil(out: string, end: (child: ChildProcessWithoutNullStreams) => void): Promise<number | null> {
    const words = ['train', recipe, '--arm', 'teacher', '--out', join(folder, out)];
    const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder });
    const code = once(child, 'close') as Promise<[number | null]>;
    child.stdout.resume();
    child.stderr.resume();
    await expect.poll(() => existsSync(join(folder, out, 'teacher/checkpoint/last.safetensors')), LONG).toBe(true);
    end(child);
    return (await code)[0];
  }
  const LONG = { timeout: 120_000, interval: 5 };

  it.each([
    ['stderr', (child: ChildProcessWithoutNullStreams) => child.stderr.destroy()],
    ['SIGHUP', (child: ChildProcessWithoutNullStreams) => child.kill('SIGHUP')],
  ])('by %s stops with a checkpoint that goes on', async (out, end) => {
    expect(await trainUntil(out, end)).toBe(130);
    expect(existsSync(join(folder, out, 'teacher/model.onnx'))).toBe(false);
    expect(readJson(join(folder, out, 'run.json'))).toMatchObject({ status: 'stopped' });
    expect(await train(out, 'teacher', ['--resume'])).toMatchObject({ code: 0 });
    expect(sha256Of(join(folder, out, 'teacher/model.onnx'))).toBe(sha256Of(join(folder, 'whole/teacher/model.onnx')));
  });
});

describe('a teacher that was interrupted', () => {
  it('does not teach until it is finished', async () => {
    cpSync(join(folder, 'whole'), join(folder, 'half'), { recursive: true });
    for (const path of ['teacher/model.onnx', 'student']) rmSync(join(folder, 'half', path), { recursive: true });
    const before = contentsOf(join(folder, 'half'));
    const call = await train('half', 'student');
    expect(call).toMatchObject({ code: 2, stderr: expect.stringContaining('E_TEACHER_MISSING: ') });
    expect(contentsOf(join(folder, 'half'))).toEqual(before);
  });
});

describe('a finished arm whose files have changed', () => {
  const words = ['--set', 'seeds=[1]'];
  const run = (more: readonly string[] = []): Promise<Call> =>
    voxstill(['run', recipe, '--out', join(folder, 'changed'), ...words, ...more], { cwd: folder });

  it('is not believed, and what comes again is the same to the bit', async () => {
    expect(await run()).toMatchObject({ code: 0 });
    const arm = join(folder, 'changed/student');
    const before = resultsOf(arm);
    const prediction = Object.keys(before).find(path => path.startsWith('predictions/')) as string;
    for (const path of ['model.onnx', prediction]) {
      const bytes = readFileSync(join(arm, path));
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(join(arm, path), bytes);
    }
    for (const words of [
      ['status', 'changed'],
      ['collect', 'changed'],
      ['compare', 'changed', '--out', 'changed.html'],
    ]) {
      const call = await voxstill(words, { cwd: folder });
      expect([words[0], call.code, call.stderr]).toEqual([
        words[0],
        words[0] === 'status' ? 1 : 2,
        expect.stringMatching(
          /student\/model\.onnx, .*predictions\/.* changed after it was finished\. Go on with --resume/,
        ),
      ]);
    }
    expect(existsSync(join(folder, 'changed.html'))).toBe(false);
    expect(await run(['--resume'])).toMatchObject({ code: 0 });
    const { 'evaluation.json': _now, ...after } = resultsOf(arm);
    // how long a case took is in the scores
    const { 'evaluation.json': _then, ...same } = before;
    expect(after).toEqual(same);
    expect(await voxstill(['status', 'changed'], { cwd: folder })).toMatchObject({ code: 0 });
  });
});

describe('a checkpoint that cannot be used', () => {
  const damaged = join(folder, 'damaged');
  const last = join(damaged, 'teacher/checkpoint/last.safetensors');
  beforeAll(() => {
    cpSync(join(folder, 'whole'), damaged, { recursive: true });
    rmSync(join(damaged, 'teacher/model.onnx'));
  });

  const damage = (path: string): void => {
    const bytes = readFileSync(path);
    bytes[bytes.length - 7]! ^= 1;
    writeFileSync(path, bytes);
  };

  it('costs the steps since the best one, and the model is the same', async () => {
    cpSync(damaged, join(folder, 'once'), { recursive: true });
    damage(join(folder, 'once/teacher/checkpoint/last.safetensors'));
    const call = await train('once', 'teacher', ['--resume']);
    expect(call).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/last\.safetensors is damaged; the training goes on from step \d+/),
    });
    expect(historyOf('once', 'teacher')).toEqual(historyOf('whole', 'teacher'));
    expect(sha256Of(join(folder, 'once/teacher/model.onnx'))).toBe(sha256Of(join(folder, 'whole/teacher/model.onnx')));
  });

  it('is refused when both are damaged, and what it says to do works', async () => {
    damage(last);
    damage(join(damaged, 'teacher/checkpoint/best.safetensors'));
    const before = resultsOf(join(damaged, 'teacher'));
    const call = await train('damaged', 'teacher', ['--resume']);
    expect(call).toMatchObject({ code: 2, stdout: '' });
    expect(call.stderr).toMatch(
      /E_CHECKPOINT_CORRUPT: .*best\.safetensors: its checksum does not match\. Remove the folder/,
    );
    expect(call.stderr).not.toMatch(/^\s+at /m);
    expect(resultsOf(join(damaged, 'teacher'))).toEqual(before);
    rmSync(join(damaged, 'teacher'), { recursive: true });
    expect(await train('damaged', 'teacher', ['--resume'])).toMatchObject({ code: 0 });
    const models = ['whole', 'damaged'].map(out => sha256Of(join(folder, out, 'teacher/model.onnx')));
    expect(models[1]).toBe(models[0]);
  });

  it.each(['a finished', 'an unfinished'])('is refused when data have changed since, with %s arm', async kind => {
    if (kind === 'an unfinished') rmSync(join(damaged, 'teacher/model.onnx'));
    const other = join(folder, 'data/labelsTr/phantom_001.nii.gz');
    const kept = readFileSync(other);
    const voxels = gunzipSync(kept);
    voxels[voxels.lastIndexOf(1)] = 2;
    writeFileSync(other, gzipSync(voxels));
    const before = contentsOf(join(damaged, 'teacher'));
    const call = await train('damaged', 'teacher', ['--resume']);
    writeFileSync(other, kept);
    expect(call).toMatchObject({ code: 2, stderr: expect.stringMatching(/E_RESUME_DATA: .*labelsTr\/phantom_001/) });
    expect(contentsOf(join(damaged, 'teacher'))).toEqual(before);
  });
});
