/**
 * Computes the costs of a network before it runs: parameters, multiply-adds, field of view, and the memory of training
 * and inference. Memory is the resident size of a process that does nothing else: the process itself, the lowered
 * model, the tensors of a run, and the vectors that go in and out. Data sets are not included. All sizes are in bytes.
 */
import { elementCount, type Shape, type Triple } from '../core/shape.ts';
import { spatial } from '../graph/infer.ts';
import { type Geometry, outputSize } from '../nn/geometry.ts';
import { parameterCount } from '../nn/parameters.ts';
import { lower } from '../onnx/lower.ts';
import { peakTensorBytes, tensorBytes } from '../onnx/measure-lowered.ts';
import { BLOCKED_DOMAIN, type LoweredModel } from '../onnx/model.ts';
import type { Engine } from '../runtime/engine.ts';
import { multiplyAdds } from './export.ts';
import { buildForward } from './forward.ts';
import { buildTrainingStep, type StepOptions } from './step.ts';

export interface ModelCosts {
  /** Number of trained parameters. */
  readonly parameters: number;
  /** Multiply-adds of one forward pass over one patch. */
  readonly multiplyAdds: number;
  /** Field of view in voxels, D, H, W. */
  readonly fieldOfView: Triple;
  /** Size of the result for one patch, D, H, W. */
  readonly outputSize: Triple;
  /** Peak memory of a process that trains it with this batch. */
  readonly trainingBytes: number;
  /** Peak memory of a process that runs it on one patch. */
  readonly inferenceBytes: number;
}

const MEGABYTE = 2 ** 20;
/** Measured memory of Node with ONNX Runtime and this package loaded and a graph built. */
const PROCESS_BYTES = 122 * MEGABYTE;
/**
 * Ratio of the arena's size to the living tensors: the runtime moves nodes when it fuses some, so results live longer
 * than necessary, and the arena grows by doubling and returns nothing. Measured over U-Nets, MeshNets and DeepMedics;
 * see bench/memory.mjs.
 */
const ARENA_FACTOR = { plain: 1.6, blocked: 2.2 } as const;
/** Copies of the constants: the bytes of the model, the runtime's parsed model and its tensors. */
const CONSTANT_COPIES = 3;
/** Number of runs whose parameters and other vectors remain before garbage collection. */
const GENERATIONS = 4;
/** Number of batches in memory: those that wait, and the current one. */
const BATCHES = 4;

/** Fraction of the convolutions that run on channel blocks. */
function blockedShare({ nodes }: LoweredModel): number {
  const convolutions = nodes.filter(({ op }) => op === 'Conv');
  return convolutions.filter(({ domain }) => domain === BLOCKED_DOMAIN).length / Math.max(1, convolutions.length);
}

/** Memory of a process that runs a lowered model. */
function processBytes(model: LoweredModel): number {
  const constants = model.initializers.reduce((sum, content) => sum + tensorBytes(content), 0);
  const factor = ARENA_FACTOR.plain + (ARENA_FACTOR.blocked - ARENA_FACTOR.plain) * blockedShare(model);
  return PROCESS_BYTES + CONSTANT_COPIES * constants + factor * peakTensorBytes(model);
}

/** Size in bytes of 4-byte numbers. */
const numbers = (count: number): number => count * Float32Array.BYTES_PER_ELEMENT;

/**
 * Peak memory of a process that trains a network.
 * @param form channel block of the engine, 0 for standard operators only; whether it has the form for graphics cards
 */
export function trainingMemory(step: StepOptions, form: Pick<Engine, 'block' | 'folded'>): number {
  const { student, imageShape, optimizer, emaDecay = null, accumulate = 1 } = step;
  const trained = parameterCount(student.specs.filter(spec => spec.role !== 'buffer'));
  const training = lower(buildTrainingStep(step).graph, form);
  const copies = emaDecay === null ? 1 : 2;
  const moments = optimizer.stateNames.length + (accumulate > 1 ? 1 : 0);
  const vectors = numbers(GENERATIONS * (copies * parameterCount(student.specs) + moments * trained));
  const batch = numbers(elementCount(imageShape) + elementCount(imageShape.with(1, 1)));
  return Math.round(processBytes(training) + vectors + BATCHES * batch);
}

/**
 * Costs of a network and its training.
 * @param step the training, its batch and patch
 * @param options.block channel block of the engine, 0 for standard operators only
 * @throws {InputError} E_PATCH_SIZE if the network cannot take the patch
 */
export function modelCosts(
  step: StepOptions,
  { geometry, block }: { readonly geometry: Geometry; readonly block: number },
): ModelCosts {
  const { student, imageShape } = step;
  const size = outputSize(geometry, spatial(imageShape));
  const trained = parameterCount(student.specs.filter(spec => spec.role !== 'buffer'));
  const all = parameterCount(student.specs);
  const single: Shape = imageShape.with(0, 1);
  const inference = lower(buildForward(student, single), { block, frozen: true });
  return {
    parameters: trained,
    multiplyAdds: multiplyAdds(student, imageShape),
    fieldOfView: geometry.fieldOfView,
    outputSize: size,
    trainingBytes: trainingMemory(step, { block }),
    inferenceBytes: Math.round(processBytes(inference) + numbers(all + elementCount(single))),
  };
}
