/** Where the units of a folder stand, as files and a batch system say it. */

import { nodeFiles } from '../platform/node/files.ts';
import { thisMachine } from '../platform/node/provenance.ts';
import { readStates, type UnitReport } from '../study/units/state.ts';
import { hasUnits, readUnits } from '../study/units/units-file.ts';
import { lookOutsideIfAny } from './outside-states.ts';

/** @returns nothing where the folder has no list of units */
export async function unitStates(study: string): Promise<readonly UnitReport[]> {
  if (!(await hasUnits(nodeFiles, study))) return [];
  const list = await readUnits(nodeFiles, study);
  // a report does without a batch system that does not answer; `status` tells of it
  const outside = await lookOutsideIfAny(nodeFiles, study, () => {});
  return readStates({ files: nodeFiles, machine: thisMachine }, { study, list }, outside);
}
