/** The arguments and flags of `voxstill inspect`; commands/inspect.ts holds the action. */
import type { DeclareCommand } from '../program.ts';

export const declareInspect: DeclareCommand = (command, start) => {
  command
    .argument('<path>', 'ONNX file, volume in any format, or folder of a run')
    .action((path: string) => start(async () => (await import('../commands/inspect.ts')).inspect(path)));
};
