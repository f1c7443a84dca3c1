/** The arguments and flags of `voxstill compare`; commands/compare.ts holds the action. */
import type { DeclareCommand } from '../program.ts';

/** The flags as commander parses them. */
export interface CompareFlags {
  readonly out: string;
}

export const declareCompare: DeclareCommand = (command, start) => {
  command
    .argument('<sources...>', 'folders of runs and sweeps, or evaluation.json files')
    .requiredOption('--out <file>', 'report to write, for example report.html')
    .action((sources: readonly string[], flags: CompareFlags) =>
      start(async () => (await import('../commands/compare.ts')).compare(sources, flags)),
    );
};
