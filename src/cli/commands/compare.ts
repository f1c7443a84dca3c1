/** `voxstill compare RUN|EVALUATION...`: arms or runs side by side, with paired tests, as a report. */
import { createNodeSources } from '../../platform/node/laboratory.ts';
import type { AddCommand } from '../program.ts';
import { writeReport } from '../run-text.ts';

export const addCompare: AddCommand = (program, start) => {
  program
    .command('compare')
    .description('arms or runs side by side, with paired tests')
    .argument('<sources...>', 'folders of runs and sweeps, or evaluation.json files')
    .requiredOption('--out <file>', 'the report, for example report.html')
    .action((sources: readonly string[], { out }: { readonly out: string }) =>
      start(() => writeReport(createNodeSources(), sources, out)),
    );
};
