/** The flags of `voxstill inspect`; commands/inspect.ts does the study. */
import type { DeclareCommand } from '../program.ts';

export const declareInspect: DeclareCommand = (command, start) => {
  command
    .argument('<path>', 'a .onnx file, a volume in any format, or the folder of a run')
    .action((path: string) => start(async () => (await import('../commands/inspect.ts')).inspect(path)));
};
