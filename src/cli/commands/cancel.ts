/** `voxstill cancel FOLDER`: stops every unit of a run or sweep at its next safe point, with a checkpoint, and starts no other. */

import { cancelWork } from '../../experiment/work/cancel.ts';
import { readUnits } from '../../experiment/work/units-file.ts';
import { nodeFiles } from '../../platform/node/files.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { cancelOutside } from '../executor.ts';
import type { Outcome } from '../session.ts';

/** Stops the units that run and keeps others from starting. */
export async function cancel(work: string): Promise<Outcome> {
  const list = await readUnits(nodeFiles, work);
  const running = await cancelWork({ files: nodeFiles, machine: thisMachine }, { work, list });
  await cancelOutside(nodeFiles, work);
  const text =
    running.length === 0
      ? `cancelled ${work}; no unit was running`
      : `cancelled ${work}; ${running.length} running units stop at their next safe points`;
  return { json: { work, running }, text };
}
