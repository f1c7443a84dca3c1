/** ONNX Runtime for Node as an {@link Engine}, on the processor or a graphics card. */
import { availableParallelism } from 'node:os';
import { InputError } from '../../core/errors.ts';
import { type DeviceChoice, type DeviceProbe, type Gpu, isWorthwhile, probeText } from '../../runtime/device.ts';
import type { Engine } from '../../runtime/engine.ts';
import { probeDevice } from './device-probe.ts';
import { loadRuntime, onCpu, onGpu } from './engine-parts.ts';
import { placementText } from './placement.ts';

/** Graphics cards in the order in which they are preferred. */
export const GPUS: readonly Gpu[] = ['cuda', 'webgpu'];

const ADVICE: Readonly<Record<Gpu, string>> = {
  webgpu: 'Install a driver for the graphics card',
  cuda: "Install CUDA 12, cuDNN 9 and ONNX Runtime's libraries for them (docs/devices.md)",
};

export interface NodeEngineOptions {
  /** Threads per operator; one per core if not given. */
  readonly threads?: number;
  /** What computes; the processor if not given. */
  readonly device?: DeviceChoice;
  /** Receives what a user should know of the device: why `auto` chose it. */
  readonly onNote?: (text: string) => void;
  /** Receives what a user should not miss: nodes of a model that a graphics card left to the processor. */
  readonly onWarning?: (text: string) => void;
}

/** The device that `auto` takes of those that were probed, the best first; undefined is the processor. */
export function chooseDevice(probes: readonly DeviceProbe[]): Gpu | undefined {
  return probes.find(isWorthwhile)?.device;
}

/** @throws {InputError} E_DEVICE if a device that was asked for cannot be used */
async function findDevice(
  choice: DeviceChoice,
  { threads, onNote }: { readonly threads: number; readonly onNote: (text: string) => void },
): Promise<Gpu | undefined> {
  if (choice === 'cpu') return undefined;
  if (choice === 'auto') {
    const probes: DeviceProbe[] = [];
    for (const gpu of GPUS) {
      probes.push(await probeDevice(gpu, { threads, isTimed: true }));
      if (isWorthwhile(probes.at(-1) as DeviceProbe)) break;
    }
    const chosen = chooseDevice(probes);
    onNote(`device: ${chosen ?? 'cpu'} (${probes.map(probeText).join('; ')})`);
    return chosen;
  }
  const { problem } = await probeDevice(choice, { threads, isTimed: false });
  if (problem === undefined) return choice;
  throw new InputError(
    'E_DEVICE',
    `${choice} was asked for, but it cannot be used here: ${problem}. ${ADVICE[choice]}, or ask for --device cpu. ` +
      '`voxstill inspect --devices` lists what there is.',
  );
}

/**
 * Starts ONNX Runtime.
 * @returns an engine whose `load` throws InputError E_MODEL_LOAD for bytes that are not a model, and whose `run` throws
 * WorkError E_MODEL_RUN
 * @throws {InputError} E_DEVICE if a device that was asked for cannot be used
 */
export async function createNodeEngine(options: NodeEngineOptions = {}): Promise<Engine> {
  const { threads = availableParallelism(), device = 'cpu', onNote = () => {}, onWarning = () => {} } = options;
  const gpu = await findDevice(device, { threads, onNote });
  // TensorFloat-32, which cards of NVIDIA take by themselves, has 10 bits for the digits
  if (gpu === 'cuda') process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  const runtime = await loadRuntime();
  const name = `onnxruntime-node ${runtime.version}`;
  if (gpu === undefined) {
    const parts = await onCpu(runtime, threads);
    const kernels = parts.block === 0 ? 'standard operators' : `channel blocks of ${parts.block}`;
    return { name: `${name} cpu, ${kernels}`, ...parts };
  }
  const onFallback = (placement: Parameters<typeof placementText>[0]): void => {
    const text = placementText(placement);
    if (text !== undefined) onWarning(`W_DEVICE_NODES: ${text}`);
  };
  const parts = onGpu(runtime, gpu, { threads, onFallback });
  return { name: `${name} ${gpu}, ${parts.folded === true ? 'folded' : 'standard'} operators`, ...parts };
}
