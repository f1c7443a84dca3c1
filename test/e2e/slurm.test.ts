/** The talk to Slurm, to a real one with two virtual nodes; a small script plays the program. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planArrays } from '../../src/platform/node/slurm/arrays.ts';
import { createSlurmClient, type QueuedTask, type SlurmClient } from '../../src/platform/node/slurm/client.ts';
import { arrayScript } from '../../src/platform/node/slurm/script.ts';
import { temporaryFolder } from '../support/program.ts';
import { canHideFolders, hasSlurm, type Slurm, startSlurm, until } from '../support/slurm.ts';

/** Called as the program is: `unit WORK INDEX --threads N`. Says where it was called, waits and fails if told so. */
const UNIT = `cd "$2" && echo "$SLURMD_NODENAME $5" > "started-$3-\${SLURM_RESTART_COUNT:-0}"
while [ -e "wait-$3" ]; do sleep .1; done
ls | grep -c started > "ended-$3"
[ ! -e "fail-$3" ]
`;

/** A study's folder with a name that needs care. */
function workFolder() {
  const root = temporaryFolder();
  const study = join(root, `Ada's "first" $HOME\\sweep of 50 %A`);
  writeFileSync(join(root, 'unit.sh'), UNIT);
  return {
    root,
    study,
    /** Empties it and puts files in. */
    prepare: (...files: readonly string[]): void => {
      rmSync(study, { recursive: true, force: true });
      mkdirSync(join(study, 'slurm'), { recursive: true });
      for (const name of ['units.json', ...files]) writeFileSync(join(study, name), '');
    },
    /** Submits units: teachers, then students. */
    submit: async (
      client: SlurmClient,
      teachers: number,
      students: number,
      sbatch = '',
    ): Promise<readonly string[]> => {
      const units = Array.from({ length: teachers + students }, (_, index) => {
        return { index, arm: index < teachers ? ('teacher' as const) : ('student' as const) };
      });
      const settings = { program: ['/bin/sh', join(root, 'unit.sh')], study, sbatch } as const;
      const jobs = new Map<string, string>();
      for (const array of planArrays(units, { maxArraySize: await client.maxArraySize(), concurrency: null })) {
        const script = `slurm/${array.name}.sh`;
        writeFileSync(join(study, script), arrayScript(settings, array));
        const after = array.after.map(other => jobs.get(other) ?? '');
        jobs.set(array.name, await client.submit({ script, folder: study, after }));
      }
      return [...jobs.values()];
    },
    has: (name: string): boolean => existsSync(join(study, name)),
    read: (name: string): string => readFileSync(join(study, name), 'utf8').trim(),
    remove: (...names: readonly string[]): void => {
      for (const name of names) rmSync(join(study, name));
    },
    started: (): readonly string[] =>
      readdirSync(study)
        .filter(name => name.startsWith('started-'))
        .sort(),
  };
}

/** Resolves when all tasks of these jobs have ended. */
function untilEnded(client: SlurmClient, jobs: readonly string[]): Promise<void> {
  return until('all tasks have ended', async () => (await client.queue(jobs)).every(({ phase }) => phase === 'ended'));
}

describe.skipIf(!hasSlurm)('a real Slurm', () => {
  const { root, prepare, submit, has, read, remove, started } = workFolder();
  let slurm: Slurm;
  let client: SlurmClient;
  beforeAll(async () => {
    slurm = await startSlurm();
    client = createSlurmClient(slurm.environment);
  });
  afterAll(async () => {
    await slurm.stop();
    rmSync(root, { recursive: true });
  });

  it('does every unit once, students after teachers however these ended, with the cores of a task as threads', async () => {
    prepare('fail-1');
    const [teachers = '', students = ''] = await submit(client, 3, 2, '--cpus-per-task=2');
    await untilEnded(client, [teachers, students]);
    expect(started()).toEqual([0, 1, 2, 3, 4].map(index => `started-${index}-0`));
    expect(read('started-0-0')).toMatch(/^n[12] 2$/);
    for (const student of [3, 4]) expect(Number(read(`ended-${student}`))).toBeGreaterThan(3);
    const tasks = await client.queue([teachers, students]);
    expect(tasks.map(({ job, task, state }) => [job, task, state]).sort()).toEqual([
      [teachers, 0, 'COMPLETED'],
      [teachers, 1, 'FAILED'],
      [teachers, 2, 'COMPLETED'],
      [students, 3, 'COMPLETED'],
      [students, 4, 'COMPLETED'],
    ]);
    expect(await client.queue([])).toEqual([]);
    expect(await client.queue(['999999'])).toEqual([]);
  });

  it('says what waits for what, and cancels it, twice if need be', async () => {
    prepare('wait-0');
    const jobs = await submit(client, 1, 1);
    await until('the teacher runs', () => has('started-0-0'));
    const tasks = [...(await client.queue(jobs))].sort((one, other) => Number(one.task) - Number(other.task));
    expect(tasks).toMatchObject([
      { task: 0, phase: 'running', node: expect.stringMatching(/^n[12]$/) },
      { task: 1, phase: 'queued', node: undefined, reason: 'Dependency' },
    ]);
    await client.cancel(jobs);
    await client.cancel(jobs);
    await untilEnded(client, jobs);
    expect(has('started-1-0')).toBe(false);
  });

  it('passes on what sbatch says of options that it refuses', async () => {
    prepare();
    await expect(submit(client, 1, 0, '--partition=gpu')).rejects.toMatchObject({
      code: 'E_SLURM',
      message: expect.stringMatching(/^sbatch failed: .*invalid partition/i),
    });
  });

  it('goes on after the controller was restarted', async () => {
    prepare('wait-0');
    await submit(client, 1, 1);
    await until('the teacher runs', () => has('started-0-0'));
    await slurm.restartController();
    remove('wait-0');
    await until('the student has ended', () => has('ended-1'));
  });

  it('starts the tasks of a killed node elsewhere', async () => {
    prepare('wait-0', 'wait-1');
    await submit(client, 2, 0);
    await until('both run', () => started().length === 2);
    const [node = ''] = read('started-0-0').split(' ');
    await slurm.killNode(node);
    await until('the first unit is started again', () => has('started-0-1'), 60_000);
    expect(read('started-0-1').split(' ')[0]).not.toBe(node);
    remove('wait-0', 'wait-1');
    await until('both have ended', () => has('ended-0') && has('ended-1'));
  });
});

describe.skipIf(!canHideFolders)('a node without the shared folder', () => {
  const { root, study, prepare, submit, read, started } = workFolder();
  let slurm: Slurm;
  beforeAll(async () => {
    slurm = await startSlurm({ hidden: { n2: root } });
  });
  afterAll(async () => {
    await slurm.stop();
    rmSync(root, { recursive: true });
  });

  it('keeps its units waiting for it and says why, while all others go on', async () => {
    prepare();
    const client = createSlurmClient(slurm.environment);
    // more than the eight cores, of which four are on the node
    const jobs = await submit(client, 12, 0);
    const waiting = async (): Promise<readonly QueuedTask[]> =>
      (await client.queue(jobs)).filter(({ phase }) => phase !== 'ended');
    await until('only the node without the folder has tasks', async () => {
      const tasks = await waiting();
      return tasks.length === 4 && tasks.every(({ comment }) => comment !== undefined);
    });
    for (const task of await waiting()) {
      expect(task).toMatchObject({ node: 'n2', comment: `E_WORK_MISSING: n2 does not see ${study}` });
    }
    expect(started().map(read)).toEqual(Array.from({ length: 8 }, () => 'n1 1'));
    await slurm.showFolder('n2');
    await until('all tasks have ended', async () => (await waiting()).length === 0);
    expect(
      started()
        .map(read)
        .filter(text => text === 'n2 1').length,
    ).toBe(4);
  });
});
