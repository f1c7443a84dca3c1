/** Units handed to a Slurm that only takes notes. */
import { describe, expect, it } from 'vitest';
import { WorkError } from '../../../src/core/errors.ts';
import type { QueuedTask, SlurmClient } from '../../../src/platform/node/slurm/client.ts';
import { slurmExecutor, slurmOutside } from '../../../src/platform/node/slurm/slurm-executor.ts';
import { readExecutor } from '../../../src/study/units/executor.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const UNITS = (['teacher', 'student', 'student', 'baseline'] as const).map((arm, place) => {
  const taught = arm === 'student' ? { teacher: 0 } : {};
  return { folder: `units/${place}`, arm, fold: null, seed: 1, label: `${arm} ${place}`, ...taught };
});
const TODO = { study: 'sizes', list: { kind: 'sweep' as const, units: UNITS }, places: [0, 1, 2, 3] };

/** Numbers jobs from 10 on; refuses a script of the name `refused`. */
function notingSlurm(options: { readonly refused?: string; readonly tasks?: readonly QueuedTask[] } = {}) {
  const submitted: string[] = [];
  const cancelled: string[] = [];
  const client: SlurmClient = {
    submit: async ({ script, folder, after }) => {
      if (script === options.refused) throw new WorkError('E_SLURM', 'sbatch failed: no');
      submitted.push(`${folder}/${script} after ${after.join()}`);
      return `${9 + submitted.length}`;
    },
    queue: async () => options.tasks ?? [],
    cancel: async jobs => {
      cancelled.push(...jobs);
    },
    maxArraySize: async () => 1001,
  };
  const files = memoryFiles();
  const executor = slurmExecutor({
    client,
    files,
    program: ['node', 'main.js'],
    concurrency: null,
    sbatch: '--time=5',
    device: 'auto',
  });
  return { submitted, cancelled, client, files, executor };
}

describe('the Slurm executor', () => {
  it('submits teachers, students after them, baselines beside them, and who collects after all', async () => {
    const { executor, submitted, files } = notingSlurm();
    expect(await executor.start(TODO)).toMatchObject({ status: 'submitted' });
    expect(submitted).toEqual([
      'sizes/slurm/teachers.sh after ',
      'sizes/slurm/students.sh after 10',
      'sizes/slurm/baselines.sh after ',
      'sizes/slurm/collect.sh after 10,11,12',
    ]);
    expect(files.text('sizes/slurm/students.sh')).toContain('#SBATCH --array=1-2\n');
    expect(files.text('sizes/slurm/students.sh')).toContain('\n#SBATCH --time=5\n');
    for (const name of ['teachers', 'students', 'baselines']) {
      expect(files.text(`sizes/slurm/${name}.sh`)).toMatch(/ --device auto\n$/);
    }
    expect(files.text('sizes/slurm/collect.sh')).not.toContain('--device');
    expect(await readExecutor(files, 'sizes')).toEqual({
      kind: 'slurm',
      concurrency: null,
      sbatch: '--time=5',
      device: 'auto',
      jobs: [
        ...['10', '11', '12'].map(id => ({ id, role: 'units', firstUnit: 0 })),
        { id: '13', role: 'collect', firstUnit: 0 },
      ],
    });
  });

  it('submits what was lost beside what was submitted before, and no stage that is done', async () => {
    const { executor, submitted, files } = notingSlurm();
    await executor.start(TODO);
    await executor.start({ ...TODO, places: [2] });
    expect(submitted.slice(4)).toEqual(['sizes/slurm/students.sh after ', 'sizes/slurm/collect.sh after 14']);
    expect((await readExecutor(files, 'sizes')).jobs.map(({ id }) => id)).toEqual(['10', '11', '12', '13', '14', '15']);
  });

  it('takes back what it has submitted where Slurm refuses the rest', async () => {
    const { executor, cancelled } = notingSlurm({ refused: 'slurm/baselines.sh' });
    await expect(executor.start(TODO)).rejects.toMatchObject({ code: 'E_SLURM' });
    expect(cancelled).toEqual(['10', '11']);
  });
});

describe('Slurm from outside', () => {
  const task = (index: number | undefined, phase: QueuedTask['phase'], more: Partial<QueuedTask> = {}): QueuedTask => {
    return { job: '7', task: index, phase, state: '', node: undefined, reason: undefined, comment: undefined, ...more };
  };
  const record = {
    kind: 'slurm' as const,
    concurrency: null,
    sbatch: null,
    jobs: [
      { id: '7', role: 'units' as const, firstUnit: 1001 },
      { id: '8', role: 'collect' as const, firstUnit: 0 },
    ],
  };

  it('says where units are that wait or run', async () => {
    const tasks = [
      task(0, 'ended'),
      task(1, 'running', { node: 'n1' }),
      task(2, 'queued', { reason: 'Dependency' }),
      task(3, 'running', { node: 'n2', reason: 'None', comment: 'E_WORK_MISSING: n2' }),
      task(undefined, 'running', { job: '8' }),
    ];
    const states = await slurmOutside(notingSlurm({ tasks }).client).look(record);
    expect([...states]).toEqual([
      [1002, { state: 'running', job: '7_1', node: 'n1', reason: null }],
      [1003, { state: 'queued', job: '7_2', node: null, reason: 'Dependency' }],
      [1004, { state: 'running', job: '7_3', node: 'n2', reason: 'E_WORK_MISSING: n2' }],
    ]);
  });

  it('cancels units and who would collect them', async () => {
    const { client, cancelled } = notingSlurm();
    await slurmOutside(client).cancel(record);
    expect(cancelled).toEqual(['7', '8']);
  });

  it('passes on why Slurm does not answer', async () => {
    const client = { ...notingSlurm().client, queue: () => Promise.reject(new WorkError('E_SLURM', 'squeue failed')) };
    await expect(slurmOutside(client).look(record)).rejects.toMatchObject({ code: 'E_SLURM' });
  });
});
