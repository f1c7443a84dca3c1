/** The probe of a graphics card in a page: how its worker ends, and what computes then. */
import { describe, expect, it } from 'vitest';
import {
  findBackend,
  type ProbePort,
  type ProbeReply,
  type ProbeScope,
  type ProbeWork,
  probeWebGpu,
  serveProbe,
} from '../../../src/platform/web/device-probe.ts';
import type { DeviceProbe } from '../../../src/runtime/device.ts';

const WORK: ProbeWork = { runtimes: { wasm: { wasm: 'a' }, webgpu: { wasm: 'b' } }, threads: 2, isTimed: true };
const RIGHT = { deviation: 1e-7, times: { deviceMs: 2, cpuMs: 10 } };

/** A worker whose program runs here. */
function startWith(attempt: (work: ProbeWork) => Promise<ProbeReply>): ProbePort & { isEnded: boolean } {
  const scope: ProbeScope = {
    onmessage: null,
    postMessage: data => port.onmessage?.({ data: structuredClone(data) } as MessageEvent),
  };
  const port: ReturnType<typeof startWith> = {
    isEnded: false,
    onmessage: null,
    onerror: null,
    postMessage: data => scope.onmessage?.({ data: structuredClone(data) } as MessageEvent),
    terminate: () => {
      port.isEnded = true;
    },
  };
  serveProbe(scope, attempt);
  return port;
}

describe('probeWebGpu', () => {
  it('gives the trial of the worker, which is told what to try and is ended', async () => {
    const told: ProbeWork[] = [];
    const port = startWith(async work => {
      told.push(work);
      return { trial: RIGHT };
    });
    expect(await probeWebGpu(() => port, WORK)).toEqual({ device: 'webgpu', trial: RIGHT, problem: undefined });
    expect([told, port.isEnded]).toEqual([[WORK], true]);
  });

  it.each<[string, () => Promise<ProbeReply>, RegExp]>([
    ['computes wrongly', async () => ({ trial: { deviation: 0.01 } }), /differ from the processor's by 0\.010/],
    ['cannot be had', () => Promise.reject(new Error('no adapter')), /^no adapter$/],
    ['leaves operators', async () => ({ problem: 'no kernel' }), /^no kernel$/],
  ])('says what is the matter with a card that %s', async (_, attempt, problem) => {
    expect((await probeWebGpu(() => startWith(attempt), WORK)).problem).toMatch(problem);
  });

  it('waits neither for a card that never answers nor for a worker that has ended', async () => {
    const mute = startWith(() => new Promise(() => {}));
    expect((await probeWebGpu(() => mute, WORK, { mostMs: 1 })).problem).toMatch(/did not compute/);
    expect(mute.isEnded).toBe(true);
    const dead = startWith(() => new Promise(() => dead.onerror?.({ message: 'out of memory' } as ErrorEvent)));
    expect((await probeWebGpu(() => dead, WORK)).problem).toBe('the worker that tries it has ended: out of memory');
  });
});

describe('what computes in a page', () => {
  const found = (deviceMs: number, problem?: string): DeviceProbe => ({
    device: 'webgpu',
    trial: { deviation: 0, times: { deviceMs, cpuMs: 10 } },
    problem,
  });

  it('is WebGPU by itself only where it is right and faster, with the figures', async () => {
    expect(await findBackend('auto', async () => found(2))).toEqual({
      backend: 'webgpu',
      reason: 'webgpu: 2.0 ms for a convolution with its gradients, 10.0 ms on the processor',
    });
    expect((await findBackend('auto', async () => found(20))).backend).toBe('wasm');
    expect(await findBackend('auto', async () => found(2, 'wrong'))).toEqual({
      backend: 'wasm',
      reason: 'webgpu: wrong',
    });
  });

  it('is what was asked for, or an error that says why not', async () => {
    const timed: boolean[] = [];
    const slow = async ({ isTimed }: { readonly isTimed: boolean }) => {
      timed.push(isTimed);
      return found(20);
    };
    expect((await findBackend('webgpu', slow)).backend).toBe('webgpu');
    expect(timed).toEqual([false]);
    const never = () => Promise.reject(new Error('nothing is tried'));
    expect(await findBackend('cpu', never)).toEqual({ backend: 'wasm', reason: undefined });
    await expect(findBackend('cuda', never)).rejects.toMatchObject({ code: 'E_DEVICE' });
    await expect(findBackend('webgpu', async () => found(2, 'no adapter'))).rejects.toMatchObject({
      code: 'E_DEVICE',
      message: 'webgpu was asked for, but it cannot be used here: no adapter. Compute on WebAssembly.',
    });
  });
});
