/** What the record of a run needs to know of the machine it ran on. Implemented in platform/, replaced by a fixed one in tests. */

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
}
