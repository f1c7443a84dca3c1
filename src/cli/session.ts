/** Input and output of a command; program.ts handles flags, exit codes and streams. */

import type { Laboratory } from '../experiment/laboratory.ts';
import { createNodeLaboratory } from '../platform/node/laboratory.ts';
import type { DeviceChoice } from '../runtime/device.ts';
import type { Progress } from '../runtime/progress.ts';

/** Result of a command. */
export interface Outcome {
  /** Document that --json prints. */
  readonly json: object;
  /** The same as text, one or more lines. */
  readonly text: string;
  /** Exit code: 1 if the command found problems; 0 if not given. */
  readonly exitCode?: 0 | 1;
  /** Whether the text is printed with --quiet too, as it always is with exit code 1. */
  readonly isAlarming?: boolean;
}

/** One call of the program. */
export interface CommandSession {
  readonly progress: Progress;
  /** Aborts on Ctrl-C; work stops at the next safe point and throws the signal's reason. */
  readonly signal: AbortSignal;
  /** Milliseconds of a monotonic clock. */
  readonly elapsedMs: () => number;
}

/** Runs a command's work and reports its outcome. */
export type Start = (work: (session: CommandSession) => Promise<Outcome>) => Promise<void>;

/** What an engine is started with. */
interface EngineChoice {
  /** Per operator; null takes one per core. */
  readonly threads?: number | null;
  /** The processor if not given. */
  readonly device?: DeviceChoice | undefined;
}

/**
 * Starts the engine and builds everything that an experiment needs.
 * @throws {InputError} E_DEVICE if a device that was asked for cannot be used
 */
export function openLaboratory(
  { progress }: Pick<CommandSession, 'progress'>,
  { threads = null, device = 'cpu' }: EngineChoice,
): Promise<Laboratory> {
  return createNodeLaboratory({ progress, device, ...(threads === null ? {} : { threads }) });
}
