/** Takes the place of ../start-probe.ts in the page that is one html file, which computes by WebAssembly alone. */
import type { ProbePort } from '../../src/platform/web/device-probe.ts';

export function startProbe(): ProbePort {
  throw new Error('internal: one html file has no build for graphics cards');
}
