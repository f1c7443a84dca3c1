/** The flags of `voxstill compare`; commands/compare.ts does the study. */
import type { DeclareCommand } from '../program.ts';

/** As commander gives them. */
export interface CompareFlags {
  readonly out: string;
}

export const declareCompare: DeclareCommand = (command, start) => {
  command
    .argument('<sources...>', 'folders of runs and sweeps, or evaluation.json files')
    .requiredOption('--out <file>', 'the report, for example report.html')
    .action((sources: readonly string[], flags: CompareFlags) =>
      start(async () => (await import('../commands/compare.ts')).compare(sources, flags)),
    );
};
