/**
 * `voxstill/web`: what the library adds in pages and workers - ONNX Runtime, and the short way from a model and a
 * volume to labels.
 */
export {
  createWebEngine,
  hasWebGpu,
  type RuntimeFiles,
  type WebBackend,
  type WebEngineOptions,
  type WebEngineWarning,
} from './engine.ts';
export {
  type LoadModelOptions,
  loadModel,
  type SegmentProgress,
  segmentVolume,
  type WebModel,
  type WebSegmentation,
  type WebSegmentOptions,
} from './segmenter.ts';
