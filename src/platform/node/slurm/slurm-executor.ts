/**
 * Slurm as an executor: units become arrays, and one more job collects their results. Scripts and their output are in
 * `STUDY/slurm`. It returns when everything is submitted; from then on the nodes need only the folder.
 */
import { resolve } from 'node:path';
import type { DeviceChoice } from '../../../runtime/device.ts';
import type { Files } from '../../../runtime/files.ts';
import {
  type Executor,
  type ExecutorRecord,
  type Outside,
  type OutsideState,
  readExecutor,
  type StudyToDo,
  writeExecutor,
} from '../../../study/units/executor.ts';
import { type PlannedArray, planArrays } from './arrays.ts';
import type { SlurmClient } from './client.ts';
import { arrayScript, collectScript, type ScriptSettings } from './script.ts';

export interface SlurmOptions extends Pick<ScriptSettings, 'program'> {
  readonly client: SlurmClient;
  readonly files: Files;
  /** Number of units that may run at once; null leaves it to Slurm. */
  readonly concurrency: number | null;
  /** Additional options for sbatch; null for none. */
  readonly sbatch: string | null;
  /** What computes the units; what the recipe of each says if not given. */
  readonly device?: DeviceChoice | undefined;
}

/** A job to submit; its name is that of its script in `STUDY/slurm`. */
interface PlannedJob extends Pick<PlannedArray, 'name' | 'offset' | 'after'> {
  readonly role: ExecutorRecord['jobs'][number]['role'];
  readonly script: string;
}

/**
 * The jobs for units, in the order of submission.
 * @throws {InputError} E_SLURM_MISSING; {WorkError} E_SLURM
 */
async function planJobs(options: SlurmOptions, { study, list, places }: StudyToDo): Promise<readonly PlannedJob[]> {
  const { client, files, program, concurrency, sbatch, device } = options;
  const folder = (await files.realPath(study)) ?? study;
  const settings = { program, study: folder, sbatch: sbatch ?? '', device };
  const asked = new Set(places);
  const units = list.units.map(({ arm }, index) => ({ arm, index })).filter(({ index }) => asked.has(index));
  const arrays = planArrays(units, { maxArraySize: await client.maxArraySize(), concurrency });
  return [
    ...arrays.map(array => ({ ...array, role: 'units' as const, script: arrayScript(settings, array) })),
    {
      name: 'collect',
      role: 'collect',
      offset: 0,
      after: arrays.map(({ name }) => name),
      script: collectScript(settings),
    },
  ];
}

/** The scripts that would be submitted, by their paths in the study's folder; writes and submits nothing. */
export async function slurmScripts(
  options: SlurmOptions,
  todo: StudyToDo,
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const planned = await planJobs(options, { ...todo, study: resolve(todo.study) });
  return planned.map(({ name, script }) => ({ path: scriptPath(name), text: script }));
}

function scriptPath(name: string): string {
  return `slurm/${name}.sh`;
}

/** Submits units to Slurm; all of them, or none if it refuses one of the jobs. */
export function slurmExecutor(options: SlurmOptions): Executor {
  const { client, files, concurrency, sbatch, device } = options;
  const record = { kind: 'slurm', concurrency, sbatch, ...(device !== undefined && { device }) } as const;
  return {
    start: async todo => {
      const { study, places } = todo;
      if (places.length === 0) return { status: 'ended', ends: new Map() };
      const planned = await planJobs(options, todo);
      const { jobs: earlier } = await readExecutor(files, study);
      const ids = new Map<string, string>();
      const jobs: ExecutorRecord['jobs'] = [];
      try {
        for (const { name, role, script, offset, after } of planned) {
          const path = scriptPath(name);
          await files.write(`${study}/${path}`, script);
          const id = await client.submit({
            script: path,
            folder: study,
            after: after.flatMap(other => ids.get(other) ?? []),
          });
          ids.set(name, id);
          jobs.push({ id, role, firstUnit: offset });
          // a cancel at this moment must know the job
          await writeExecutor(files, study, { ...record, jobs: [...earlier, ...jobs] });
        }
      } catch (error) {
        // if Slurm does not answer any more, report the first problem
        await client.cancel([...ids.values()]).catch(() => {});
        throw error;
      }
      const names = planned.map(({ name }) => `${name} ${ids.get(name)}`).join(', ');
      return {
        status: 'submitted',
        text: `${places.length} units submitted to Slurm: ${names}\nwatch: voxstill status ${study} --watch\nstop: voxstill cancel ${study}`,
      };
    },
  };
}

/** Slurm for processes that did not submit the jobs. */
export function slurmOutside(client: SlurmClient): Outside {
  return {
    look: async ({ jobs }) => {
      const firstUnits = new Map(
        jobs.filter(({ role }) => role === 'units').map(({ id, firstUnit }) => [id, firstUnit]),
      );
      const tasks = await client.queue([...firstUnits.keys()]);
      const states = new Map<number, OutsideState>();
      for (const { job, task, phase, node = null, reason, comment } of tasks) {
        const firstUnit = firstUnits.get(job);
        if (firstUnit === undefined || task === undefined || phase === 'ended') continue;
        states.set(firstUnit + task, { state: phase, job: `${job}_${task}`, node, reason: comment ?? reason ?? null });
      }
      return states;
    },
    cancel: ({ jobs }) => client.cancel(jobs.map(({ id }) => id)),
  };
}
