/**
 * The facts about the machine that experiments need. Implemented in platform/, replaced by a fixed machine in tests.
 */
import type { DeviceKind } from '../runtime/device.ts';

/** Provenance of a run: machine and versions, as in `run.json`. */
export interface Provenance {
  /** What computed; absent in records of earlier versions, which knew the processor alone. */
  readonly device?: DeviceKind;
  readonly versions: Readonly<Record<string, string>>;
  readonly host: {
    readonly system: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
  };
}

/** Identity of a process for others that use the same folder, perhaps on another machine. */
export interface Owner {
  /** Name of the machine, for people. */
  readonly node: string;
  /** Identifies the machine and its start, so that process numbers can be compared. */
  readonly host: string;
  readonly pid: number;
  /** Start of the process, which distinguishes it from a later one with the same number; null if unknown. */
  readonly start: string | null;
  /** Job of the batch system that runs the process; null without one. */
  readonly job: string | null;
}

export interface Machine {
  readonly provenance: Provenance;
  /** Date and time, ISO 8601 in UTC. */
  now(): string;
  /** Milliseconds of a monotonic clock; only differences are meaningful. */
  elapsedMs(): number;
  /** SHA-256 in hexadecimal. */
  sha256(data: Uint8Array): string;
  /** Starts a new measurement of peak memory if the system can; otherwise the peak is that of the whole process. */
  resetPeak(): void;
  /** Largest resident memory of the process since {@link Machine.resetPeak}. */
  peakBytes(): number;
  /** This process. */
  readonly owner: Owner;
  /** Whether a process is known to have ended; only processes of this host can be checked. */
  hasEnded(owner: Owner): boolean;
  /** Waits, or returns earlier if the signal fires; never throws. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}
