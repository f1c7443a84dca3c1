/** What computes: the processor, or a graphics card through one of ONNX Runtime's providers. */

/** Kinds of devices, by the name of ONNX Runtime's provider. */
export const DEVICE_KINDS = ['cpu', 'webgpu', 'cuda'] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];
/** A device other than the processor. */
export type Gpu = Exclude<DeviceKind, 'cpu'>;

/** What can be asked for: a device, or the fastest one that computes correctly. */
export const DEVICES = ['auto', ...DEVICE_KINDS] as const;
export type DeviceChoice = (typeof DEVICES)[number];

/** Median times of a convolution with its gradients, transfers included, ms. */
interface DeviceTimes {
  readonly deviceMs: number;
  /** On the processor, in its fastest form. */
  readonly cpuMs: number;
}

/** How a convolution with its gradients went on a device, beside the processor. */
export interface DeviceTrial {
  /** Largest difference from the processor's standard operators, relative to the largest number of each result. */
  readonly deviation: number;
  /** Absent where only the numbers were compared. */
  readonly times?: DeviceTimes | undefined;
}

/** Largest relative difference of results; float32 sums of a few hundred products in another order stay far below. */
const MOST_DEVIATION = 1e-4;

/** How the probe of a device ended: with a trial, or the reason why there is none. */
export interface DeviceProbe {
  readonly device: Gpu;
  readonly trial: DeviceTrial | undefined;
  /** Why the device cannot be used; undefined if it can. */
  readonly problem: string | undefined;
}

/** Why a device cannot be used whose trial came to an end; undefined if its numbers are right. */
export function deviationProblem({ deviation }: DeviceTrial): string | undefined {
  if (deviation <= MOST_DEVIATION) return undefined;
  return `a convolution and its gradients differ from the processor's by ${deviation.toPrecision(2)}, more than ${MOST_DEVIATION}`;
}

/** Whether a device computes correctly, and faster than the processor. */
export function isWorthwhile({ problem, trial }: DeviceProbe): boolean {
  return problem === undefined && trial?.times !== undefined && trial.times.deviceMs < trial.times.cpuMs;
}

/** How a probe went, in a few words. */
export function probeText({ device, problem, trial }: DeviceProbe): string {
  if (problem !== undefined) return `${device}: ${problem}`;
  if (trial?.times === undefined) return `${device}: computes correctly`;
  const { deviceMs, cpuMs } = trial.times;
  return `${device}: ${deviceMs.toFixed(1)} ms for a convolution with its gradients, ${cpuMs.toFixed(1)} ms on the processor`;
}
