/** Stops the units of a study, wherever they run. */

import type { Machine } from '../../experiment/machine.ts';
import type { SharedFiles } from '../../runtime/files.ts';
import { cancelledPath } from './perform-unit.ts';
import { readStates } from './state.ts';
import type { Units } from './units-file.ts';

/**
 * Marks a study as cancelled: no unit starts any more, and running units stop at their next safe points, when their
 * owners see the mark at their next heartbeats.
 * @returns indices of the running units
 */
export async function cancelStudy(
  { files, machine }: { readonly files: SharedFiles; readonly machine: Pick<Machine, 'hasEnded' | 'now' | 'owner'> },
  { study, list }: { readonly study: string; readonly list: Units },
): Promise<readonly number[]> {
  await files.write(cancelledPath(study), `${machine.now()} on ${machine.owner.node}\n`);
  const reports = await readStates({ files, machine }, { study, list });
  return reports.filter(({ state }) => state === 'running').map(({ place }) => place);
}
