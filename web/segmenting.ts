/** Segments an image with a model in the worker, in windows that fit into the tab. */
import type { FoundBackend } from '../src/platform/web/device-probe.ts';
import type { ModelChoice } from './models.ts';
import { runtimeFiles } from './own-files.ts';
import type { Reply, Scan } from './protocol.ts';
import { costText, expectedDiceText } from './report-text.ts';
import type { Segmented } from './segmentations.ts';
import type { Client } from './worker-client.ts';

export interface SegmentingOptions {
  readonly client: Client;
  readonly chosen: ModelChoice;
  /** What computes, and why. */
  readonly found: FoundBackend;
  /** Sees what comes before the result. */
  readonly onReply: (reply: Reply) => void;
}

/** @throws {InputError} as planMemory and the worker */
export async function segmentScan(
  { volume, stem: id }: Pick<Scan, 'volume' | 'stem'>,
  { client, chosen, found: { backend, reason }, onReply }: SegmentingOptions,
): Promise<Segmented> {
  const file = await chosen.read();
  const { planMemory } = await import('./memory.ts');
  const { patch } = planMemory(volume, file);
  const metadata = { ...file.metadata, patch };
  const job = { kind: 'segment', volume, id, model: file.bytes, metadata, runtime: runtimeFiles(backend) } as const;
  const result = await client.run({ ...job, backend }, 'segmented', onReply);
  return {
    name: chosen.name,
    labels: result.labels,
    classes: file.info.labels,
    model: file,
    madeAt: new Date().toISOString(),
    cost: `${costText(result)}${reason === undefined ? '' : `; tried before: ${reason}`}${expectedDiceText(result)}`,
    warnings: result.warnings,
    ...(result.entropy && { entropy: result.entropy }),
  };
}
