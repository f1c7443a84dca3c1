/** What a command gets to work with and what it gives back; program.ts does the rest (flags, exit codes, output). */

import type { Laboratory } from '../experiment/laboratory.ts';
import { createThreadedBatchSource } from '../platform/node/batch-worker.ts';
import { createNodeEngine } from '../platform/node/engine.ts';
import { nodeFiles } from '../platform/node/files.ts';
import { createNodeMachine } from '../platform/node/provenance.ts';
import type { Progress } from '../runtime/progress.ts';

/** What a command found or made. */
export interface Outcome {
  /** The document that --json prints. */
  readonly json: object;
  /** The same for people, one or more lines. */
  readonly text: string;
}

/** One call of the program. */
export interface Session {
  readonly progress: Progress;
  /** Aborted by Ctrl-C; work stops at the next safe point and throws the signal's reason. */
  readonly signal: AbortSignal;
}

/** Runs a command's work and reports its outcome. */
export type Start = (work: (session: Session) => Promise<Outcome>) => Promise<void>;

/**
 * Starts the engine and puts everything together that an experiment needs.
 * @param threads per operator; null takes one per core
 */
export async function openLaboratory(session: Session, threads: number | null): Promise<Laboratory> {
  const engine = await createNodeEngine(threads === null ? {} : { threads });
  if (engine.block === 0) {
    session.progress.log(
      'this processor has no channel-blocked kernels: training takes standard operators, about half as fast',
    );
  }
  return {
    engine,
    files: nodeFiles,
    machine: createNodeMachine(engine.name),
    progress: session.progress,
    openBatches: createThreadedBatchSource,
  };
}
