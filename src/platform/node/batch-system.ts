/** Facts that a batch system passes to its processes in environment variables. */
import { InputError } from '../../core/errors.ts';

/** A whole number from the environment; undefined if the variable is not set. */
function numberOf(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw new InputError('E_USAGE', `${name} must be a whole number, got "${text}".`);
  return Number(text);
}

/** Index of this process among several equal ones: in a Kubernetes job or a Slurm array. */
export function indexOfProcess(): number | undefined {
  return numberOf('JOB_COMPLETION_INDEX') ?? numberOf('SLURM_ARRAY_TASK_ID');
}

/** Number of cores that Slurm assigned to this process. */
export function coresOfProcess(): number | undefined {
  return numberOf('SLURM_CPUS_PER_TASK');
}
