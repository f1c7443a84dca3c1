/** How many threads ONNX Runtime computes with in WebAssembly. */

/** One per core; a single one where the page is not isolated, since threads share their memory. */
export function threadsOfPage(): number {
  return crossOriginIsolated ? navigator.hardwareConcurrency : 1;
}
