/** What can compute on this machine, with how a trial of each device went, for people and scripts. */
import { availableParallelism, cpus } from 'node:os';
import type { DeviceKind } from '../../runtime/device.ts';
import { probeDevice } from './device-probe.ts';
import { chooseDevice, createNodeEngine, GPUS } from './engine.ts';

/** A device and whether it can be used. */
interface DescribedDevice {
  readonly device: DeviceKind;
  readonly usable: boolean;
  /** The engine on the processor; the cards that ONNX Runtime finds in this machine. */
  readonly engine?: string;
  readonly hardware: readonly string[];
  /** Why it cannot be used. */
  readonly reason?: string | undefined;
  /** Largest difference of a convolution and its gradients from the processor's, relative to the largest number. */
  readonly deviation?: number | undefined;
  /** Times of a convolution with its gradients on the device and on the processor, ms. */
  readonly deviceMs?: number | undefined;
  readonly cpuMs?: number | undefined;
}

/** What `inspect --devices` prints. */
export interface DescribedDevices {
  readonly kind: 'devices';
  /** The device that `auto` takes. */
  readonly auto: DeviceKind;
  readonly devices: readonly DescribedDevice[];
}

/** Tries every device. @param threads of the processor; one per core if not given */
export async function describeDevices(threads = availableParallelism()): Promise<DescribedDevices> {
  const { name } = await createNodeEngine({ threads });
  const cpu = { device: 'cpu', usable: true, engine: name, hardware: [cpus()[0]?.model ?? 'unknown'] } as const;
  const probes = [];
  for (const gpu of GPUS) probes.push(await probeDevice(gpu, { threads, isTimed: true }));
  const others = probes.map(({ device, hardware, trial, problem }): DescribedDevice => {
    const usable = problem === undefined;
    const tried = trial && { deviation: trial.deviation, ...trial.times };
    return { device, usable, hardware, ...(problem !== undefined && { reason: problem }), ...tried };
  });
  return { kind: 'devices', auto: chooseDevice(probes) ?? 'cpu', devices: [cpu, ...others] };
}
