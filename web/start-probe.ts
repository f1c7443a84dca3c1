/** Starts the worker that tries the graphics card, which is a file beside the page. */
import type { ProbePort } from '../src/platform/web/device-probe.ts';

export function startProbe(): ProbePort {
  return new Worker(new URL('./probe-thread.ts', import.meta.url), { type: 'module' });
}
