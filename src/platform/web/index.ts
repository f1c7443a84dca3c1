/** `voxstill/web`: the engine for pages and workers. Everything portable comes from `voxstill`. */
export { createWebEngine, type WebEngineOptions } from './engine.ts';
