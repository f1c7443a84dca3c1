/**
 * The portable entry point of the library: the same in Node, a page and a worker. Engines and files come from
 * `voxstill/node` and `voxstill/web`. Every public name is listed; anything else may change without notice.
 */

// derivatives
export { gradient } from './autodiff/gradient.ts';
// values and errors
export { type ErrorCode, InputError, ShapeError, VoxstillError, WorkError } from './core/errors.ts';
export { type Random, random } from './core/random.ts';
export type { Shape, Triple } from './core/shape.ts';
export { type DataType, type Tensor, type TypedArrays, tensor } from './core/tensor.ts';
// data
export { type AugmentSettings, UNVARIED } from './data/augment/augmentation.ts';
export {
  type Batch,
  type BatchSettings,
  type BatchSource,
  createBatchSource,
  type TrainingCase,
} from './data/loader.ts';
export {
  type ImageNormalization,
  type ImageToNormalize,
  type NormalizationWarning,
  type NormalizedImage,
  normalize,
} from './data/normalize.ts';
export { generatePhantom, type Phantom, type PhantomOptions } from './data/phantom.ts';
export type { TrainingFacts } from './data/training-facts.ts';
export type { Layers } from './distillation/context.ts';
export type { Method, Methods } from './distillation/methods.ts';
export type { Ramp } from './distillation/ramp.ts';
export type { DistillationTerm } from './distillation/terms.ts';
// model files
export { formatModelMetadata } from './experiment/embedded-coarse.ts';
export type { ModelMetadata } from './experiment/model-facts.ts';
export {
  type CoarseFiles,
  type KnownFacts,
  type ModelFile,
  openModel,
  readModelFile,
} from './experiment/model-file.ts';
export { importModelFile, type OpenedSource, openModelSource } from './experiment/model-source.ts';
export { type OpenCascade, openCascade } from './experiment/open-cascade.ts';
// graphs
export { decompose } from './graph/decompose.ts';
export { fuse } from './graph/fuse.ts';
export { type Graph, GraphBuilder, type Operand, type Value } from './graph/graph.ts';
export type { ConvAttributes, OpAttributes, OpName } from './graph/ops.ts';
// inference
export {
  type CascadeOptions,
  type CascadeSegmentation,
  type CoarseStage,
  segmentCascade,
} from './inference/cascade.ts';
export type { ModelInfo, OpenModel } from './inference/model-info.ts';
export type { Expectation, PlausibilityWarning } from './inference/plausibility/bounds.ts';
export { volumeWarnings } from './inference/plausibility/class-volumes.ts';
export { imageWarnings } from './inference/plausibility/image.ts';
export {
  type Segmentation,
  type SegmentationWarning,
  type SegmentOptions,
  segment,
  segmentWithEnsemble,
} from './inference/predictor.ts';
// losses
export type { VoxelWeights } from './losses/class-weights.ts';
export { binaryCrossEntropy, categoricalCrossEntropy } from './losses/cross-entropy.ts';
export { type DiceOptions, diceLoss } from './losses/dice.ts';
export { attentionLoss } from './losses/distillation/attention.ts';
export { channelWiseLoss } from './losses/distillation/channel-wise.ts';
export { type DecoupledOptions, decoupledLoss } from './losses/distillation/decoupled.ts';
export { hintLoss } from './losses/distillation/hint.ts';
export { type LogitRegressionOptions, logitRegressionLoss } from './losses/distillation/logit-regression.ts';
export { type SoftTargetOptions, sigmoidSoftTargetLoss, softTargetLoss } from './losses/distillation/logits.ts';
export { regionAffinityLoss } from './losses/distillation/region-affinity.ts';
export { type RelationOptions, relationLoss } from './losses/distillation/relations.ts';
export { type SoftDiceOptions, softDiceLoss } from './losses/distillation/soft-dice.ts';
export type { SoftWeights } from './losses/distillation/voxel-mean.ts';
// metrics
export {
  type CaseScore,
  type ClassScore,
  type ClassSummary,
  type ScoreCaseOptions,
  type ScoreSummary,
  scoreCase,
  summarizeCases,
} from './metrics/case-score.ts';
// networks
export { type DeepmedicOptions, type DeepmedicPathway, deepmedic, deepmedicGeometry } from './nn/deepmedic.ts';
export {
  type GeneralizedUnetOptions,
  generalizedUnet,
  generalizedUnetGeometry,
  type Sides,
} from './nn/generalized-unet.ts';
export {
  type Geometry,
  type LegalLength,
  legalLengths,
  nearestSizes,
  outputSize,
  type Padding,
} from './nn/geometry.ts';
export type { HeadOptions } from './nn/head.ts';
export type { Activation, NetworkNormalization } from './nn/layers.ts';
export { type MeshnetOptions, meshnet, meshnetGeometry } from './nn/meshnet.ts';
export {
  collectFeatures,
  collectParameters,
  initialize,
  type Network,
  type ParameterSource,
  type ParameterSpec,
  parameterCount,
} from './nn/parameters.ts';
export { type ResidualUnetOptions, residualUnet, residualUnetGeometry } from './nn/residual-unet.ts';
export type { Pooling, Upsampling } from './nn/resize.ts';
export { type UnetOptions, unet, unetGeometry } from './nn/unet.ts';
// ONNX
export { encodeModel } from './onnx/encode.ts';
export { type LowerOptions, lower } from './onnx/lower.ts';
export type { OnnxModel } from './onnx/model.ts';
export { sealModel } from './onnx/seal.ts';
// optimizers
export { type AdamOptions, adam } from './optim/adam.ts';
export type { Optimizer } from './optim/optimizer.ts';
export type { Schedule } from './optim/schedules.ts';
export { type SgdOptions, sgd } from './optim/sgd.ts';
// what a platform provides
export type { Engine, Session } from './runtime/engine.ts';
export type { Files } from './runtime/files.ts';
export { type Progress, type ProgressTask, silent } from './runtime/progress.ts';
// training
export type { Checkpoint } from './training/checkpoint.ts';
export { type ModelCosts, modelCosts } from './training/costs.ts';
export { exportModel, multiplyAdds } from './training/export.ts';
export { buildForward, type Model } from './training/forward.ts';
export type { HardLossOptions } from './training/hard-loss.ts';
export type { TeacherCall, TeacherTensors } from './training/run-step.ts';
export { buildTrainingStep, type StepOptions, type TrainingStep } from './training/step.ts';
export type { ExternalTeacher, FrozenTeacher } from './training/teacher-in-step.ts';
export {
  type StepRecord,
  type TrainerOptions,
  type TrainingResult,
  type TrainingStore,
  train,
} from './training/trainer.ts';
// volumes
export {
  createNiftiHeader,
  type DecodeOptions,
  decodeLabels,
  decodeNifti,
  encodeNiftiImage,
  encodeNiftiLabels,
  type NiftiHeader,
} from './volume/nifti.ts';
export {
  resampleLabelsToSpacing,
  resampleToSpacing,
} from './volume/resample.ts';
export type { Affine, LabelVolume, Volume, Xyz } from './volume/volume.ts';
