/**
 * Calls Slurm's own programs as child processes and parses their text. Needs only programs that every cluster has
 * (sbatch, squeue, scancel, scontrol; no accounting) and formats that are the same since Slurm 20, which the JSON of
 * squeue is not.
 * @see https://slurm.schedmd.com/squeue.html
 */
import { spawn } from 'node:child_process';
import { InputError, WorkError } from '../../../core/errors.ts';

/** State of a task in Slurm. */
type TaskPhase = 'queued' | 'running' | 'ended';

/** A job, or one task of an array. */
export interface QueuedTask {
  /** Job number of the whole array. */
  readonly job: string;
  /** Index in its array; undefined if the job is not an array. */
  readonly task: number | undefined;
  readonly phase: TaskPhase;
  /** Slurm's name of the state, for example `NODE_FAIL`. */
  readonly state: string;
  /** Node where it runs or ran. */
  readonly node: string | undefined;
  /** Slurm's reason why it waits or ended, for example `Dependency`. */
  readonly reason: string | undefined;
  /** Comment that the job's own script has set. */
  readonly comment: string | undefined;
}

interface Submission {
  /** Path of the script, relative to the folder. */
  readonly script: string;
  /** Working directory of the job, from which paths in the script start. */
  readonly folder: string;
  /** Jobs that must have ended before, however they ended. */
  readonly after: readonly string[];
}

/** The operations of Slurm that are needed. */
export interface SlurmClient {
  /** @returns the job's number */
  submit(submission: Submission): Promise<string>;
  /** States of these jobs, one entry per task; Slurm forgets a job some minutes after its end. */
  queue(jobs: readonly string[]): Promise<readonly QueuedTask[]>;
  /** Cancels these jobs; ended jobs are ignored. */
  cancel(jobs: readonly string[]): Promise<void>;
  /** Upper bound of the indices of an array. */
  maxArraySize(): Promise<number>;
}

const QUEUED = ['PENDING', 'REQUEUED', 'REQUEUE_FED', 'REQUEUE_HOLD', 'RESV_DEL_HOLD', 'SPECIAL_EXIT'];
const ENDED = [
  'BOOT_FAIL',
  'CANCELLED',
  'COMPLETED',
  'DEADLINE',
  'FAILED',
  'LAUNCH_FAILED',
  'NODE_FAIL',
  'OUT_OF_MEMORY',
  'PREEMPTED',
  'REVOKED',
  'TIMEOUT',
];

/** A state in neither list counts as running: it will change, and nothing is started twice in the meantime. */
function phaseOf(state: string): TaskPhase {
  if (QUEUED.includes(state)) return 'queued';
  return ENDED.includes(state) ? 'ended' : 'running';
}

/** For squeue: the array's job, indices, state, nodes, reason, comment. The comment is last, since it is free text. */
const QUEUE_FORMAT = '%F|%K|%T|%N|%r|%k';

/** Reads the indices of an array's tasks as squeue writes them: `3`, or `0-6:2,9%4` for tasks that wait together. */
function parseIndices(text: string): readonly number[] | undefined {
  const numbers: number[] = [];
  for (const part of text.replace(/%\d+$/, '').split(',')) {
    const [, first, last = first, step = '1'] = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part) ?? [];
    if (first === undefined) return undefined;
    for (let number = Number(first); number <= Number(last); number += Number(step)) numbers.push(number);
  }
  return numbers;
}

function parseLine(line: string): readonly QueuedTask[] {
  const known = (word: string): string | undefined => (['', 'None', 'N/A', '(null)'].includes(word) ? undefined : word);
  const [job = '', indices = '', state = '', node = '', reason = '', ...comment] = line.trim().split('|');
  const tasks = indices === 'N/A' ? [undefined] : parseIndices(indices);
  if (!/^\d+$/.test(job) || state === '' || tasks === undefined) {
    throw new WorkError('E_SLURM', `squeue returned a line that cannot be parsed: "${line}"`);
  }
  return tasks.map(task => ({
    job,
    task,
    phase: phaseOf(state),
    state,
    node: known(node),
    reason: known(reason),
    comment: known(comment.join('|')),
  }));
}

/** Parses the output of squeue in that format. */
export function parseQueue(text: string): readonly QueuedTask[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .flatMap(parseLine);
}

/** The stderr output of a program as one line, without the program's name. */
function messageOf(stderr: string): string {
  const lines = stderr.split('\n').map(line => line.replace(/^\w+: (?:error: )?/, '').trim());
  return lines.filter(line => line !== '').join(' ');
}

/**
 * The environment without the variables of the job that this process may belong to, so that a new job does not inherit
 * them.
 */
function outsideOfJob(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = ['SLURM_CONF', 'SLURM_CLUSTERS', 'SLURM_JWT'];
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => kept.includes(name) || !/^SLURMD?_/.test(name)),
  );
}

interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function call(
  program: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        text[name] += chunk;
      });
    }
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const advice =
        "Run this where Slurm's programs are, for example on the login node of the cluster, or use --executor local.";
      const problem = cause.code === 'ENOENT' ? 'is not on the PATH' : `cannot be started (${cause.code})`;
      reject(new InputError('E_SLURM_MISSING', `${program} ${problem}. ${advice}`, { cause }));
    });
    child.on('close', code => resolve({ code, ...text }));
  });
}

/**
 * Slurm through the programs on the PATH.
 * @param environment environment of the programs; its SLURM_CONF may name another cluster
 * @returns a client whose calls throw {InputError} E_SLURM_MISSING if the programs do not exist, and {WorkError}
 * E_SLURM with Slurm's own message
 *   if it refuses or does not answer
 */
export function createSlurmClient(environment: NodeJS.ProcessEnv = process.env): SlurmClient {
  // lists of indices must not be truncated
  const env = { ...outsideOfJob(environment), SLURM_BITSTR_LEN: '0' };
  const ask = async (program: string, args: readonly string[], cwd?: string): Promise<string> => {
    const { code, stdout, stderr } = await call(program, args, { env, ...(cwd !== undefined && { cwd }) });
    if (code === 0) return stdout;
    throw new WorkError('E_SLURM', `${program} failed: ${messageOf(stderr) || `exit code ${code}`}`);
  };
  return {
    submit: async ({ script, folder, after }) => {
      const dependency = after.length === 0 ? [] : [`--dependency=afterany:${after.join(':')}`];
      const answer = await ask('sbatch', ['--parsable', ...dependency, script], folder);
      // on a federation the cluster's name follows
      const [job = ''] = answer.trim().split(';');
      if (!/^\d+$/.test(job)) throw new WorkError('E_SLURM', `sbatch returned no job number, but "${answer.trim()}"`);
      return job;
    },
    queue: async jobs => {
      const [first] = jobs;
      if (first === undefined) return [];
      // for a single job squeue fails if the job is forgotten; for several it omits forgotten ones
      const list = [...jobs, first].join(',');
      // not --array, which omits the last of tasks with gaps between them (22.05)
      const args = ['--noheader', '--states=all', `--jobs=${list}`, `--format=${QUEUE_FORMAT}`];
      return parseQueue(await ask('squeue', args));
    },
    cancel: async jobs => {
      if (jobs.length > 0) await ask('scancel', ['--quiet', ...jobs]);
    },
    maxArraySize: async () => {
      const size = /^MaxArraySize\s*=\s*(\d+)\s*$/m.exec(await ask('scontrol', ['show', 'config']))?.[1];
      if (size === undefined) throw new WorkError('E_SLURM', 'scontrol show config does not report MaxArraySize');
      return Number(size);
    },
  };
}
