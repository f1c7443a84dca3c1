/** `voxstill import SOURCE --out M.onnx`: a model from elsewhere as ONNX, with its pipeline in the metadata. */

import { InputError } from '../../core/errors.ts';
import { formatBytes, formatWhole } from '../../core/format.ts';
import { importModelFile } from '../../experiment/model-source.ts';
import type { ImportChoice } from '../../import/imported.ts';
import { nodeFiles } from '../../platform/node/files.ts';
import type { ImportFlags } from '../flags/import.ts';
import { givenFacts } from '../model-flags.ts';
import type { CommandSession, Outcome } from '../session.ts';

/** Writes the model of a source. */
export async function importSource(source: string, flags: ImportFlags, { progress }: CommandSession): Promise<Outcome> {
  const { out, folds, checkpoint } = flags;
  if (!/\.onnx$/i.test(out)) throw new InputError('E_OUTPUT_NAME', `--out is an .onnx file, not ${out}.`);
  const choice: ImportChoice = { ...(folds && { folds }), ...(checkpoint && { checkpoint }) };
  const { file, notes } = await importModelFile(nodeFiles, source, { given: givenFacts(flags), choice });
  for (const note of notes) progress.warn(`${source}: ${note}`);
  await nodeFiles.write(out, file.bytes);
  const { metadata, bytes } = file;
  const lines = [
    `${out}: ${formatWhole(metadata.parameters)} parameters, ${formatBytes(bytes.length)}`,
    `classes: ${metadata.labels.map(({ name }) => name).join(', ')}`,
    `window: ${metadata.patch.toReversed().join(' x ')} voxels (x y z)`,
    `what it is: voxstill inspect ${out}`,
  ];
  return { json: { source, out, bytes: bytes.length, notes, metadata }, text: lines.join('\n') };
}
