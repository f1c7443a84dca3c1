/** The flag that chooses what computes. */
import { type Command, Option } from 'commander';
import type { DeviceChoice } from '../../runtime/device.ts';

/** Listed here, since a list of flags loads nothing that computes. */
const DEVICES = Object.keys({ auto: true, cpu: true, webgpu: true, cuda: true } satisfies Readonly<
  Record<DeviceChoice, true>
>);

/** The flag as commander parses it. */
export interface DeviceFlags {
  readonly device?: DeviceChoice | undefined;
}

/**
 * Adds --device.
 * @param options.standard what holds without it, as help says it
 */
export function addDeviceFlag(command: Command, { standard = 'cpu' }: { readonly standard?: string } = {}): Command {
  return command.addOption(
    new Option(
      '--device <which>',
      `what computes: the processor, a graphics card by WebGPU or CUDA, or, with auto, the fastest that computes correctly (default: ${standard})`,
    ).choices(DEVICES),
  );
}

/** Values of --set with the device, which counts more than one among them. */
export function withDevice(set: readonly string[], { device }: DeviceFlags): readonly string[] {
  return device === undefined ? set : [...set, `device=${device}`];
}
