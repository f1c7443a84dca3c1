/**
 * What is handed to Slurm and what it answers, as text. What a real Slurm makes of it is seen in
 * test/e2e/slurm.test.ts.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planArrays } from '../../../src/platform/node/slurm/arrays.ts';
import { createSlurmClient, parseQueue } from '../../../src/platform/node/slurm/client.ts';
import { arrayScript, indexRanges, shellWord } from '../../../src/platform/node/slurm/script.ts';

describe('the script of an array', () => {
  const settings = {
    program: ['/opt/node/bin/node', '/opt/voxstill/main.js'],
    study: "/data/Ada's sweep",
    sbatch: '',
  } as const;
  const script = { name: 'students', units: [2, 3, 4, 7], offset: 0, concurrency: null };

  it('is for people to read', () => {
    expect(arrayScript({ ...settings, sbatch: '--partition=gpu --time=2:00:00' }, { ...script, concurrency: 8 })).toBe(
      `#!/bin/bash
# 4 units of a voxstill study: students
#SBATCH --job-name=voxstill-students
#SBATCH --array=2-4,7%8
#SBATCH --output=/dev/null
#SBATCH --requeue
#SBATCH --partition=gpu --time=2:00:00

task="\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
for second in {1..300}; do
  [ -e '/data/Ada'\\''s sweep'/units.json ] && break
  [ "$second" = 5 ] && scontrol update JobId="$task" Comment="E_WORK_MISSING: $SLURMD_NODENAME does not see "'/data/Ada'\\''s sweep'
  sleep 1
done
if ! cd '/data/Ada'\\''s sweep' || ! [ -e units.json ]; then
  [ "\${SLURM_RESTART_COUNT:-0}" -lt 4 ] && scontrol requeue "$task"
  exit 1
fi
exec >>"slurm/students-$task.txt" 2>&1
exec '/opt/node/bin/node' '/opt/voxstill/main.js' unit '/data/Ada'\\''s sweep' "$SLURM_ARRAY_TASK_ID" --threads "\${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}"
`,
    );
  });

  it('names the device of its units', () => {
    expect(arrayScript({ ...settings, device: 'webgpu' }, script).trimEnd()).toMatch(
      / unit '.*' "\$SLURM_ARRAY_TASK_ID" --threads "\S+" --device webgpu$/,
    );
  });

  it('keeps indices below the largest of an array', () => {
    const text = arrayScript(settings, { ...script, units: [1001, 1002, 2001], offset: 1001 });
    expect(text).toContain('#SBATCH --array=0-1,1000\n');
    expect(text).toContain(' "$((SLURM_ARRAY_TASK_ID + 1001))" ');
  });

  it('runs nothing that options of the user bring along', () => {
    const text = arrayScript({ ...settings, sbatch: '--time=5\nrm -r /\n' }, script);
    expect(text).toContain('\n#SBATCH --time=5\n#SBATCH rm -r /\n\n');
  });

  it('quotes any word so that a shell gives it back', () => {
    const text = fc.stringMatching(/^[ -~äµ\n]{0,20}$/);
    fc.assert(
      // as many at once as a shell takes, since starting it takes longest
      fc.property(fc.array(text, { minLength: 50, maxLength: 50 }), words => {
        const command = `printf '%s\\0' ${words.map(shellWord).join(' ')}`;
        const printed = execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' });
        expect(printed.split('\0').slice(0, -1)).toEqual(words);
      }),
      { numRuns: 3 },
    );
  });

  it('lists every index once', () => {
    expect(indexRanges([])).toBe('');
    expect(indexRanges([0, 1, 2, 5, 7, 8])).toBe('0-2,5,7-8');
  });
});

describe('the arrays of a list of units', () => {
  const arms = ['teacher', 'student', 'baseline'] as const;
  const units = (count: number) => Array.from({ length: count }, (_, index) => ({ index, arm: arms[index % 3]! }));
  const waits = (plan: ReturnType<typeof planArrays>) =>
    Object.fromEntries(plan.map(({ name, after }) => [name, after]));

  it('let students wait for teachers, and baselines for nobody', () => {
    const plan = planArrays(units(9), { maxArraySize: 1001, concurrency: null });
    expect(waits(plan)).toEqual({ teachers: [], students: ['teachers'], baselines: [] });
    expect(plan.map(array => array.units)).toEqual([
      [0, 3, 6],
      [1, 4, 7],
      [2, 5, 8],
    ]);
  });

  it('let everything wait for the coarse stages of a recipe that trains them', () => {
    const stages = ['coarse', ...arms] as const;
    const placed = Array.from({ length: 8 }, (_, index) => ({ index, arm: stages[index % 4]! }));
    const plan = planArrays(placed, { maxArraySize: 1001, concurrency: null });
    expect(waits(plan)).toEqual({
      coarse: [],
      teachers: ['coarse'],
      students: ['coarse', 'teachers'],
      baselines: ['coarse'],
    });
    expect(plan[0]).toEqual({ name: 'coarse', units: [0, 4], offset: 0, concurrency: null, after: [] });
  });

  it('go one after another where only so many units may run at once', () => {
    const plan = planArrays(units(9), { maxArraySize: 1001, concurrency: 2 });
    expect(waits(plan)).toEqual({ teachers: [], students: ['teachers'], baselines: ['students'] });
    expect(plan.map(array => array.concurrency)).toEqual([2, 2, 2]);
  });

  it('are cut where a number of a unit is too large for an index, and students wait for all teachers', () => {
    const plan = planArrays(units(20), { maxArraySize: 10, concurrency: null });
    expect(waits(plan)['students-1']).toEqual(['teachers-0', 'teachers-1']);
    const indices = plan.flatMap(array => array.units.map(unit => unit - array.offset));
    expect(Math.max(...indices)).toBeLessThan(10);
    expect(plan.flatMap(array => array.units).sort((a, b) => a - b)).toEqual(units(20).map(({ index }) => index));
  });

  it('need no stage that has no units', () => {
    expect(
      waits(
        planArrays(
          units(9).filter(({ arm }) => arm === 'student'),
          { maxArraySize: 1001, concurrency: null },
        ),
      ),
    ).toEqual({ students: [] });
  });
});

describe('an answer of squeue', () => {
  it('is read line by line', () => {
    expect(
      parseQueue(
        '12|3|RUNNING|n1|None|(null)\n12|4|PENDING||JobArrayTaskLimit|\n14|N/A|NODE_FAIL|n[1-2]|NodeDown|a|b\n',
      ),
    ).toEqual([
      { job: '12', task: 3, phase: 'running', state: 'RUNNING', node: 'n1', reason: undefined, comment: undefined },
      {
        job: '12',
        task: 4,
        phase: 'queued',
        state: 'PENDING',
        node: undefined,
        reason: 'JobArrayTaskLimit',
        comment: undefined,
      },
      {
        job: '14',
        task: undefined,
        phase: 'ended',
        state: 'NODE_FAIL',
        node: 'n[1-2]',
        reason: 'NodeDown',
        comment: 'a|b',
      },
    ]);
  });

  it('may name many tasks at once', () => {
    const tasks = (indices: string) => parseQueue(`7|${indices}|PENDING||Priority|\n`).map(({ task }) => task);
    expect(tasks('0-6:2,9')).toEqual([0, 2, 4, 6, 9]);
    expect(tasks('4-6%2')).toEqual([4, 5, 6]);
  });

  it.each(['slurm is down', '7|0-9,...|PENDING||Priority|', '7||PENDING||Priority|'])(
    'that cannot be read is an error: %s',
    line => {
      expect(() => parseQueue(`${line}\n`)).toThrow(expect.objectContaining({ code: 'E_SLURM' }));
    },
  );

  it.skipIf(process.platform === 'win32')('is of jobs in every state, those that have ended too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'voxstill-squeue-'));
    // leaves out what has ended unless it is asked for all states, as squeue does
    const script = '#!/bin/sh\ncase "$*" in *--states=all*) echo "12|0|COMPLETED|n1|None|(null)";; esac\n';
    writeFileSync(join(folder, 'squeue'), script, { mode: 0o755 });
    const tasks = await createSlurmClient({ PATH: `${folder}:${process.env['PATH']}` }).queue(['12']);
    expect(tasks.map(({ job, phase }) => [job, phase])).toEqual([['12', 'ended']]);
    rmSync(folder, { recursive: true });
  });

  it('does not come where there is no Slurm, and the message says what to do', async () => {
    const call = createSlurmClient({ PATH: '/nowhere' }).submit({ script: 'x.sh', folder: '/', after: [] });
    await expect(call).rejects.toMatchObject({
      code: 'E_SLURM_MISSING',
      message: expect.stringMatching(/^sbatch is not on the PATH\. .*--executor local/),
    });
  });
});
