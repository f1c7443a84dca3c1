/** Watches the memory that WebAssembly takes in this worker. Must start before an engine does. */

/**
 * Keeps hold of every WebAssembly memory that is made from now on. They only grow, so their size is the most that was ever in use.
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
