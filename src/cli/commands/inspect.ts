/** `voxstill inspect FILE|RUN`: describes a model, a volume or a run; `inspect --devices`: what can compute here. */

import { InputError } from '../../core/errors.ts';
import { describeDevices } from '../../platform/node/describe-devices.ts';
import { createNodeSources } from '../../platform/node/laboratory.ts';
import { formatYaml } from '../../recipe/yaml.ts';
import { inspectPath } from '../../study/inspect.ts';
import type { InspectFlags } from '../flags/inspect.ts';
import type { Outcome } from '../session.ts';

/** Describes the file or folder at the path, or the devices. */
export async function inspect(path: string | undefined, { series, devices }: InspectFlags): Promise<Outcome> {
  if ((path === undefined) !== devices) {
    throw new InputError('E_USAGE', 'give either a file or folder to describe, or --devices.');
  }
  if (path === undefined) {
    const found = await describeDevices();
    return { json: found, text: formatYaml(found).trimEnd() };
  }
  const description = await inspectPath(createNodeSources(), path, { series });
  return { json: description, text: formatYaml(description).trimEnd() };
}
