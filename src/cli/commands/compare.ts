/** `voxstill compare RUN|EVALUATION...`: arms or runs side by side, with paired tests, as a report. */
import { createNodeSources } from '../../platform/node/laboratory.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { assertUnchanged } from '../../study/units/changed-results.ts';
import type { CompareFlags } from '../flags/compare.ts';
import { writeReport } from '../run-text.ts';
import type { Outcome } from '../session.ts';

/** Writes the report of the sources. */
export async function compare(sources: readonly string[], { out, margin }: CompareFlags): Promise<Outcome> {
  const read = createNodeSources();
  for (const source of sources) await assertUnchanged({ files: read.files, machine: thisMachine }, source);
  return writeReport(read, sources, out, margin);
}
