/** `voxstill inspect FILE|RUN`: what a model, volume or run is. */
import { inspectPath } from '../../experiment/inspect.ts';
import { formatYaml } from '../../experiment/yaml.ts';
import { nodeFiles } from '../../platform/node/files.ts';
import type { AddCommand } from '../program.ts';

export const addInspect: AddCommand = (program, start) => {
  program
    .command('inspect')
    .description('what a model, volume or run is')
    .argument('<path>', 'a .onnx or .nii.gz file, or the folder of a run')
    .action((path: string) =>
      start(async () => {
        const description = await inspectPath(nodeFiles, path);
        return { json: description, text: formatYaml(description).trimEnd() };
      }),
    );
};
