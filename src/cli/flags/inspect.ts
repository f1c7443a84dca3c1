/** The arguments and flags of `voxstill inspect`; commands/inspect.ts holds the action. */
import type { DeclareCommand } from '../program.ts';

/** The flags as commander parses them. */
export interface InspectFlags {
  readonly series?: string;
}

export const declareInspect: DeclareCommand = (command, start) => {
  command
    .argument('<path>', 'ONNX file or source that `import` reads, volume in any format, or folder of a run')
    .option('--series <uid>', 'SeriesInstanceUID of the DICOM series to describe of a folder with several')
    .action((path: string, flags: InspectFlags) =>
      start(async () => (await import('../commands/inspect.ts')).inspect(path, flags)),
    );
};
