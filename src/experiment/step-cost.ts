/**
 * What a training step of a U-Net costs, before anything is built: a count of multiply-adds and of the voxels that its convolutions give,
 * times what such counts were measured to take. Good to about a third; what is measured later is what counts.
 */
import { elementCount } from '../core/shape.ts';
import { GraphBuilder, isOp, reachable } from '../graph/graph.ts';
import { collectParameters, parameterCount } from '../nn/parameters.ts';
import { unet } from '../nn/unet.ts';
import type { Xyz } from '../volume/volume.ts';
import type { PlannedUnet } from './plan.ts';

export interface StepCost {
  readonly parameters: number;
  /** Of one forward pass over one patch. */
  readonly multiplyAdds: number;
  /** Largest resident memory of the process while it trains. */
  readonly trainingBytes: number;
  readonly stepMs: number;
}

export interface StepToCost {
  readonly network: PlannedUnet;
  /** A network whose forward pass is part of the step. */
  readonly frozen?: PlannedUnet;
  readonly channels: number;
  readonly classes: number;
  readonly patchVoxels: Xyz;
  readonly batch: number;
  readonly cores: number;
}

/** Of one patch and forward pass. */
interface Counts {
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Values that convolutions give. */
  readonly activations: number;
}

/**
 * Measured on two cores of an AMD EPYC with U-Nets 16-32-64 and 4-8-16, batch 2 of 40x56x40: 418 and 87 ms, 541 and 262 MB (README).
 * Solved for a cost per multiply-add and per value, forward and backward together.
 */
const MEASURED = {
  cores: 2,
  msPerGigaMultiplyAdd: 3.1,
  msPerMegaValue: 22,
  bytesPerValue: 32,
  processBytes: 120e6,
  /** Three passes of multiply-adds: forward, gradient to the image, gradient to the kernels. */
  passes: 3,
  /** Parameters, gradients and two moments, in and out of the engine. */
  bytesPerParameter: 32,
} as const;

function countsOf({ features, kernels, pooling }: PlannedUnet, { channels, classes, patchVoxels }: StepToCost): Counts {
  const zyx = ([x, y, z]: Xyz): Xyz => [z, y, x];
  const network = unet({
    features,
    kernels: kernels.map(zyx),
    pooling: pooling.map(zyx),
    convolutionsPerLevel: 2,
    normalization: 'instance',
    negativeSlope: 0.01,
    classes,
  });
  const shape = [1, channels, ...zyx(patchVoxels)];
  const builder = new GraphBuilder();
  const logits = network(builder, builder.input('image', shape), {
    training: false,
    update: () => {},
    get: spec => builder.input(`parameter ${spec.name}`, spec.shape),
  });
  const convolutions = reachable([logits]).filter(value => isOp(value, 'Conv'));
  const sum = (count: (value: (typeof convolutions)[number]) => number): number =>
    convolutions.reduce((total, value) => total + count(value), 0);
  return {
    parameters: parameterCount(collectParameters(network, shape)),
    multiplyAdds: sum(value => elementCount(value.shape) * elementCount((value.inputs[1]?.shape ?? []).slice(1))),
    activations: sum(value => elementCount(value.shape)),
  };
}

/** Estimates what a training step takes. */
export function stepCost(step: StepToCost): StepCost {
  const { network, frozen, batch, cores } = step;
  const own = countsOf(network, step);
  const other = frozen === undefined ? undefined : countsOf(frozen, step);
  const milliseconds = ({ multiplyAdds, activations }: Counts): number =>
    (batch * (MEASURED.passes * MEASURED.msPerGigaMultiplyAdd * multiplyAdds)) / 1e9 +
    (batch * MEASURED.msPerMegaValue * activations) / 1e6;
  // a frozen network only goes forward: one pass of three, and its values are dropped on the way
  const share = 1 / MEASURED.passes;
  const allMs = milliseconds(own) + (other === undefined ? 0 : share * milliseconds(other));
  const values = batch * (own.activations + (other === undefined ? 0 : share * other.activations));
  return {
    parameters: own.parameters,
    multiplyAdds: own.multiplyAdds,
    trainingBytes:
      MEASURED.processBytes + MEASURED.bytesPerValue * values + MEASURED.bytesPerParameter * own.parameters,
    stepMs: (allMs * MEASURED.cores) / cores,
  };
}
