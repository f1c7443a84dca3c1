/** A sweep in a pool of processes: its results are those of one process, whatever happens to the processes. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import type { SweepRecord, SweepResults } from '../../src/study/sweep-record.ts';
import type { StudyEstimate } from '../../src/study/units/estimate.ts';
import type { UnitReport } from '../../src/study/units/state.ts';
import { ROOT, readJson, sha256Of, temporaryFolder, voxstill } from '../support/program.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const folder = temporaryFolder();
const FEATURES = 'student.unet.features=[[2,4],[1,2]]';
beforeAll(async () => {
  await writePhantomDataset(nodeFiles, join(folder, 'data'), { seed: 5, cases: 6 });
  writeFileSync(join(folder, 'tiny.yaml'), tinyRecipe(join(folder, 'data'), 4));
  writeFileSync(join(folder, 'long.yaml'), tinyRecipe(join(folder, 'data'), 40));
});
afterAll(() => rmSync(folder, { recursive: true }));

const call = (...words: readonly string[]) => voxstill(words, { cwd: folder });
const record = (study: string) => readJson(join(folder, study, 'sweep.json')) as SweepRecord;
const models = (study: string) =>
  readdirSync(join(folder, study, 'units')).map(name => [
    name,
    sha256Of(join(folder, study, 'units', name, 'model.onnx')),
  ]);

/** The tables without what two runs of one program differ in: times, and memory of the process. */
function scoresOf({ arms, againstBaseline, againstTeacher }: SweepResults): object {
  const text = JSON.stringify({ arms, againstBaseline, againstTeacher });
  return JSON.parse(text, (key, value) => (['secondsPerCase', 'peakBytes'].includes(key) ? undefined : value));
}

async function statusOf(study: string): Promise<readonly UnitReport[]> {
  const { stdout, stderr, code } = await call('status', study, '--json');
  expect(code, stderr).toBe(0);
  return (JSON.parse(stdout) as { units: readonly UnitReport[] }).units;
}

describe('a pool', () => {
  it('comes to the models and tables of one process, and can be seen from outside', async () => {
    const words = ['tiny.yaml', '--grid', FEATURES];
    const [alone, pool] = [
      await call('sweep', ...words, '--out', 'alone'),
      await call('sweep', ...words, '--out', 'pool', '--concurrency', '2', '--json'),
    ];
    expect(alone.code, alone.stderr).toBe(0);
    expect(pool.code, pool.stderr).toBe(0);
    expect(models('pool')).toEqual(models('alone'));
    const [there, here] = ['pool', 'alone'].map(study => record(study).results as SweepResults);
    expect(scoresOf(there!)).toEqual(scoresOf(here!));
    expect(Object.keys(record('pool').timingsSeconds).length).toBe(5 * 3);
    const units = await statusOf('pool');
    expect(units.map(({ state, attempt }) => `${state} ${attempt}`)).toEqual(new Array(5).fill('done 1'));
    const log = readFileSync(join(folder, 'pool', units[0]!.folder, 'work/log-1.txt'), 'utf8');
    expect(log).toMatch(/4 steps/);
  });

  it('is printed with what it will cost before anything is written', async () => {
    const words = ['sweep', 'tiny.yaml', '--grid', FEATURES, '--out', 'planned', '--dry-run', '--json'];
    const { code, stdout, stderr } = await call(...words);
    expect(code, stderr).toBe(0);
    expect(existsSync(join(folder, 'planned'))).toBe(false);
    const { estimate } = JSON.parse(stdout) as { estimate: StudyEstimate };
    expect(estimate).toMatchObject({
      units: 5,
      trained: 5,
      basis: 'steps tried out here',
      kinds: { all: 5, timed: 3 },
    });
    expect(estimate.coreHours).toBeGreaterThan(0);
    expect(stderr).toContain('nothing was started or written');
  });

  it('of more processes than there are threads is refused before anything is written', async () => {
    const words = ['tiny.yaml', '--set', 'threads=2', '--out', 'crowded', '--concurrency', '3'];
    const { code, stderr } = await call('run', ...words);
    expect(code, stderr).toBe(2);
    expect(stderr).toContain('E_CONCURRENCY');
    expect(existsSync(join(folder, 'crowded'))).toBe(false);
  });

  it('starts a unit again whose process was killed, and it goes on from its checkpoint', async () => {
    const words = ['sweep', 'long.yaml', '--grid', FEATURES, '--out', 'killed', '--concurrency', '2'];
    const sweep = call(...words);
    const units = join(folder, 'killed/units');
    const teacher = (): string | undefined =>
      existsSync(units) ? readdirSync(units).find(name => name.startsWith('teacher-')) : undefined;
    const isTraining = (): boolean =>
      existsSync(join(units, teacher() ?? 'none', 'checkpoint/last.safetensors')) &&
      !existsSync(join(units, teacher() ?? 'none', 'model.onnx'));
    while (!isTraining()) await new Promise(resolve => setTimeout(resolve, 20));
    const { pid } = readJson(join(units, teacher()!, 'work/claim-1.json')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    const { code, stderr } = await sweep;
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/E_UNIT_LOST: the process for .+ ended by SIGKILL/);
    const states = await statusOf('killed');
    expect(states.map(({ label, state, attempt }) => [label, state, attempt])).toEqual([
      ['teacher', 'done', 2],
      ['student features=2-4', 'done', 1],
      ['student features=1-2', 'done', 1],
      ['baseline features=2-4', 'done', 1],
      ['baseline features=1-2', 'done', 1],
    ]);
    expect(
      readFileSync(join(units, teacher()!, 'history.csv'), 'utf8')
        .trim()
        .split('\n').length,
    ).toBe(41);
  });

  it('goes on without a unit that fails for good, names it, and does it again when asked to', async () => {
    const rate = 'student.train.learningRate=[0.01,1e30]';
    const bad = await call('sweep', 'tiny.yaml', '--grid', rate, '--out', 'bad', '--concurrency', '2');
    expect(bad.code, bad.stderr).toBe(1);
    const failed = (await statusOf('bad')).filter(({ state }) => state === 'failed');
    expect(failed.map(({ label, error }) => [label, error?.code])).toEqual([
      ['student learningRate=1e+30', 'E_LOSS_NOT_FINITE'],
      ['baseline learningRate=1e+30', 'E_LOSS_NOT_FINITE'],
    ]);
    for (const { label } of failed) expect(bad.stderr).toContain(`${label} failed: E_LOSS_NOT_FINITE`);
    expect(record('bad')).toMatchObject({ status: 'failed' });
    const { results } = record('bad');
    expect(Object.keys(results?.arms ?? {}).sort()).toEqual([
      'baseline learningRate=0.01',
      'student learningRate=0.01',
      'teacher',
    ]);
    const lacking = { evaluated: 0, units: 1 };
    expect(results?.incomplete).toEqual(Object.fromEntries(failed.map(({ label }) => [label, lacking])));
    const collected = await call('collect', 'bad', '--json');
    expect(collected.code, collected.stderr).toBe(0);
    expect(JSON.parse(collected.stdout)).toMatchObject({ results, counts: { done: 3, failed: 2 } });
    expect(readFileSync(join(folder, 'bad/report.html'), 'utf8')).toContain(`${failed[0]?.label} is missing`);
    const nothing = await call('retry', 'bad');
    expect(nothing).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Add --failed to restart units that failed'),
    });
    const again = await call('retry', 'bad', '--failed');
    expect(again.code).toBe(1);
    expect((await statusOf('bad')).filter(({ state }) => state === 'failed').map(({ attempt }) => attempt)).toEqual([
      2, 2,
    ]);
  });

  it('stops with its processes, also when it is killed itself, and retry goes on', async () => {
    const words = ['sweep', 'long.yaml', '--grid', FEATURES, '--out', 'orphans', '--concurrency', '2'];
    const sweep = spawn(process.execPath, [join(ROOT, 'dist/cli/main.js'), ...words], { cwd: folder, stdio: 'ignore' });
    const claims = (): readonly string[] =>
      existsSync(join(folder, 'orphans/units'))
        ? execFileSync('find', [join(folder, 'orphans/units'), '-name', 'claim-1.json'], { encoding: 'utf8' })
            .split('\n')
            .filter(Boolean)
        : [];
    while (claims().length < 2) await new Promise(resolve => setTimeout(resolve, 20));
    sweep.kill('SIGKILL');
    await once(sweep, 'close');
    // its processes notice and let go of their units
    const isFree = (): boolean => claims().every(path => (readJson(path) as { isReleased: boolean }).isReleased);
    while (!isFree()) await new Promise(resolve => setTimeout(resolve, 50));
    const retried = await call('retry', 'orphans', '--json');
    expect(retried.code, retried.stderr).toBe(0);
    expect((await statusOf('orphans')).every(({ state }) => state === 'done')).toBe(true);
    const { results } = record('orphans');
    expect(JSON.parse(retried.stdout)).toMatchObject({ sweep: 'orphans', results });
  });
});
