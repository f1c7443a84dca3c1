/** `voxstill inspect FILE|RUN`: what a model, volume or run is. */

import { createNodeSources } from '../../platform/node/laboratory.ts';
import { formatYaml } from '../../recipe/yaml.ts';
import { inspectPath } from '../../study/inspect.ts';
import type { AddCommand } from '../program.ts';

export const addInspect: AddCommand = (program, start) => {
  program
    .command('inspect')
    .description('what a model, volume or run is')
    .argument('<path>', 'a .onnx file, a volume in any format, or the folder of a run')
    .action((path: string) =>
      start(async () => {
        const description = await inspectPath(createNodeSources(), path);
        return { json: description, text: formatYaml(description).trimEnd() };
      }),
    );
};
