/** How many bytes a piece of code allocates, told by the constructors that it calls. */
import { vi } from 'vitest';

/** Bytes of typed arrays and buffers that are made while a function runs; views are free. What a library took hold
 * of before, such as fflate's own arrays, is not seen. */
export function countAllocations<T>(action: () => T): { readonly result: T; readonly bytes: number } {
  let bytes = 0;
  for (const name of ['Float32Array', 'Uint8Array', 'ArrayBuffer', 'Float64Array', 'Int32Array'] as const) {
    const original = globalThis[name];
    const counting = new Proxy(original, {
      construct: (target, args: unknown[], newTarget) => {
        const made = Reflect.construct(target, args, newTarget === counting ? target : newTarget) as
          | ArrayBufferView
          | ArrayBuffer;
        if (!(args[0] instanceof ArrayBuffer)) bytes += made.byteLength;
        return made;
      },
    });
    vi.stubGlobal(name, counting);
  }
  try {
    return { result: action(), bytes };
  } finally {
    vi.unstubAllGlobals();
  }
}
