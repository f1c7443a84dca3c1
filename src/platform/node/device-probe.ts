/**
 * Finds out whether a graphics card can be used, in a process of its own, since a driver can end the process that loads
 * it: a convolution with its gradients must give the processor's numbers.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';
import { type DeviceProbe, type DeviceTrial, deviationProblem, type Gpu } from '../../runtime/device.ts';

/** How the probe of a device ended in Node. */
export interface NodeDeviceProbe extends DeviceProbe {
  /** The graphics cards that ONNX Runtime finds in this machine, whether the device can use them or not. */
  readonly hardware: readonly string[];
}

/** Time that a probe may take, ms; software adapters compile slowly. */
const MOST_MS = 120_000;
/** Characters of the output that are kept. */
const KEPT_CHARACTERS = 200_000;

const trialSchema = z.object({
  deviation: z.number(),
  times: z.object({ deviceMs: z.number(), cpuMs: z.number() }).optional(),
});

/** Words of Node with which it runs a file of this folder, whether it is built or still TypeScript. */
function programOf(name: string): readonly string[] {
  if (import.meta.url.endsWith('.js')) return [new URL(`./${name}.js`, import.meta.url).pathname];
  return ['--import', import.meta.resolve('tsx'), new URL(`./${name}.ts`, import.meta.url).pathname];
}

/** Cards that ONNX Runtime lists among the hardware (type 1 is a graphics card), each once. */
export function hardwareIn(log: string): readonly string[] {
  const found = log.matchAll(/OrtHardwareDevice \{vendor_id:(\w+), device_id:(\w+), vendor:(.*?), type:1,/g);
  const names = [...found].map(
    ([, vendorId = '', deviceId = '', vendor = '']) =>
      `${vendor.trim() || 'unknown vendor'} (${vendorId.replace('0x', '')}:${deviceId.replace('0x', '')})`,
  );
  return [...new Set(names)];
}

/** What stands in the way, from the error of ONNX Runtime, in a few words. */
export function reasonIn(said: string): string {
  if (/No supported adapters|Failed to get a WebGPU adapter/.test(said)) {
    return 'no graphics adapter was found; on Linux a Vulkan driver is needed';
  }
  if (/Failed to load shared library/.test(said)) return "ONNX Runtime's CUDA libraries are not installed";
  const line = said
    .split('\n')
    .map(text => text.trim())
    .findLast(text => /error|fail|status/i.test(text) && !text.startsWith('at '));
  return line?.slice(0, 300) ?? 'the probe said nothing';
}

export interface ProbeOptions {
  /** Threads of the processor, per operator. */
  readonly threads: number;
  /** Whether the device is also timed beside the processor. */
  readonly isTimed: boolean;
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runProbe(device: Gpu, { threads, isTimed }: ProbeOptions): Promise<Ended> {
  const words = [device, String(threads), ...(isTimed ? ['timed'] : [])];
  const child = spawn(process.execPath, [...programOf('device-probe-process'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: MOST_MS,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(0, KEPT_CHARACTERS);
    });
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, ...output };
}

/** The trial that a probe printed. */
function trialIn(stdout: string): DeviceTrial | undefined {
  const line = stdout.split('\n').find(text => text.startsWith('{"deviation"'));
  if (line === undefined) return undefined;
  const parsed = trialSchema.safeParse(JSON.parse(line));
  return parsed.success ? parsed.data : undefined;
}

/** Why a device that was tried cannot be used. */
function problemOf({ code, signal, stderr }: Ended, trial: DeviceTrial | undefined): string | undefined {
  if (trial !== undefined) return deviationProblem(trial);
  if (signal === 'SIGKILL') return `it did not compute a convolution within ${MOST_MS / 1000} s`;
  if (signal !== null || (code ?? 0) > 128) return `its driver ended the probe (${signal ?? `exit code ${code}`})`;
  return reasonIn(stderr);
}

/** Probes a device beside the processor. */
export async function probeDevice(device: Gpu, options: ProbeOptions): Promise<NodeDeviceProbe> {
  const ended = await runProbe(device, options);
  const trial = trialIn(ended.stdout);
  return { device, hardware: hardwareIn(ended.stderr), trial, problem: problemOf(ended, trial) };
}
