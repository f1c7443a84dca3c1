/**
 * The scripts that are handed to sbatch: for people to read, and to submit again by hand from the folder of the work. All paths that
 * Slurm reads are relative to that folder, from which they are submitted.
 */
import { InputError } from '../../../core/errors.ts';

/** The program as a node of the cluster starts it: absolute paths of Node and of the program. */
type Program = readonly [node: string, main: string];

/** What all scripts of a work have in common. */
export interface ScriptSettings {
  readonly program: Program;
  /** Absolute path of the run or sweep. */
  readonly work: string;
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
  /** Tasks that may run at once; undefined for any number. */
  readonly concurrency: number | undefined;
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

/**
 * Checks that Slurm can write below a folder: in paths of output files it has meanings of its own for two characters.
 * @throws {InputError} E_SLURM_FOLDER
 */
export function assertSlurmFolder(work: string): void {
  if (!/[%\\\n]/.test(work)) return;
  throw new InputError(
    'E_SLURM_FOLDER',
    `Slurm cannot write into ${work}, because of a % or \\ in its name. Choose another folder with --out.`,
  );
}

function script(
  { sbatch }: ScriptSettings,
  options: { readonly title: string; readonly directives: readonly string[]; readonly command: readonly string[] },
): string {
  const { title, directives, command } = options;
  // the user's line may break; what follows a break must not run
  const own = sbatch.split(/\s*\n\s*/).filter(line => line !== '');
  return [
    '#!/bin/bash',
    `# ${title}`,
    ...[...directives, ...own].map(line => `#SBATCH ${line}`),
    '',
    ...command,
    '',
  ].join('\n');
}

/** The script of an array: each task does one unit, with as many threads as Slurm gives it cores. */
export function arrayScript(settings: ScriptSettings, { name, units, offset, concurrency }: ArrayScript): string {
  const limit = concurrency === undefined ? '' : `%${concurrency}`;
  const index = offset === 0 ? '"$SLURM_ARRAY_TASK_ID"' : `"$((SLURM_ARRAY_TASK_ID + ${offset}))"`;
  const { program, work } = settings;
  return script(settings, {
    title: `${units.length} units of a voxstill work: ${name}`,
    directives: [
      `--job-name=voxstill-${name}`,
      `--array=${indexRanges(units.map(unit => unit - offset))}${limit}`,
      `--output=slurm/${name}-%A_%a.txt --open-mode=append`,
      '--requeue',
    ],
    command: [
      `exec ${[...program].map(shellWord).join(' ')} unit ${shellWord(work)} ${index} --threads "\${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}"`,
    ],
  });
}
