/** `voxstill inspect FILE|RUN`: describes a model, a volume or a run. */

import { createNodeSources } from '../../platform/node/laboratory.ts';
import { formatYaml } from '../../recipe/yaml.ts';
import { inspectPath } from '../../study/inspect.ts';
import type { InspectFlags } from '../flags/inspect.ts';
import type { Outcome } from '../session.ts';

/** Describes the file or folder at the path. */
export async function inspect(path: string, { series }: InspectFlags): Promise<Outcome> {
  const description = await inspectPath(createNodeSources(), path, { series });
  return { json: description, text: formatYaml(description).trimEnd() };
}
