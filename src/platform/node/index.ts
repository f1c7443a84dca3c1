/** `voxstill/node`: what the library adds under Node - files, ONNX Runtime, threads, and the machine for the record of a run. */
export { createThreadedBatchSource } from './batch-worker.ts';
export { createNodeEngine } from './engine.ts';
export { locate, nodeFiles } from './files.ts';
export { createNodeMachine } from './provenance.ts';
