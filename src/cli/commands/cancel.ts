/**
 * `voxstill cancel FOLDER`: stops every unit of a run or sweep at its next safe point, with a checkpoint, and prevents
 * others from starting.
 */

import { nodeFiles } from '../../platform/node/files.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { cancelStudy } from '../../study/units/cancel.ts';
import { readUnits } from '../../study/units/units-file.ts';
import { cancelOutside } from '../outside-states.ts';
import type { Outcome } from '../session.ts';

/** Stops running units and prevents others from starting. */
export async function cancel(study: string): Promise<Outcome> {
  const list = await readUnits(nodeFiles, study);
  const running = await cancelStudy({ files: nodeFiles, machine: thisMachine }, { study, list });
  await cancelOutside(nodeFiles, study);
  const text =
    running.length === 0
      ? `cancelled ${study}; no unit was running`
      : `cancelled ${study}; ${running.length} running units stop at their next safe points`;
  return { json: { study, running }, text };
}
