/** The arguments and flags of `voxstill inspect`; commands/inspect.ts holds the action. */
import type { DeclareCommand } from '../program.ts';

/** The flags as commander parses them. */
export interface InspectFlags {
  readonly series?: string;
  readonly devices: boolean;
}

export const declareInspect: DeclareCommand = (command, start) => {
  command
    .argument('[path]', 'ONNX file or source that `import` reads, volume in any format, or folder of a run')
    .option('--series <uid>', 'SeriesInstanceUID of the DICOM series to describe of a folder with several')
    .option('--devices', 'list what can compute here, and how a trial of each went', false)
    .action((path: string | undefined, flags: InspectFlags) =>
      start(async () => (await import('../commands/inspect.ts')).inspect(path, flags)),
    );
};
