/**
 * Times one training step beside PyTorch eager on the same cores: `node --import tsx bench/step.ts [--size D,H,W]
 * [--json]`. Ours and PyTorch's run in child processes that take turns, so that both meet the same load; medians over
 * all rounds. Peak memory is the child's own VmHWM, so it needs Linux. PyTorch comes from the interpreter of --python,
 * by default Debian's.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { child, type Job, ours as measureOurs, median, type Timing } from './child.ts';

interface Side {
  readonly name: string;
  readonly medianMs: number;
  readonly roundMediansMs: readonly number[];
  readonly peakMb: number;
}

interface Row {
  readonly configuration: string;
  readonly ours: Side;
  readonly torch: Side | null;
  /** Ours divided by PyTorch's; below 1 is faster. */
  readonly ratio: number | null;
}

const TEACHER = [16, 32, 64];
const STUDENT = [4, 8, 16];
type Configuration = Pick<Job, 'task' | 'features' | 'teacher'> & { readonly name: string };

const TRAINING: readonly Configuration[] = [
  { name: 'step, teacher 16-32-64', task: 'train', features: TEACHER, teacher: null },
  { name: 'step, student 4-8-16', task: 'train', features: STUDENT, teacher: null },
  { name: 'distillation step, frozen teacher and student', task: 'train', features: STUDENT, teacher: TEACHER },
];
const INFERENCE: readonly Configuration[] = [
  { name: 'inference, teacher', task: 'infer', features: TEACHER, teacher: null },
  { name: 'inference, student', task: 'infer', features: STUDENT, teacher: null },
];

function side(timings: readonly Timing[]): Side {
  return {
    name: timings[0]!.name,
    medianMs: median(timings.flatMap(({ stepMs }) => stepMs)),
    roundMediansMs: timings.map(({ stepMs }) => median(stepMs)),
    peakMb: Math.max(...timings.map(timing => timing.peakMb)),
  };
}

/** Alternates ours and PyTorch's, round after round. */
function compare(configuration: Configuration, job: Job, rounds: number, python: string | null): Row {
  const [ours, torch]: [Timing[], Timing[]] = [[], []];
  const text = JSON.stringify(job);
  for (let round = 0; round < rounds; round++) {
    ours.push(measureOurs(job));
    if (python !== null) {
      torch.push(child(python, [fileURLToPath(new URL('step.py', import.meta.url)), text]));
    }
    process.stderr.write(`${configuration.name}: round ${round + 1} of ${rounds}\n`);
  }
  const [left, right] = [side(ours), python === null ? null : side(torch)];
  return {
    configuration: configuration.name,
    ours: left,
    torch: right,
    ratio: right === null ? null : left.medianMs / right.medianMs,
  };
}

function table(rows: readonly Row[]): string {
  const cells = rows.map(({ configuration, ours, torch, ratio }) => [
    configuration,
    ours.medianMs.toFixed(1),
    torch?.medianMs.toFixed(1) ?? '-',
    ratio?.toFixed(2) ?? '-',
    ours.peakMb.toFixed(0),
    torch?.peakMb.toFixed(0) ?? '-',
  ]);
  const all = [['configuration', 'ours ms', 'PyTorch ms', 'ratio', 'ours peak MB', 'PyTorch peak MB'], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map(row => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ');
  return all.map(line).join('\n');
}

/** The interpreter if it has PyTorch, else null and a clear word about it. */
function torchPython(python: string): string | null {
  if (spawnSync(python, ['-c', 'import torch']).status === 0) return python;
  process.stderr.write(
    `${python} has no PyTorch, so there is nothing to compare with: install python3-torch (Debian), or name an interpreter ` +
      'that has it with --python\n',
  );
  return null;
}

const { values: flags } = parseArgs({
  options: {
    size: { type: 'string', default: '40,56,40' },
    batch: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string', default: '/usr/bin/python3' },
    inference: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const settings = {
  batch: Number(flags.batch),
  size: flags.size.split(',').map(Number),
  warmup: 2,
  steps: Number(flags.steps),
  threads: Number(flags.threads),
};
const python = torchPython(flags.python);
const configurations = flags.inference ? [...TRAINING, ...INFERENCE] : TRAINING;
const rows = configurations.map(({ name, ...task }) =>
  compare({ name, ...task }, { ...task, ...settings }, Number(flags.rounds), python),
);
const processor = cpus()[0]?.model ?? 'unknown processor';
if (flags.json) {
  process.stdout.write(
    `${JSON.stringify({ processor, node: process.version, rounds: Number(flags.rounds), ...settings, rows }, null, 1)}\n`,
  );
} else {
  const { ours, torch } = rows[0]!;
  process.stdout.write(
    `${processor}, ${settings.threads} threads, batch ${settings.batch} of 1x${settings.size.join('x')}; medians of ` +
      `${flags.rounds} rounds of ${settings.steps} steps\n${ours.name}; ${torch?.name ?? 'no PyTorch'}\n\n${table(rows)}\n`,
  );
}
