/** Handles signals: the first one requests a stop at the next safe point, a later one ends the program at once. */

/**
 * Signals within this time count as one request: GNU timeout, for example, sends its signal to the program and again to
 * its process group.
 */
const SAME_REQUEST_MS = 500;

export interface Interruption {
  /** Aborts at the first request. */
  readonly signal: AbortSignal;
  /** Requests a stop at the next safe point without a signal. */
  readonly stop: () => void;
  /** Handles a signal. */
  readonly onSignal: () => void;
}

/** @param world say and end are called at most once each; ms counts from anywhere */
export function createInterruption(world: {
  readonly say: (text: string) => void;
  readonly end: () => void;
  readonly elapsedMs: () => number;
}): Interruption {
  const { say, end, elapsedMs } = world;
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  let askedMs: number | undefined;
  return {
    signal: controller.signal,
    stop,
    onSignal: () => {
      if (askedMs !== undefined) {
        if (elapsedMs() - askedMs >= SAME_REQUEST_MS) end();
        return;
      }
      askedMs = elapsedMs();
      say('\nstopping at the next safe point; a second Ctrl-C stops at once\n');
      stop();
    },
  };
}
