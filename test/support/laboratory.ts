/** A laboratory for tests: files in memory, a clock that ticks by itself, and a "model" that is a function. */
import { createHash } from 'node:crypto';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { createBatchSource } from '../../src/data/loader.ts';
import type { Laboratory } from '../../src/experiment/laboratory.ts';
import type { Machine } from '../../src/experiment/machine.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import type { FrameCodec } from '../../src/runtime/frame-codec.ts';
import { type Progress, silent } from '../../src/runtime/progress.ts';
import { type MemoryFiles, memoryFiles } from './memory-files.ts';

/** Hexadecimal SHA-256. */
export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Every look at the clock is half a second after the one before. */
function fixedMachine(): Machine {
  let ms = 0;
  return {
    provenance: {
      versions: { voxstill: '0' },
      host: { system: 'test', cpu: 'test', cores: 1, memoryBytes: 1 },
    },
    now: () => '2026-01-01T00:00:00.000Z',
    elapsedMs: () => {
      ms += 500;
      return ms;
    },
    sha256,
    resetPeak: () => {},
    peakBytes: () => 1000,
    owner: { node: 'node', host: 'host', pid: 1, start: null, job: null },
    hasEnded: () => false,
    // until the signal fires: a test's work is over before any time has passed
    wait: (_, signal) => new Promise(resolve => signal?.addEventListener('abort', () => resolve(), { once: true })),
  };
}

/** An engine whose every model is the function: float input [N, C, D, H, W] to output. */
export function functionEngine(model: (input: Tensor) => Tensor): Engine & { readonly open: () => number } {
  let open = 0;
  return {
    name: 'function',
    device: 'cpu',
    block: 0,
    open: () => open,
    load: async () => {
      open++;
      return {
        inputNames: ['image'],
        outputNames: ['logits'],
        run: async feeds => ({ logits: model(feeds['image'] as Tensor) }),
        dispose: async () => {
          open--;
        },
      };
    },
  };
}

/** What {@link thresholdModel} would say of itself. */
export const BLOB_FACTS = {
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'blob' },
  ],
  normalize: 'none',
  activation: 'softmax',
} as const;

/** Two classes by threshold: the foreground is where the first channel is above 0.5. */
export function thresholdModel(input: Tensor): Tensor {
  const [n = 1, channels = 1, ...size] = input.shape;
  const voxels = size.reduce((product, length) => product * length, 1);
  const logits = new Float32Array(n * 2 * voxels);
  for (let sample = 0; sample < n; sample++) {
    for (let voxel = 0; voxel < voxels; voxel++) {
      const value = Number(input.data[sample * channels * voxels + voxel]);
      logits[(sample * 2 + 1) * voxels + voxel] = value > 0.5 ? 9 : -9;
    }
  }
  return tensor('float32', logits, [n, 2, ...size]);
}

/** Bytes of a model file with this metadata; what it computes is the engine's affair. */
export function modelBytes(
  metadata: Readonly<Record<string, string>>,
  inputShape: readonly (number | string)[] = ['N', 1, 4, 4, 4],
  outputShape: readonly (number | string)[] = ['N', 2, 'D', 'H', 'W'],
): Uint8Array {
  return encodeModel({
    nodes: [{ name: 'node', op: 'Conv', inputs: ['image', 'w'], outputs: ['logits'], attributes: {} }],
    initializers: [{ name: 'w', ...tensor('float32', new Float32Array(2), [2, 1, 1, 1, 1]) }],
    inputs: [{ name: 'image', dataType: 'float32', shape: inputShape }],
    outputs: [{ name: 'logits', dataType: 'float32', shape: outputShape }],
    metadata,
  });
}

const refuse = (): never => {
  throw new Error('this test reads NIfTI only');
};

/** For tests that read and write NIfTI only. */
export const niftiOnly: FrameCodec = { decode: refuse };

export function createLaboratory(
  engine: Engine,
  files: MemoryFiles = memoryFiles(),
  progress: Progress = silent,
): Laboratory & { readonly files: MemoryFiles } {
  return {
    engine,
    files,
    images: niftiOnly,
    machine: fixedMachine(),
    progress,
    threads: 1,
    openBatches: createBatchSource,
  };
}
