/**
 * The talk to Slurm: its own programs as child processes, their text in plain data. Works with what every cluster has (sbatch, squeue, scancel,
 * scontrol; no accounting) and with the formats that have stayed the same since Slurm 20; the JSON of squeue has not.
 * @see https://slurm.schedmd.com/squeue.html
 */
import { spawn } from 'node:child_process';
import { InputError, WorkError } from '../../../core/errors.ts';

/** What becomes of a task, as far as Slurm knows. */
type TaskPhase = 'queued' | 'running' | 'ended';

/** A job, or one task of an array. */
export interface QueuedTask {
  /** Of the whole array. */
  readonly job: string;
  /** Index in its array; undefined where the job is none. */
  readonly task: number | undefined;
  readonly phase: TaskPhase;
  /** Slurm's own word, for example `NODE_FAIL`. */
  readonly state: string;
  /** Where it runs or ran. */
  readonly node: string | undefined;
  /** Why it waits or ended, in Slurm's own word, for example `Dependency`. */
  readonly reason: string | undefined;
  /** What the job's own script says of it. */
  readonly comment: string | undefined;
}

interface Submission {
  /** The script's path; relative to the folder. */
  readonly script: string;
  /** Where the job works, and what paths in the script start from. */
  readonly folder: string;
  /** Jobs that must have ended before, however they ended. */
  readonly after: readonly string[];
}

/** Slurm as its user sees it. */
export interface SlurmClient {
  /** @returns the job's number */
  submit(submission: Submission): Promise<string>;
  /** What is known of these jobs, one entry per task; Slurm forgets a job some minutes after its end. */
  queue(jobs: readonly string[]): Promise<readonly QueuedTask[]>;
  /** Ends these jobs; one that has ended is left as it is. */
  cancel(jobs: readonly string[]): Promise<void>;
  /** Indices of an array lie below this. */
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

/** A state that is in neither list counts as running: it will change, and nothing is started twice meanwhile. */
function phaseOf(state: string): TaskPhase {
  if (QUEUED.includes(state)) return 'queued';
  return ENDED.includes(state) ? 'ended' : 'running';
}

/** For squeue: the array's job, indices, state, nodes, reason, comment. The comment is last, since it is free text. */
const QUEUE_FORMAT = '%F|%K|%T|%N|%r|%k';

/** Reads the indices of an array's tasks as squeue writes them: `3`, or `0-6:2,9%4` of those that wait together. */
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

/** Reads what squeue says in that format. */
export function parseQueue(text: string): readonly QueuedTask[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .flatMap(parseLine);
}

/** What a program wrote to stderr, as one line without its name. */
function messageOf(stderr: string): string {
  const lines = stderr.split('\n').map(line => line.replace(/^\w+: (?:error: )?/, '').trim());
  return lines.filter(line => line !== '').join(' ');
}

/** The surroundings without the variables of the job that this process may be part of: a new job must not take them for its own. */
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
 * @param environment of the programs; SLURM_CONF in it may name another cluster
 * @returns a client whose calls throw {InputError} E_SLURM_MISSING if the programs are not there and {WorkError} E_SLURM with Slurm's own words
 *   if it refuses or does not answer
 */
export function createSlurmClient(environment: NodeJS.ProcessEnv = process.env): SlurmClient {
  // lists of indices are not to be cut
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
      // asked for one job alone, squeue fails if it is forgotten; of several it leaves out those
      const list = [...jobs, first].join(',');
      // not --array, which leaves out the last of tasks with gaps between them (22.05)
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
