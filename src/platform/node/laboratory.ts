/**
 * Everything that an experiment needs, under Node: the engine, files on disk, this machine, and batches made in a
 * thread.
 */
import { availableParallelism } from 'node:os';
import type { VolumeSources } from '../../data/volume-file.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import type { DeviceChoice } from '../../runtime/device.ts';
import { type Progress, silent } from '../../runtime/progress.ts';
import { createThreadedBatchSource } from './batch-worker.ts';
import { openByteCache } from './byte-cache.ts';
import { createNodeEngine } from './engine.ts';
import { nodeFiles } from './files.ts';
import { createNodeFrameCodec } from './frame-codec.ts';
import { createNodeMachine } from './provenance.ts';

/** Files on disk, and decoders of compressed DICOM pictures. */
export function createNodeSources(): VolumeSources & Pick<Laboratory, 'files'> {
  return { files: nodeFiles, images: createNodeFrameCodec() };
}

export interface NodeLaboratoryOptions {
  /** Threads per operator; one per core if not given. */
  readonly threads?: number;
  /** What computes; the processor if not given. */
  readonly device?: DeviceChoice;
  /** Receiver of progress; none if not given. */
  readonly progress?: Progress;
}

/**
 * Starts the engine and builds a laboratory, for runExperiment and similar functions.
 * @throws {InputError} E_DEVICE if a device that was asked for cannot be used
 */
export async function createNodeLaboratory(options: NodeLaboratoryOptions = {}): Promise<Laboratory> {
  const { threads = availableParallelism(), device = 'cpu', progress = silent } = options;
  const engine = await createNodeEngine({ threads, device, onNote: progress.log, onWarning: progress.warn });
  return {
    engine,
    ...createNodeSources(),
    machine: createNodeMachine(engine),
    progress,
    threads,
    openCache: openByteCache,
    openBatches: createThreadedBatchSource,
  };
}
