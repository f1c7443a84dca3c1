/**
 * Everything that an experiment needs, in a worker of a page: ONNX Runtime, files in the browser's own storage, and
 * batches made in a second worker.
 */
import type { Laboratory } from '../../experiment/laboratory.ts';
import type { DeviceChoice } from '../../runtime/device.ts';
import { type Progress, silent } from '../../runtime/progress.ts';
import type { CodecSources } from '../frame-codecs.ts';
import { type BatchPort, createWorkerBatchSource } from './batch-worker.ts';
import { type FoundBackend, findBackend, type Probe, type ProbeWork } from './device-probe.ts';
import { createWebEngine } from './engine.ts';
import { createWebFrameCodec } from './frame-codec.ts';
import { createWebMachine, type WebMachineOptions } from './machine.ts';
import { type StoredFolder, storedFiles } from './stored-files.ts';

export interface WebLaboratoryOptions extends Omit<WebMachineOptions, 'engine' | 'threads'> {
  /** Folder of the browser's storage that all paths start from; held by this worker. */
  readonly root: StoredFolder;
  /** Addresses of ONNX Runtime's files, of both builds. */
  readonly runtimes: ProbeWork['runtimes'];
  /** What computes; the processor if not given. */
  readonly device?: DeviceChoice;
  /** Decoders of compressed pictures. */
  readonly codecs: CodecSources;
  /** Threads per operator; one per core if not given, one in a page that is not cross-origin isolated. */
  readonly threads?: number;
  /** Receiver of progress; none if not given. */
  readonly progress?: Progress;
  /** Receives what computes, and how the trial of another device than the processor went. */
  readonly onDevice?: (found: FoundBackend) => void;
  /** Starts a worker whose program calls serveBatches. */
  readonly startBatchWorker: () => BatchPort;
  /** Tries the graphics card. */
  readonly probe: Probe;
}

/**
 * Starts the engine and builds a laboratory, for runExperiment and similar functions. Call it in a worker. A graphics
 * card is tried first.
 * @throws {InputError} E_DEVICE if a device that was asked for cannot be used
 * @throws {WorkError} E_ONNXRUNTIME_WEB
 */
export async function createWebLaboratory(options: WebLaboratoryOptions): Promise<Laboratory> {
  const { root, runtimes, codecs, device = 'cpu', progress = silent, ...others } = options;
  const { onDevice, startBatchWorker, probe, ...machine } = others;
  const cores = options.threads ?? navigator.hardwareConcurrency;
  const threads = globalThis.crossOriginIsolated === true ? cores : 1;
  const found = await findBackend(device, probe);
  onDevice?.(found);
  const { backend } = found;
  const engine = await createWebEngine({
    backend,
    threads,
    files: runtimes[backend],
    onWarning: ({ code, message }) => progress.warn(`${code}: ${message}`),
  });
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
