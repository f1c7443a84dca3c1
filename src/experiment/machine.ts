/** What work needs to know of the machine it runs on. Implemented in platform/, replaced by a fixed one in tests. */

/** Where and with what a run was made, as `run.json` has it. */
export interface Provenance {
  readonly versions: Readonly<Record<string, string>>;
  readonly host: {
    readonly system: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
  };
}

/** A process, for others that work in the same folder, perhaps on another machine. */
export interface Owner {
  /** Name of the machine, for people. */
  readonly node: string;
  /** Tells whether two process numbers are of one machine and one start of it. */
  readonly host: string;
  readonly pid: number;
  /** Tells a process from a later one with the same number; null where the system does not say. */
  readonly start: string | null;
  /** Of the batch system that runs the process; null where there is none. */
  readonly job: string | null;
}

export interface Machine {
  readonly provenance: Provenance;
  /** Date and time, ISO 8601 in UTC. */
  now(): string;
  /** Milliseconds of a clock that never goes back; only differences mean something. */
  elapsedMs(): number;
  /** Hexadecimal. */
  sha256(data: Uint8Array): string;
  /** Starts a new measurement of peak memory where the system can; elsewhere the peak is that of the whole process. */
  resetPeak(): void;
  /** Largest resident memory of the process since {@link Machine.resetPeak}. */
  peakBytes(): number;
  /** This process. */
  readonly owner: Owner;
  /** Whether a process is known to have ended; only those of this host are known. */
  hasEnded(owner: Owner): boolean;
  /** Waits, or less long where the signal fires; never throws. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}
