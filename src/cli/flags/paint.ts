/** The arguments and flags of `voxstill paint`; commands/paint.ts holds the action. */
import { Option } from 'commander';
import type { DeclareCommand } from '../program.ts';
import { collect, wholeNumber } from '../values.ts';

/** The flags as commander parses them. */
export interface PaintFlags {
  readonly out: string;
  readonly count?: number;
  readonly split: 'train' | 'val' | 'test' | 'all';
  readonly set: readonly string[];
}

export const declarePaint: DeclareCommand = (command, start) => {
  command
    .argument('<source>', 'recipe with data.synthesize, or folder of label maps (every value is a class then)')
    .requiredOption('--out <folder>', 'data set to write: images, labels and dataset.json')
    .option('--count <number>', 'images per map (default: data.synthesize.paintings of the recipe)', wholeNumber(1))
    .addOption(
      new Option('--split <name>', 'maps to paint, by the splits of the recipe')
        .choices(['train', 'val', 'test', 'all'])
        .default('all'),
    )
    .option('--set <key=value>', 'value that replaces one of the recipe; may be given several times', collect, [])
    .action((source: string, flags: PaintFlags) =>
      start(async session => (await import('../commands/paint.ts')).paint(source, flags, session)),
    );
};
