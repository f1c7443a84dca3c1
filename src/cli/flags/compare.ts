/** The arguments and flags of `voxstill compare`; commands/compare.ts holds the action. */
import type { DeclareCommand } from '../program.ts';
import { openShare } from '../values.ts';

/** The flags as commander parses them. */
export interface CompareFlags {
  readonly out: string;
  readonly margin?: number;
}

export const declareCompare: DeclareCommand = (command, start) => {
  command
    .argument('<sources...>', 'folders of runs and sweeps, or evaluation.json files')
    .requiredOption('--out <file>', 'report to write, for example report.html')
    .option(
      '--margin <dice>',
      'loss of mean Dice that does not matter, in place of compare.margin of the recipe; the report says that it came afterwards',
      openShare,
    )
    .action((sources: readonly string[], flags: CompareFlags) =>
      start(async () => (await import('../commands/compare.ts')).compare(sources, flags)),
    );
};
