/** What a batch system tells a process that it starts, by the names of its environment. */
import { InputError } from '../../core/errors.ts';

/** A whole number of the environment; undefined where the name is not set. */
function numberOf(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw new InputError('E_USAGE', `${name} must be a whole number, got "${text}".`);
  return Number(text);
}

/** Which of several equal processes this is: the index in a Kubernetes job, the task of a Slurm array. */
export function indexOfProcess(): number | undefined {
  return numberOf('JOB_COMPLETION_INDEX') ?? numberOf('SLURM_ARRAY_TASK_ID');
}

/** Cores that Slurm has given to this process. */
export function coresOfProcess(): number | undefined {
  return numberOf('SLURM_CPUS_PER_TASK');
}
