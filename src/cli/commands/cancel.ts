/** `voxstill cancel FOLDER`: stops every unit of a run or sweep at its next safe point, with a checkpoint, and starts no other. */

import { nodeFiles } from '../../platform/node/files.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { cancelWork } from '../../study/units/cancel.ts';
import { readUnits } from '../../study/units/units-file.ts';
import { cancelOutside } from '../executor.ts';
import type { AddCommand } from '../program.ts';

export const addCancel: AddCommand = (program, start) => {
  program
    .command('cancel')
    .description('stop a run or sweep at the next safe points, wherever it runs; voxstill retry goes on')
    .argument('<folder>', 'of the run or sweep')
    .action((work: string) =>
      start(async () => {
        const list = await readUnits(nodeFiles, work);
        const running = await cancelWork({ files: nodeFiles, machine: thisMachine }, { work, list });
        await cancelOutside(nodeFiles, work);
        const text =
          running.length === 0
            ? `cancelled ${work}; no unit was running`
            : `cancelled ${work}; ${running.length} running units stop at their next safe points`;
        return { json: { work, running }, text };
      }),
    );
};
