/** States of the units of a folder, from its files and the batch system. */

import { nodeFiles } from '../platform/node/files.ts';
import { thisMachine } from '../platform/node/provenance.ts';
import { readStates, type UnitReport } from '../study/units/state.ts';
import { hasUnits, readUnits } from '../study/units/units-file.ts';
import { lookOutsideIfAny } from './outside-states.ts';

/** @returns an empty list if the folder has no list of units */
export async function unitStates(study: string): Promise<readonly UnitReport[]> {
  if (!(await hasUnits(nodeFiles, study))) return [];
  const list = await readUnits(nodeFiles, study);
  // a report ignores a batch system that does not answer; `status` reports it
  const outside = await lookOutsideIfAny(nodeFiles, study, () => {});
  return readStates({ files: nodeFiles, machine: thisMachine }, { study, list }, outside);
}
