/** Devices: what is understood of a probe's output and of a profile, and which device `auto` takes. */
import { describe, expect, it } from 'vitest';
import { deviceHere } from '../../../src/cli/choose-executor.ts';
import { withDevice } from '../../../src/cli/flags/device.ts';
import { hardwareIn, reasonIn } from '../../../src/platform/node/device-probe.ts';
import { chooseDevice } from '../../../src/platform/node/engine.ts';
import { placementOf, placementText } from '../../../src/platform/node/placement.ts';
import { type DeviceProbe, probeText } from '../../../src/runtime/device.ts';

function probe(device: DeviceProbe['device'], deviceMs: number, problem?: string): DeviceProbe {
  return { device, trial: { deviation: 1e-7, times: { deviceMs, cpuMs: 10 } }, problem };
}

describe('the device that auto takes', () => {
  it('is the first that is right and faster than the processor', () => {
    expect(chooseDevice([probe('cuda', 12), probe('webgpu', 9)])).toBe('webgpu');
    expect(chooseDevice([probe('cuda', 8), probe('webgpu', 7)])).toBe('cuda');
  });

  it('is the processor where others are slower, wrong or not there', () => {
    const absent = { device: 'cuda', trial: undefined, problem: 'not installed' } as const;
    expect(chooseDevice([absent, probe('webgpu', 1, 'wrong')])).toBeUndefined();
    expect(chooseDevice([probe('webgpu', 10)])).toBeUndefined();
    expect(probeText(absent)).toBe('cuda: not installed');
    expect(probeText(probe('webgpu', 9))).toBe(
      'webgpu: 9.0 ms for a convolution with its gradients, 10.0 ms on the processor',
    );
  });
});

describe('the output of a probe', () => {
  it('names the graphics cards, each once, and no processor', () => {
    const line = (type: number, vendor: string) =>
      `[I:onnxruntime:, device_discovery_common.cc:34 operator()] Discovered OrtHardwareDevice {vendor_id:0x10de, device_id:0x2330, vendor:${vendor}, type:${type}, metadata: []}`;
    expect(hardwareIn([line(0, 'AMD'), line(1, 'NVIDIA'), line(1, 'NVIDIA')].join('\n'))).toEqual([
      'NVIDIA (10de:2330)',
    ]);
  });

  it('says in a few words what is missing', () => {
    expect(reasonIn('... Failed to get a WebGPU adapter: No supported adapters')).toMatch(/^no graphics adapter/);
    expect(reasonIn('OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library')).toMatch(/CUDA/);
    expect(reasonIn('first\nan error happened\n    at somewhere')).toBe('an error happened');
    expect(reasonIn('')).toBe('the probe said nothing');
  });
});

describe('a profile', () => {
  const node = (op_name: string, provider: string) => ({ name: `n_kernel_time`, args: { op_name, provider } });
  const text = JSON.stringify([
    { name: 'session_initialization', args: {} },
    node('Conv', 'WebGpuExecutionProvider'),
    node('Sign', 'CPUExecutionProvider'),
    node('Sign', 'CPUExecutionProvider'),
    node('MemcpyToHost', 'CPUExecutionProvider'),
    { ...node('Sign', 'CPUExecutionProvider'), name: 'n_fence_before' },
  ]);

  it('distinguishes the nodes that ran on the processor from those of the device and from copies', () => {
    expect(placementOf(text)).toEqual({ nodes: 4, onCpu: new Map([['Sign', 2]]) });
    expect(placementText(placementOf(text))).toMatch(/^2 of 4 nodes of a model ran on the processor.*: Sign \(2\)\.$/);
    expect(placementText({ nodes: 4, onCpu: new Map() })).toBeUndefined();
  });
});

describe('the device of a command', () => {
  it('is that of --device before --set', () => {
    expect(withDevice(['device=cpu'], { device: 'webgpu' })).toEqual(['device=cpu', 'device=webgpu']);
    expect(withDevice(['a=1'], {})).toEqual(['a=1']);
  });

  it('is needed here only where units run here', () => {
    expect(deviceHere('local', { device: 'cuda' })).toBe('cuda');
    expect(deviceHere('slurm', { device: 'cuda' })).toBe('cpu');
    expect(deviceHere('none', { device: 'cuda' })).toBe('cpu');
  });
});
