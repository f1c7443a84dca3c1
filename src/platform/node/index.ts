/**
 * `voxstill/node`: what the library adds under Node - files, ONNX Runtime, threads, and whole experiments in folders.
 */

// data sets
export type { CaseFiles } from '../../data/case-list.ts';
export { type Dataset, openDataset } from '../../data/dataset.ts';
export type { Finding } from '../../data/finding.ts';
export { type Fingerprint, type FingerprintOptions, fingerprintDataset } from '../../data/fingerprint.ts';
export { loadCase } from '../../data/loaded-case.ts';
export type { ReadVolume } from '../../data/read-volume.ts';
export { type SplitFractions, type Splits, splitCases } from '../../data/splits.ts';
export { type ValidateOptions, type ValidationReport, validateDataset } from '../../data/validation.ts';
export { encodeLabels, readLabels, readVolume, type VolumeSources } from '../../data/volume-file.ts';
// experiments
export { type ArmPlan, armCosts, type DataShape, planArm } from '../../experiment/arm-plan.ts';
export { type EvaluateOptions, evaluateModel } from '../../experiment/evaluate.ts';
export type { CaseFailure, PredictionFailure } from '../../experiment/failure.ts';
export type { Laboratory } from '../../experiment/laboratory.ts';
export type { Machine, Provenance } from '../../experiment/machine.ts';
export { type Plan, type PlanOptions, planExperiment } from '../../experiment/plan.ts';
export { formatPlan } from '../../experiment/plan-recipe.ts';
export { type Prediction, type PredictOptions, predictFiles } from '../../experiment/predict.ts';
export type { Arm, Evaluation } from '../../experiment/record.ts';
export { type Combination, combine, type GridAxis, parseGrid } from '../../recipe/grid.ts';
export { parseRecipe, resolveRecipe, stringifyRecipe } from '../../recipe/parse.ts';
export type { Recipe } from '../../recipe/schema.ts';
export type { Comparison } from '../../study/comparison/comparison.ts';
export {
  type Confirmation,
  type ConfirmedCase,
  keepConfirmed,
} from '../../study/correction/confirmed-cases.ts';
export { continueTraining } from '../../study/correction/continued.ts';
export {
  type CaseState,
  type CorrectableCase,
  type Corrections,
  type Round,
  readCorrections,
} from '../../study/correction/corrections.ts';
export { type CheckedCase, checkMeans, type RoundResult } from '../../study/correction/round-result.ts';
export { measureUnlabelled } from '../../study/correction/uncertain-cases.ts';
export { type DemoOptions, runDemo } from '../../study/demo.ts';
export { type ReadRun, readRun } from '../../study/read-run.ts';
export { type ArmOutcome, type RunOptions, runExperiment, trainOneArm } from '../../study/run.ts';
export { runSweep, type SweepOptions } from '../../study/sweep.ts';
export type { SweepResults } from '../../study/sweep-record.ts';
// the platform
export { createThreadedBatchSource } from './batch-worker.ts';
export { createNodeEngine } from './engine.ts';
export { locate, nodeFiles } from './files.ts';
export { createNodeLaboratory, createNodeSources, type NodeLaboratoryOptions } from './laboratory.ts';
export { createNodeMachine } from './provenance.ts';
