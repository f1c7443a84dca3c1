/**
 * Everything that an experiment needs, in a worker of a page: ONNX Runtime, files in the browser's own storage, and
 * batches made in a second worker.
 */
import type { Laboratory } from '../../experiment/laboratory.ts';
import { type Progress, silent } from '../../runtime/progress.ts';
import type { CodecSources } from '../frame-codecs.ts';
import { type BatchPort, createWorkerBatchSource } from './batch-worker.ts';
import { createWebEngine, type RuntimeFiles } from './engine.ts';
import { createWebFrameCodec } from './frame-codec.ts';
import { createWebMachine, type WebMachineOptions } from './machine.ts';
import { type StoredFolder, storedFiles } from './stored-files.ts';

export interface WebLaboratoryOptions extends Omit<WebMachineOptions, 'engine' | 'threads'> {
  /** Folder of the browser's storage that all paths start from; held by this worker. */
  readonly root: StoredFolder;
  /** Addresses of ONNX Runtime's files. */
  readonly runtime: RuntimeFiles;
  /** Decoders of compressed pictures. */
  readonly codecs: CodecSources;
  /** Threads per operator; one per core if not given, one in a page that is not cross-origin isolated. */
  readonly threads?: number;
  /** Receiver of progress; none if not given. */
  readonly progress?: Progress;
  /** Starts a worker whose program calls serveBatches. */
  readonly startBatchWorker: () => BatchPort;
}

/**
 * Starts the engine and builds a laboratory, for runExperiment and similar functions. Call it in a worker.
 * @throws {WorkError} E_ONNXRUNTIME_WEB
 */
export async function createWebLaboratory(options: WebLaboratoryOptions): Promise<Laboratory> {
  const { root, runtime, codecs, progress = silent, startBatchWorker, ...machine } = options;
  const cores = options.threads ?? navigator.hardwareConcurrency;
  const threads = globalThis.crossOriginIsolated === true ? cores : 1;
  const engine = await createWebEngine({ threads, files: runtime });
  return {
    engine,
    files: storedFiles(root),
    images: createWebFrameCodec(codecs),
    machine: createWebMachine({ ...machine, engine, threads }),
    progress,
    threads,
    openBatches: (cases, settings) => createWorkerBatchSource(startBatchWorker, cases, settings),
  };
}
