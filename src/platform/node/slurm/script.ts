/**
 * The scripts that are handed to sbatch: for people to read, and to submit again by hand.
 */

/** The program as a node of the cluster starts it: absolute paths of Node and of the program. */
type Program = readonly [node: string, main: string];

/** What all scripts of a study have in common. */
export interface ScriptSettings {
  readonly program: Program;
  /** Absolute path of the run or sweep. */
  readonly study: string;
  /** Options for sbatch, as the user wrote them; they come after the script's own, and so decide. */
  readonly sbatch: string;
}

/** An array of units. */
export interface ArrayScript {
  /** Of the job and of its files, for example `students`. */
  readonly name: string;
  /** Numbers of the units in the plan, ascending. */
  readonly units: readonly number[];
  /** What is to be added to a task's index to have its unit's: a multiple of MaxArraySize. */
  readonly offset: number;
  /** Tasks that may run at once; null for any number. */
  readonly concurrency: number | null;
}

/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Whole numbers, ascending, as sbatch wants them: `0-2,5`. */
export function indexRanges(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const open = ranges.at(-1);
    if (open !== undefined && number === open.last + 1) open.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** How long a task waits for the folder of the study. */
const WAIT_SECONDS = 300;
/** How often a task is put back into the queue because of that. */
const MOST_RETURNS = 4;

/**
 * A script's text. On a node that lacks the folder it waits, with the reason in the job's comment, then goes back into the queue: while it
 * waits the node takes no other units, which go on elsewhere. From there on the output goes into the folder; Slurm itself would end a task
 * whose output it cannot open, and the node would go through all units in seconds.
 */
function script(
  { program, study, sbatch }: ScriptSettings,
  options: {
    readonly title: string;
    readonly name: string;
    readonly directives: readonly string[];
    /** Slurm's number of the task, as the shell takes it. */
    readonly task: string;
    /** Words after the program, as the shell takes them. */
    readonly words: string;
  },
): string {
  const { title, name, directives, task, words } = options;
  // the user's text may have several lines; none of them may run
  const own = sbatch.split(/\s*\n\s*/).filter(line => line !== '');
  const lines = [`--job-name=voxstill-${name}`, ...directives, '--output=/dev/null', '--requeue', ...own];
  const folder = shellWord(study);
  return `#!/bin/bash
# ${title}
${lines.map(line => `#SBATCH ${line}`).join('\n')}

task="${task}"
for second in {1..${WAIT_SECONDS}}; do
  [ -e ${folder}/units.json ] && break
  [ "$second" = 5 ] && scontrol update JobId="$task" Comment="E_WORK_MISSING: $SLURMD_NODENAME does not see "${folder}
  sleep 1
done
if ! cd ${folder} || ! [ -e units.json ]; then
  [ "\${SLURM_RESTART_COUNT:-0}" -lt ${MOST_RETURNS} ] && scontrol requeue "$task"
  exit 1
fi
exec >>"slurm/${name}-$task.txt" 2>&1
exec ${[...program].map(shellWord).join(' ')} ${words}
`;
}

/** The script of an array: each task does one unit, with as many threads as Slurm gives it cores. */
export function arrayScript(settings: ScriptSettings, { name, units, offset, concurrency }: ArrayScript): string {
  const limit = concurrency === null ? '' : `%${concurrency}`;
  const index = offset === 0 ? '"$SLURM_ARRAY_TASK_ID"' : `"$((SLURM_ARRAY_TASK_ID + ${offset}))"`;
  return script(settings, {
    title: `${units.length} units of a voxstill study: ${name}`,
    name,
    directives: [`--array=${indexRanges(units.map(unit => unit - offset))}${limit}`],
    task: `\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID`,
    words: `unit ${shellWord(settings.study)} ${index} --threads "\${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}"`,
  });
}

/** The script of the job that comes last: puts results together, and submits again what was lost. */
export function collectScript(settings: ScriptSettings): string {
  return script(settings, {
    title: 'writes tables and report of a voxstill study, and resubmits lost units',
    name: 'collect',
    directives: [],
    task: '$SLURM_JOB_ID',
    words: `collect ${shellWord(settings.study)} --again`,
  });
}
