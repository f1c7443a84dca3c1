/** The talk to Slurm, to a real one with two virtual nodes; a small script plays the program. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planArrays } from '../../src/platform/node/slurm/arrays.ts';
import { createSlurmClient, type QueuedTask, type SlurmClient } from '../../src/platform/node/slurm/client.ts';
import { arrayScript, type ScriptSettings } from '../../src/platform/node/slurm/script.ts';
import { temporaryFolder } from '../support/program.ts';
import { hasSlurm, type Slurm, startSlurm, until } from '../support/slurm.ts';

/** Called as the program is: `unit WORK INDEX --threads N`. Says where it was called in what order, waits for a word if told so. */
const UNIT = `cd "$2" && echo "$SLURMD_NODENAME $5" > "started-$3-\${SLURM_RESTART_COUNT:-0}"
while [ -e "wait-$3" ]; do sleep .1; done
ls started-* | wc -l > "ended-$3"
[ ! -e "fail-$3" ]
`;

describe.skipIf(!hasSlurm)('a real Slurm', () => {
  const root = temporaryFolder();
  const work = join(root, `Ada's "first" $HOME sweep`);
  const settings: ScriptSettings = { program: ['/bin/sh', join(root, 'unit.sh')], work, sbatch: '' };
  let slurm: Slurm;
  let client: SlurmClient;
  beforeAll(async () => {
    writeFileSync(join(root, 'unit.sh'), UNIT);
    slurm = await startSlurm();
    client = createSlurmClient(slurm.environment);
  });
  afterAll(async () => {
    await slurm.stop();
    rmSync(root, { recursive: true });
  });

  /** An empty folder of work, with files in it. */
  function prepare(...files: readonly string[]): void {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(join(work, 'slurm'), { recursive: true });
    for (const name of files) writeFileSync(join(work, name), '');
  }

  /** Submits units that are teachers, then students. */
  async function submit(teachers: number, students: number, sbatch = ''): Promise<readonly string[]> {
    const units = Array.from({ length: teachers + students }, (_, index) => {
      return { index, arm: index < teachers ? ('teacher' as const) : ('student' as const) };
    });
    const jobs = new Map<object, string>();
    for (const array of planArrays(units, { maxArraySize: await client.maxArraySize(), concurrency: undefined })) {
      const script = `slurm/${array.name}.sh`;
      writeFileSync(join(work, script), arrayScript({ ...settings, sbatch }, array));
      const after = array.after.map(other => jobs.get(other) ?? '');
      jobs.set(array, await client.submit({ script, folder: work, after }));
    }
    return [...jobs.values()];
  }

  const read = (name: string): string => readFileSync(join(work, name), 'utf8').trim();
  const started = (): readonly string[] => readdirSync(work).filter(name => name.startsWith('started-'));
  const ended = (tasks: readonly QueuedTask[]): boolean => tasks.every(({ phase }) => phase === 'ended');
  const untilEnded = (jobs: readonly string[]): Promise<void> =>
    until('all tasks have ended', async () => ended(await client.queue(jobs)));

  it('does every unit once, students after teachers however these ended, with the cores of a task as threads', async () => {
    prepare('fail-1');
    const [teachers = '', students = ''] = await submit(3, 2, '--cpus-per-task=2');
    await untilEnded([teachers, students]);
    expect([...started()].sort()).toEqual([0, 1, 2, 3, 4].map(index => `started-${index}-0`));
    expect(read('started-0-0')).toMatch(/^n[12] 2$/);
    for (const student of [3, 4]) expect(Number(read(`ended-${student}`))).toBeGreaterThan(3);
    const tasks = await client.queue([teachers, students]);
    const states = tasks.map(({ job, task, state }) => [job, task, state]);
    expect(states.sort()).toEqual([
      [teachers, 0, 'COMPLETED'],
      [teachers, 1, 'FAILED'],
      [teachers, 2, 'COMPLETED'],
      [students, 3, 'COMPLETED'],
      [students, 4, 'COMPLETED'],
    ]);
    expect(await client.queue([])).toEqual([]);
    expect(await client.queue(['999999'])).toEqual([]);
  });

  it('tells what waits for what, and cancels it, twice if need be', async () => {
    prepare('wait-0');
    const jobs = await submit(1, 1);
    await until('the teacher runs', () => existsSync(join(work, 'started-0-0')));
    const tasks = [...(await client.queue(jobs))].sort((one, other) => Number(one.task) - Number(other.task));
    expect(tasks).toMatchObject([
      { task: 0, phase: 'running', node: expect.stringMatching(/^n[12]$/) },
      { task: 1, phase: 'queued', node: undefined, reason: 'Dependency' },
    ]);
    await client.cancel(jobs);
    await client.cancel(jobs);
    await untilEnded(jobs);
    expect(existsSync(join(work, 'started-1-0'))).toBe(false);
  });

  it('passes on what sbatch says of options that it refuses', async () => {
    prepare();
    await expect(submit(1, 0, '--partition=gpu')).rejects.toMatchObject({
      code: 'E_SLURM',
      message: expect.stringMatching(/^sbatch failed: .*invalid partition/i),
    });
  });

  it('goes on after the controller was restarted', async () => {
    prepare('wait-0');
    await submit(1, 1);
    await until('the teacher runs', () => existsSync(join(work, 'started-0-0')));
    await slurm.restartController();
    rmSync(join(work, 'wait-0'));
    await until('the student has ended', () => existsSync(join(work, 'ended-1')));
  });

  it('starts the tasks of a killed node elsewhere', async () => {
    prepare('wait-0', 'wait-1');
    await submit(2, 0);
    await until('both run', () => started().length === 2);
    const [node = ''] = read('started-0-0').split(' ');
    await slurm.killNode(node);
    await until('the first unit is started again', () => existsSync(join(work, 'started-0-1')), 60_000);
    expect(read('started-0-1').split(' ')[0]).not.toBe(node);
    for (const unit of [0, 1]) rmSync(join(work, `wait-${unit}`));
    await until('both have ended', () => existsSync(join(work, 'ended-0')) && existsSync(join(work, 'ended-1')));
  });
});
