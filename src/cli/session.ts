/** What a command gets to work with and what it gives back; program.ts does the rest (flags, exit codes, output). */

import type { Laboratory } from '../experiment/laboratory.ts';
import { createNodeLaboratory } from '../platform/node/laboratory.ts';
import type { Progress } from '../runtime/progress.ts';

/** What a command found or made. */
export interface Outcome {
  /** The document that --json prints. */
  readonly json: object;
  /** The same for people, one or more lines. */
  readonly text: string;
  /** 1 where the work found problems; 0 if not given. */
  readonly exitCode?: 0 | 1;
}

/** One call of the program. */
export interface Session {
  readonly progress: Progress;
  /** Aborted by Ctrl-C; work stops at the next safe point and throws the signal's reason. */
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never goes back. */
  readonly elapsedMs: () => number;
}

/** Runs a command's work and reports its outcome. */
export type Start = (work: (session: Session) => Promise<Outcome>) => Promise<void>;

/**
 * Starts the engine and puts everything together that an experiment needs.
 * @param threads per operator; null takes one per core
 */
export function openLaboratory({ progress }: Pick<Session, 'progress'>, threads: number | null): Promise<Laboratory> {
  return createNodeLaboratory({ progress, ...(threads === null ? {} : { threads }) });
}
