/** The machine as a browser describes it: versions, clock and the memory of the engine, for the record of a run. */
import type { Machine, Owner } from '../../experiment/machine.ts';
import type { Engine } from '../../runtime/engine.ts';
import { wait } from '../wait.ts';

/** What the browser does not know and the page must say. */
export interface WebMachineOptions {
  /** Version of voxstill. */
  readonly version: string;
  /** Name and device of the engine. */
  readonly engine: Pick<Engine, 'name' | 'device'>;
  /** Threads per operator. */
  readonly threads: number;
  /** Hexadecimal SHA-256; the browser's own gives its result later, and this one at once. */
  readonly sha256: (data: Uint8Array) => string;
  /** Largest memory of WebAssembly so far, bytes; undefined before there is any. */
  readonly engineBytes: () => number | undefined;
}

/** Chromium's description of itself, which TypeScript's library of the DOM lacks. */
interface Described {
  readonly userAgentData?: { readonly platform?: string };
  /** GB, rounded, at most 8. */
  readonly deviceMemory?: number;
}

/** `Chrome 156.0`, `Firefox 140.0`; the whole description where it is of no known form. */
export function browserName(userAgent: string): string {
  const found =
    /(?:Edg|OPR|Firefox)\/[\d.]+/.exec(userAgent) ??
    /(?:HeadlessChrome|Chrome)\/[\d.]+/.exec(userAgent) ??
    /Version\/([\d.]+).*Safari/.exec(userAgent);
  if (found === null) return userAgent;
  return (found[1] === undefined ? found[0] : `Safari ${found[1]}`).replace('/', ' ');
}

/** This worker, among all that have ever worked in this browser's storage. */
function thisWorker(): Owner {
  // the same host for every browser: a folder that came from another one is held here now
  return { node: 'browser', host: 'storage of a browser', pid: 0, start: crypto.randomUUID(), job: null };
}

/**
 * This browser. Its folder must be held (held-folder.ts): every other owner of this browser's storage then counts as
 * ended. The peak memory is that of WebAssembly since the worker began, since it never shrinks.
 */
export function createWebMachine({ version, engine, threads, sha256, engineBytes }: WebMachineOptions): Machine {
  const { userAgent, hardwareConcurrency, userAgentData, deviceMemory = 0 } = navigator as Navigator & Described;
  const owner = thisWorker();
  return {
    provenance: {
      device: engine.device,
      versions: { voxstill: version, browser: browserName(userAgent), engine: engine.name, threads: String(threads) },
      host: {
        system: userAgentData?.platform ?? 'system not given by the browser',
        cpu: 'processor not given by the browser',
        cores: hardwareConcurrency,
        memoryBytes: deviceMemory * 2 ** 30,
      },
    },
    now: () => new Date().toISOString(),
    elapsedMs: () => performance.now(),
    sha256,
    resetPeak: () => {},
    peakBytes: () => engineBytes() ?? 0,
    owner,
    hasEnded: other => other.host === owner.host && other.start !== owner.start,
    wait,
  };
}
