/**
 * Which process this is, and whether another one of this host still runs. Process numbers are used again, and in every container they start
 * anew; so a host is told by the start of its kernel and its numbering, a process by the moment it started (proc(5)).
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Owner } from '../../experiment/machine.ts';

/** undefined where the system has no such file. */
function readIfAny<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

interface ProcessState {
  /** Ended, but nobody has asked for its exit code yet. */
  readonly isDefunct: boolean;
  /** In clock ticks since the start of the kernel. */
  readonly start: string;
}

/** What Linux says of a process of this host; undefined where there is none, or on other systems. */
function stateOf(pid: number): ProcessState | undefined {
  const text = readIfAny(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (text === undefined) return undefined;
  // the second field is a name that may hold anything, in brackets
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { isDefunct: ['Z', 'X', 'x'].includes(fields[0] ?? ''), start: fields[19] ?? '' };
}

function hostOf(): string {
  const boot = readIfAny(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const numbering = readIfAny(() => readlinkSync('/proc/self/ns/pid'));
  return [hostname(), boot, numbering].filter(part => part !== undefined).join(' ');
}

/** The job that a batch system runs this process for. */
function jobOf({ env }: NodeJS.Process): string | null {
  const { SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: task, SLURM_JOB_ID: job } = env;
  return array !== undefined && task !== undefined ? `${array}_${task}` : (job ?? null);
}

/** This process. */
export function thisProcess(): Owner {
  return {
    node: process.env['SLURMD_NODENAME'] ?? hostname(),
    host: hostOf(),
    pid: process.pid,
    start: stateOf(process.pid)?.start ?? null,
    job: jobOf(process),
  };
}

/** Whether the process of a number is there at all. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // a process of somebody else
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Whether a process of this host has ended; false for those of other hosts, of which nothing is known. */
export function hasEnded({ host, pid, start }: Owner): boolean {
  if (host !== hostOf()) return false;
  if (!isThere(pid)) return true;
  const state = stateOf(pid);
  return state !== undefined && (state.isDefunct || (start !== null && state.start !== start));
}
