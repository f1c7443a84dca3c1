/**
 * Finds out whether a page can compute on the graphics card, in a worker of its own, since a driver can take the card
 * away or never answer: a convolution with its gradients must give the numbers of WebAssembly.
 */
import { InputError } from '../../core/errors.ts';
import { tryDevice } from '../../onnx/device-trial.ts';
import {
  type DeviceChoice,
  type DeviceProbe,
  type DeviceTrial,
  deviationProblem,
  isWorthwhile,
  probeText,
} from '../../runtime/device.ts';
import { createWebEngine, type RuntimeFiles, type WebBackend } from './engine.ts';

/** What is tried. */
export interface ProbeWork {
  readonly runtimes: Readonly<Record<WebBackend, RuntimeFiles>>;
  /** Threads of WebAssembly, per operator. */
  readonly threads: number;
  /** Whether the card is also timed beside WebAssembly. */
  readonly isTimed: boolean;
}

/** How it went. */
export type ProbeReply = { readonly trial: DeviceTrial } | { readonly problem: string };

/** A worker that tries the card, as far as it is used. */
export interface ProbePort {
  postMessage(message: ProbeWork): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<ProbeReply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** Time that a probe may take, ms; software adapters compile slowly. */
const MOST_MS = 120_000;

/**
 * Probes WebGPU beside WebAssembly.
 * @param start starts a worker whose program calls {@link serveProbe}; it is ended here
 */
export async function probeWebGpu(
  start: () => ProbePort,
  work: ProbeWork,
  { mostMs = MOST_MS }: { readonly mostMs?: number } = {},
): Promise<DeviceProbe> {
  const worker = start();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const reply = await new Promise<ProbeReply>(resolve => {
    timer = setTimeout(
      () => resolve({ problem: `it did not compute a convolution within ${Math.round(mostMs / 1000)} s` }),
      mostMs,
    );
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => resolve({ problem: `the worker that tries it has ended: ${message}` });
    worker.postMessage(work);
  });
  clearTimeout(timer);
  worker.terminate();
  if ('problem' in reply) return { device: 'webgpu', trial: undefined, problem: reply.problem };
  return { device: 'webgpu', trial: reply.trial, problem: deviationProblem(reply.trial) };
}

async function tryWebGpu({ runtimes, threads, isTimed }: ProbeWork): Promise<ProbeReply> {
  const left: string[] = [];
  const card = await createWebEngine({
    ...{ backend: 'webgpu', threads, files: runtimes.webgpu },
    onWarning: ({ message }) => left.push(message),
  });
  const cpu = await createWebEngine({ threads, files: runtimes.wasm });
  const trial = await tryDevice(card, cpu, { now: () => performance.now(), isTimed });
  const [text] = left;
  return text === undefined ? { trial } : { problem: text };
}

/** What the worker's own side is, as far as it is used. */
export interface ProbeScope {
  postMessage(message: ProbeReply): void;
  onmessage: ((event: MessageEvent<ProbeWork>) => void) | null;
}

/**
 * The program of the worker.
 * @param scope the worker itself
 * @param attempt how the card is tried
 */
export function serveProbe(scope: ProbeScope, attempt: (work: ProbeWork) => Promise<ProbeReply> = tryWebGpu): void {
  scope.onmessage = async ({ data }) => {
    try {
      scope.postMessage(await attempt(data));
    } catch (error) {
      scope.postMessage({ problem: error instanceof Error ? error.message : String(error) });
    }
  };
}

/** Tries the card. */
export type Probe = (options: Pick<ProbeWork, 'isTimed'>) => Promise<DeviceProbe>;

/** What computes in a page, and why. */
export interface FoundBackend {
  readonly backend: WebBackend;
  /** How the probe went, in a few words; undefined where nothing was tried. */
  readonly reason: string | undefined;
}

/**
 * The backend for a choice: WebAssembly for the processor, WebGPU only where it computes correctly, and for `auto`
 * where it is faster too.
 * @param probe tries the card
 * @throws {InputError} E_DEVICE if a device that was asked for cannot be used
 */
export async function findBackend(choice: DeviceChoice, probe: Probe): Promise<FoundBackend> {
  if (choice === 'cpu') return { backend: 'wasm', reason: undefined };
  if (choice === 'cuda') {
    throw new InputError('E_DEVICE', 'cuda was asked for, which pages do not have. Ask for webgpu, auto or cpu.');
  }
  const found = await probe({ isTimed: choice === 'auto' });
  if (choice === 'auto') return { backend: isWorthwhile(found) ? 'webgpu' : 'wasm', reason: probeText(found) };
  if (found.problem === undefined) return { backend: 'webgpu', reason: probeText(found) };
  throw new InputError(
    'E_DEVICE',
    `webgpu was asked for, but it cannot be used here: ${found.problem}. Compute on WebAssembly.`,
  );
}
