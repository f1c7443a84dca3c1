/**
 * Identifies this process, and detects whether another process of this host still runs. Process numbers are reused, and
 * every container has its own numbering. So a host is identified by the start of its kernel and its PID namespace, and
 * a process by its start time (proc(5)).
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Owner } from '../../experiment/machine.ts';

/** Content of a system file; undefined if the system does not have it. */
function readIfAny<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

interface ProcessState {
  /** State of a process that ended, but whose exit code was not read yet. */
  readonly isDefunct: boolean;
  /** Start time in clock ticks since the start of the kernel. */
  readonly start: string;
}

/** Linux's status of a process of this host; undefined if it does not exist, or on other systems. */
function stateOf(pid: number): ProcessState | undefined {
  const text = readIfAny(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (text === undefined) return undefined;
  // the second field is a name in brackets that may hold any characters
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { isDefunct: ['Z', 'X', 'x'].includes(fields[0] ?? ''), start: fields[19] ?? '' };
}

function hostOf(): string {
  const boot = readIfAny(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const numbering = readIfAny(() => readlinkSync('/proc/self/ns/pid'));
  return [hostname(), boot, numbering].filter(part => part !== undefined).join(' ');
}

/** Id of the batch system's job that this process belongs to. */
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

/** Whether a process with this number exists. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // a process of another user
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Whether a process of this host has ended; false for processes of other hosts, which cannot be checked. */
export function hasEnded({ host, pid, start }: Owner): boolean {
  if (host !== hostOf()) return false;
  if (!isThere(pid)) return true;
  const state = stateOf(pid);
  return state !== undefined && (state.isDefunct || (start !== null && state.start !== start));
}
