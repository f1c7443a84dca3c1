/** `voxstill inspect FILE|RUN`: what a model, volume or run is. */

import { createNodeSources } from '../../platform/node/laboratory.ts';
import { formatYaml } from '../../recipe/yaml.ts';
import { inspectPath } from '../../study/inspect.ts';
import type { InspectFlags } from '../flags/inspect.ts';
import type { Outcome } from '../session.ts';

/** Describes what lies at the path. */
export async function inspect(path: string, { series }: InspectFlags): Promise<Outcome> {
  const description = await inspectPath(createNodeSources(), path, { series });
  return { json: description, text: formatYaml(description).trimEnd() };
}
