/** What computes: the processor, or a graphics card through one of ONNX Runtime's providers. */

/** Kinds of devices, by the name of ONNX Runtime's provider. */
export const DEVICE_KINDS = ['cpu', 'webgpu', 'cuda'] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

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
