/** What an experiment needs of the world around it; platform/ and cli/ put it together, tests replace it piece by piece. */
import type { BatchSettings, BatchSource, TrainingCase } from '../data/loader.ts';
import type { VolumeSources } from '../data/volume-file.ts';
import type { Engine } from '../runtime/engine.ts';
import type { SharedFiles } from '../runtime/files.ts';
import type { Progress } from '../runtime/progress.ts';
import type { Machine } from './machine.ts';

export interface Laboratory extends VolumeSources {
  readonly files: SharedFiles;
  readonly engine: Engine;
  readonly machine: Machine;
  readonly progress: Progress;
  /** That the engine takes for an operator. */
  readonly threads: number;
  /** Starts making batches, ahead of time where the platform can. */
  openBatches(cases: readonly TrainingCase[], settings: BatchSettings): BatchSource;
}
