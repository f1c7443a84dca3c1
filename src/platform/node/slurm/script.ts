/**
 * The scripts for sbatch. People can read them and submit them again by hand.
 */
import type { DeviceChoice } from '../../../runtime/device.ts';

/** Command line of the program on a node of the cluster: absolute paths of Node and of the program. */
type Program = readonly [node: string, main: string];

/** Values that all scripts of a study share. */
export interface ScriptSettings {
  readonly program: Program;
  /** Absolute path of the run or sweep. */
  readonly study: string;
  /** Options for sbatch as the user wrote them; they come after the script's own options and override them. */
  readonly sbatch: string;
  /** What computes the units; what the recipe of each says if not given. */
  readonly device?: DeviceChoice | undefined;
}

/** An array of units. */
export interface ArrayScript {
  /** Name of the job and of its files, for example `students`. */
  readonly name: string;
  /** Indices of the units in the study, ascending. */
  readonly units: readonly number[];
  /** Offset from a task's index to its unit's index: a multiple of MaxArraySize. */
  readonly offset: number;
  /** Number of tasks that may run at once; null for no limit. */
  readonly concurrency: number | null;
}

/** Quotes a word for a POSIX shell. */
export function shellWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Ascending whole numbers in sbatch's notation: `0-2,5`. */
export function indexRanges(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const open = ranges.at(-1);
    if (open !== undefined && number === open.last + 1) open.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** Seconds that a task waits for the folder of the study. */
const WAIT_SECONDS = 300;
/** Number of times that a task is requeued because the folder is missing. */
const MOST_RETURNS = 4;

/**
 * The text of a script. On a node without the folder it waits, with the reason in the job's comment, and is then
 * requeued: while it waits, the node takes no other units, which continue elsewhere. After that the output goes into
 * the folder; Slurm itself would end a task whose output it cannot open, and the node would then consume all units in
 * seconds.
 */
function script(
  { program, study, sbatch }: ScriptSettings,
  options: {
    readonly title: string;
    readonly name: string;
    readonly directives: readonly string[];
    /** Shell expression for Slurm's number of the task. */
    readonly task: string;
    /** Shell words after the program. */
    readonly words: string;
  },
): string {
  const { title, name, directives, task, words } = options;
  // the user's text may have several lines; none of them may be executed
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

/** The script of an array: each task runs one unit, with one thread per core that Slurm assigns. */
export function arrayScript(settings: ScriptSettings, { name, units, offset, concurrency }: ArrayScript): string {
  const limit = concurrency === null ? '' : `%${concurrency}`;
  const index = offset === 0 ? '"$SLURM_ARRAY_TASK_ID"' : `"$((SLURM_ARRAY_TASK_ID + ${offset}))"`;
  const device = settings.device === undefined ? '' : ` --device ${settings.device}`;
  return script(settings, {
    title: `${units.length} units of a voxstill study: ${name}`,
    name,
    directives: [`--array=${indexRanges(units.map(unit => unit - offset))}${limit}`],
    task: `\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID`,
    words: `unit ${shellWord(settings.study)} ${index} --threads "\${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}"${device}`,
  });
}

/** The script of the last job: collects results and resubmits lost units. */
export function collectScript(settings: ScriptSettings): string {
  return script(settings, {
    title: 'writes tables and report of a voxstill study, and resubmits lost units',
    name: 'collect',
    directives: [],
    task: '$SLURM_JOB_ID',
    words: `collect ${shellWord(settings.study)} --again`,
  });
}
