/** Watches the memory that WebAssembly takes in this worker. Must start before an engine does. */

/**
 * Tracks every WebAssembly memory that is created from now on. They only grow, so their size is the peak of their use.
 * @returns bytes of the largest, undefined before there is one
 */
export function watchMemory(): () => number | undefined {
  const memories: WebAssembly.Memory[] = [];
  WebAssembly.Memory = class extends WebAssembly.Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.push(this);
    }
  };
  return () => (memories.length === 0 ? undefined : Math.max(...memories.map(({ buffer }) => buffer.byteLength)));
}
