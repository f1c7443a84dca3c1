/** The arguments and flags of `voxstill pack`; commands/pack.ts holds the action. */
import { Option } from 'commander';
import type { PackKind } from '../../platform/node/pack.ts';
import type { DeclareCommand } from '../program.ts';

/** The flags as commander parses them. */
export interface PackFlags {
  readonly out: string;
  /** Not given: by the name of the output. */
  readonly as?: PackKind;
  readonly name?: string;
}

export const declarePack: DeclareCommand = (command, start) => {
  command
    .argument('<model>', 'an .onnx file that voxstill wrote')
    .requiredOption('--out <path>', 'the folder to write, or the .html file')
    .addOption(
      new Option(
        '--as <kind>',
        'page: the page with the model, static files for any server; html: the same in one file that runs from disk; npm: a package with two functions for Node and pages (default: html where --out ends in .html, else page)',
      ).choices(['page', 'html', 'npm'] satisfies PackKind[]),
    )
    .option('--name <name>', 'name of the model, and of the npm package (default: that of its folder)')
    .action((model: string, flags: PackFlags) =>
      start(async session => (await import('../commands/pack.ts')).pack(model, flags, session)),
    );
};
