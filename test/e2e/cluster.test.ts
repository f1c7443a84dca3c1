/**
 * A sweep on a cluster where much goes wrong: a real Slurm of two virtual nodes, of which one dies, a task that is
 * killed, a controller that restarts, a unit that cannot succeed, a disk that is full. And a thousand units that only
 * wait.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import type { Evaluation } from '../../src/experiment/record.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { thisMachine } from '../../src/platform/node/provenance.ts';
import type { SweepRecord } from '../../src/study/sweep-record.ts';
import { readStates, type UnitReport } from '../../src/study/units/state.ts';
import { readUnits, writeUnits } from '../../src/study/units/units-file.ts';
import { type Call, MAIN, readJson, temporaryFolder, voxstill } from '../support/program.ts';
import { canHideFolders, hasSlurm, type Slurm, startSlurm, until } from '../support/slurm.ts';

const STEPS = 16;
/** Networks that learn next to nothing, in a second or two. */
const recipe = (dataset: string): string => `
data: { dataset: ${JSON.stringify(dataset)}, splits: { seed: 1, folds: 2, val: 0.2 } }
patch: { size: [16, 24, 16] }
teacher: { unet: { features: [2, 4] }, train: { steps: ${STEPS}, batch: 1, validateEvery: 8 } }
student: { unet: { features: [1, 2] }, train: { steps: ${STEPS}, batch: 1, validateEvery: 8, learningRate: 0.004 } }
evaluate: { overlap: 0 }
postprocess: none
baseline: false
threads: 1
seeds: [1, 2, 3, 4]
`;
const STUDENTS = 'student.unet.features=[[2,4],[1,2],[2,2]]';
const LONGEST_MS = 900_000;

/** What `status --json` says. */
interface Status {
  readonly counts: Readonly<Record<string, number>>;
  readonly units: readonly UnitReport[];
}

const folder = temporaryFolder();
beforeAll(async () => {
  await writePhantomDataset(nodeFiles, join(folder, 'data'), { seed: 5, cases: 6 });
  writeFileSync(join(folder, 'tiny.yaml'), recipe(join(folder, 'data')));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Makes the folder of a small sweep, and starts nothing. */
const makeReady = (out: string) => {
  const grid = ['--grid', STUDENTS, '--set', 'seeds=[1]'];
  return voxstill(['sweep', 'tiny.yaml', ...grid, '--out', out, '--executor', 'none'], { cwd: folder });
};

/** Where units stand by their files alone, cheaply. */
async function look(study: string): Promise<readonly UnitReport[]> {
  const path = join(folder, study);
  const list = await readUnits(nodeFiles, path);
  return readStates({ files: nodeFiles, machine: thisMachine }, { study: path, list });
}

function record(study: string): SweepRecord {
  return readJson(join(folder, study, 'sweep.json')) as SweepRecord;
}

/** Results without what depends on how busy a machine is. */
function results(study: string): unknown {
  const times = ['secondsPerCase', 'peakBytes'];
  return JSON.parse(JSON.stringify(record(study).results, (key, value) => (times.includes(key) ? undefined : value)));
}

/** Plans one unit with a learning rate with which no loss stays finite. */
async function spoil(study: string, unit: UnitReport): Promise<void> {
  const path = join(folder, study, unit.folder, 'recipe.yaml');
  const text = readFileSync(path, 'utf8');
  const changed = text.replace('learningRate: 0.004', 'learningRate: 1.0e+30');
  expect(changed).not.toBe(text);
  writeFileSync(path, changed);
  const list = await readUnits(nodeFiles, join(folder, study));
  const recipeSha256 = thisMachine.sha256(new TextEncoder().encode(changed));
  const units = list.units.map(one => (one.folder === unit.folder ? { ...one, recipeSha256 } : one));
  await writeUnits(nodeFiles, join(folder, study), { ...list, units });
}

describe.skipIf(!hasSlurm)('on a cluster', () => {
  let slurm: Slurm;
  beforeAll(async () => {
    slurm = await startSlurm();
  });
  afterAll(() => slurm.stop());

  const call = (...words: readonly string[]): Promise<Call> =>
    voxstill(words, { cwd: folder, environment: slurm.environment, longestMs: LONGEST_MS });
  const status = async (study: string): Promise<Status> => JSON.parse((await call('status', study, '--json')).stdout);
  /** While it takes no jobs they wait. */
  const takeJobs = (takes: boolean): Promise<string> =>
    slurm.ask('scontrol', 'update', 'PartitionName=all', `State=${takes ? 'UP' : 'DOWN'}`);

  it('a plan is printed with its scripts, and nothing is written', async () => {
    const words = [
      'sweep',
      'tiny.yaml',
      '--grid',
      STUDENTS,
      '--out',
      'planned',
      '--executor',
      'slurm',
      '--concurrency',
      '4',
    ];
    const planned = await call(...words, '--sbatch', '--time=5', '--dry-run', '--json');
    expect(planned.code, planned.stderr).toBe(0);
    const { estimate, scripts } = JSON.parse(planned.stdout);
    expect(estimate).toMatchObject({ units: 32, coreHours: expect.any(Number), bytes: expect.any(Number) });
    const texts = Object.fromEntries(scripts.map(({ path, text }: { path: string; text: string }) => [path, text]));
    expect(Object.keys(texts)).toEqual(['slurm/teachers.sh', 'slurm/students.sh', 'slurm/collect.sh']);
    expect(texts['slurm/students.sh']).toMatch(/^#SBATCH --array=[\d,-]+%4\n(#SBATCH .*\n)*#SBATCH --time=5$/m);
    expect(existsSync(join(folder, 'planned'))).toBe(false);
  });

  it(
    'a thousand units are submitted in seconds, looked at in one, and taken back',
    async () => {
      await takeJobs(false);
      const seeds = `seeds=${JSON.stringify(Array.from({ length: 250 }, (_, index) => index + 1))}`;
      const startMs = performance.now();
      const submitted = await call('run', 'tiny.yaml', '--set', seeds, '--out', 'many', '--executor', 'slurm');
      const submittedMs = performance.now();
      expect(submitted.code, submitted.stderr).toBe(0);
      const { counts } = await status('many');
      const lookedMs = performance.now();
      expect(counts).toMatchObject({ queued: 1000 });
      const seconds = [submittedMs - startMs, lookedMs - submittedMs].map(ms => (ms / 1000).toFixed(1));
      console.info(`1,000 units: submitted in ${seconds[0]} s, status in ${seconds[1]} s`);
      expect(submittedMs - startMs).toBeLessThan(10_000);
      expect(lookedMs - submittedMs).toBeLessThan(2_000);
      expect(await call('cancel', 'many')).toMatchObject({ code: 0 });
      expect((await status('many')).counts).toMatchObject({ cancelled: 1000 });
      expect(await slurm.ask('squeue', '--noheader')).toBe('');
    },
    LONGEST_MS,
  );

  it(
    'nothing is lost or counted twice, whatever happens to nodes, tasks and controller',
    async () => {
      await takeJobs(false);
      const submitted = await call('sweep', 'tiny.yaml', '--grid', STUDENTS, '--out', 'far', '--executor', 'slurm');
      expect(submitted.code, submitted.stderr).toBe(0);
      const { units, counts } = await status('far');
      expect(counts).toMatchObject({ queued: units.length });
      const students = units.filter(({ arm }) => arm === 'student');
      expect(students.length).toBe(24);
      const bad = students[10] as UnitReport;
      await spoil('far', bad);
      cpSync(join(folder, 'far'), join(folder, 'near'), { recursive: true });
      for (const name of ['executor.json', 'slurm']) rmSync(join(folder, 'near', name), { recursive: true });

      await takeJobs(true);
      let running: readonly UnitReport[] = [];
      const onBothNodes = async (): Promise<boolean> => {
        running = (await look('far')).filter(({ arm, state }) => arm === 'student' && state === 'running');
        return new Set(running.map(({ node }) => node)).size === 2;
      };
      await until('students run on both nodes', onBothNodes, LONGEST_MS);
      const killed = running.find(({ node }) => node === 'n1') as UnitReport;
      const claim = join(folder, 'far', killed.folder, `work/claim-${killed.attempt}.json`);
      process.kill((readJson(claim) as { pid: number }).pid, 'SIGKILL');
      await slurm.killNode('n2');
      await slurm.restartController();

      // the same here, meanwhile
      const near = await call('retry', 'near');
      expect(near).toMatchObject({ code: 1, stderr: expect.stringContaining('E_LOSS_NOT_FINITE') });
      await until('the last job has collected', () => record('far').status === 'failed', LONGEST_MS);

      const after = await status('far');
      expect(after.counts).toMatchObject({ done: units.length - 1, failed: 1 });
      const { state, error } = after.units[bad.place] as UnitReport;
      expect({ state, code: error?.code }).toEqual({ state: 'failed', code: 'E_LOSS_NOT_FINITE' });
      for (const { place } of [killed, ...running.filter(({ node }) => node === 'n2')]) {
        expect(after.units[place]).toMatchObject({ state: place === bad.place ? 'failed' : 'done', attempt: 2 });
      }
      for (const { folder: unit } of after.units.filter(({ place }) => place !== bad.place)) {
        const [there, here] = ['far', 'near'].map(
          study => readJson(join(folder, study, unit, 'evaluation.json')) as Evaluation,
        );
        expect(there?.model.sha256).toBe(here?.model.sha256);
        expect(there?.cases).toEqual(here?.cases);
        const rows = readFileSync(join(folder, 'far', unit, 'history.csv'), 'utf8')
          .trim()
          .split('\n')
          .slice(1);
        expect(rows.map(row => Number(row.split(',')[0]))).toEqual(
          Array.from({ length: STEPS }, (_, step) => step + 1),
        );
      }
      expect(results('far')).toEqual(results('near'));
    },
    LONGEST_MS,
  );
});

describe.skipIf(!canHideFolders)('a full disk under one unit', () => {
  /** Runs a command that sees a disk of 32 kB, with what was there, in place of a folder. */
  const onSmallDisk = (place: string, command: readonly string[]) => {
    const mount = 'cp -r "$0" "$0.kept" && mount -t tmpfs -o size=32k none "$0" && cp -r "$0.kept/." "$0" && exec "$@"';
    return spawnSync('unshare', ['--mount', 'sh', '-c', mount, place, ...command], { cwd: folder, encoding: 'utf8' });
  };

  it(
    'is told by name, and the other units go on',
    async () => {
      const made = await makeReady('full');
      expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('8 units are ready') });
      const units = await look('full');
      expect(units.every(({ state }) => state === 'waiting')).toBe(true);
      const unlucky = units.find(({ arm }) => arm === 'student') as UnitReport;
      rmSync(join(folder, 'full/executor.json'));
      const { status, stderr } = onSmallDisk(join(folder, 'full', unlucky.folder), [
        process.execPath,
        MAIN,
        'retry',
        'full',
      ]);
      expect(status).toBe(1);
      expect(stderr).toMatch(new RegExp(`E_DISK_FULL: .*cannot write .*${unlucky.folder}`));
      const others = (await look('full')).filter(({ place }) => place !== unlucky.place);
      expect(others.map(({ state }) => state)).toEqual(others.map(() => 'done'));
    },
    LONGEST_MS,
  );
});

describe('a student that is started alone, as a pod of an indexed job', () => {
  it(
    'has its teacher done first, by the same command',
    async () => {
      expect(await makeReady('pods')).toMatchObject({ code: 0 });
      const student = (await look('pods')).find(({ arm }) => arm === 'student') as UnitReport;
      const environment = { ...process.env, JOB_COMPLETION_INDEX: `${student.place}` };
      const early = await voxstill(['unit', 'pods'], { cwd: folder, environment });
      expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('E_TEACHER_MISSING') });
      const call = await voxstill(['unit', 'pods', '--with-teacher', '--threads', '1'], { cwd: folder, environment });
      expect(call.code, call.stderr).toBe(0);
      const done = (await look('pods')).filter(({ state }) => state === 'done');
      expect(done.map(({ arm }) => arm)).toEqual(['teacher', 'student']);
    },
    LONGEST_MS,
  );
});
