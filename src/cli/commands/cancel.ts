/** `voxstill cancel FOLDER`: stops every unit of a run or sweep at its next safe point, with a checkpoint, and starts no other. */

import { nodeFiles } from '../../platform/node/files.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { cancelStudy } from '../../study/units/cancel.ts';
import { readUnits } from '../../study/units/units-file.ts';
import { cancelOutside } from '../executor.ts';
import type { AddCommand } from '../program.ts';

export const addCancel: AddCommand = (program, start) => {
  program
    .command('cancel')
    .description('stop a run or sweep at the next safe points, wherever it runs; voxstill retry goes on')
    .argument('<folder>', 'of the run or sweep')
    .action((study: string) =>
      start(async () => {
        const list = await readUnits(nodeFiles, study);
        const running = await cancelStudy({ files: nodeFiles, machine: thisMachine }, { study, list });
        await cancelOutside(nodeFiles, study);
        const text =
          running.length === 0
            ? `cancelled ${study}; no unit was running`
            : `cancelled ${study}; ${running.length} running units stop at their next safe points`;
        return { json: { study, running }, text };
      }),
    );
};
