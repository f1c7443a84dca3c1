/**
 * `voxstill serve [FOLDER]`: the page with viewer, segmentation in the browser, and the units, models, curves and
 * report of a run or sweep.
 */

import { nodeFiles } from '../../platform/node/files.ts';
import { servePage } from '../../platform/node/page.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import type { OutsideState } from '../../study/units/executor.ts';
import type { ServeFlags } from '../flags/serve.ts';
import { lookOutsideIfAny, tellOnce } from '../outside-states.ts';
import type { CommandSession, Outcome } from '../session.ts';

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Shortest interval between two requests to a batch system, however many pages are open, ms. */
const OUTSIDE_INTERVAL_MS = 15_000;

/** States of a study's units in the batch system, cached for that interval. */
function watchOutside(
  study: string,
  warn: (message: string) => void,
): () => Promise<ReadonlyMap<number, OutsideState>> {
  let last: { readonly atMs: number; readonly said: Promise<ReadonlyMap<number, OutsideState>> } | undefined;
  return () => {
    const atMs = thisMachine.elapsedMs();
    if (last === undefined || atMs - last.atMs > OUTSIDE_INTERVAL_MS)
      last = { atMs, said: lookOutsideIfAny(nodeFiles, study, warn) };
    return last.said;
  };
}

/** Serves the page until Ctrl-C. */
export async function serve(
  run: string | undefined,
  { port }: ServeFlags,
  { progress, signal }: CommandSession,
): Promise<Outcome> {
  const study = run === undefined ? {} : { run, outside: watchOutside(run, tellOnce(progress.warn)) };
  const { url, close } = await servePage({ ...study, port });
  progress.log(`serving ${run ?? 'the page'} at ${url} (Ctrl-C stops it)`);
  await aborted(signal);
  await close();
  return { json: { url }, text: `served ${url}` };
}
