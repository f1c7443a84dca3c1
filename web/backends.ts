/**
 * What this browser can compute on, for a person to choose from: the faster one by itself, the graphics card if there
 * is one, the processor. The card is tried before it is used.
 */
import { type FoundBackend, findBackend, type Probe, probeWebGpu } from '../src/platform/web/device-probe.ts';
import { hasWebGpu } from '../src/platform/web/index.ts';
import type { DeviceChoice, DeviceProbe } from '../src/runtime/device.ts';
import { make } from './elements.ts';
import { isOneFile, runtimeFilesOfAll } from './own-files.ts';
import { computesText } from './report-text.ts';
import { startProbe } from './start-probe.ts';
import { threadsOfPage } from './threads.ts';

export interface Backends {
  /**
   * What is to compute. The card is tried the first time that it is needed.
   * @throws {InputError} E_DEVICE if the card was chosen and cannot be used
   */
  find(): Promise<FoundBackend>;
}

/** The device that is chosen in a list. */
export function deviceIn(list: HTMLSelectElement): DeviceChoice {
  return list.value === 'auto' || list.value === 'webgpu' ? list.value : 'cpu';
}

/** Tries the card the first time that it is asked for; a page that has timed it knows all about it. */
export function createProbe(): Probe {
  const known = new Map<boolean, Promise<DeviceProbe>>();
  return ({ isTimed }) => {
    const earlier = known.get(true) ?? known.get(isTimed);
    if (earlier !== undefined) return earlier;
    const probe = probeWebGpu(startProbe, { runtimes: runtimeFilesOfAll(), threads: threadsOfPage(), isTimed });
    known.set(isTimed, probe);
    return probe;
  };
}

/**
 * Fills the lists of choices.
 * @param lists the first is what {@link Backends} looks at
 */
export async function chooseBackends(
  lists: readonly [HTMLSelectElement, ...HTMLSelectElement[]],
  probe: Probe,
): Promise<Backends> {
  const found: readonly (readonly [string, string])[] = [
    // one html file leaves its build of ONNX Runtime out
    ...(!isOneFile() && (await hasWebGpu())
      ? ([
          ['auto', 'the faster of both, tried first'],
          ['webgpu', 'WebGPU'],
        ] as const)
      : []),
    ['wasm', computesText({ backend: 'wasm', reason: undefined })],
  ];
  for (const list of lists) {
    list.replaceChildren(...found.map(([value, text]) => make('option', { value }, text)));
    list.selectedIndex = 0;
  }
  return { find: () => findBackend(deviceIn(lists[0]), probe) };
}
