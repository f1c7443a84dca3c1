/** The surroundings that an experiment needs; platform/ and cli/ provide them, tests replace them piece by piece. */
import type { BatchSettings, BatchSource, TrainingCase } from '../data/loader.ts';
import type { VolumeSources } from '../data/volume-file.ts';
import type { ByteCache, ByteCacheSettings } from '../runtime/byte-cache.ts';
import type { Engine } from '../runtime/engine.ts';
import type { SharedFiles } from '../runtime/files.ts';
import type { Progress } from '../runtime/progress.ts';
import type { Machine } from './machine.ts';

export interface Laboratory extends VolumeSources {
  readonly files: SharedFiles;
  readonly engine: Engine;
  readonly machine: Machine;
  readonly progress: Progress;
  /** Number of threads that the engine uses per operator. */
  readonly threads: number;
  /** Opens a store for what is computed of cases and can be computed again; absent where the platform has none. */
  readonly openCache?: (settings: ByteCacheSettings) => ByteCache;
  /** Starts making batches, ahead of time if the platform can. */
  openBatches(cases: readonly TrainingCase[], settings: BatchSettings): BatchSource;
}
