/** Runs a training step by hand, without the trainer, so that every number that comes out can be looked at. */
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import type { NetworkNormalization } from '../../src/nn/layers.ts';
import { collectParameters } from '../../src/nn/parameters.ts';
import { unet } from '../../src/nn/unet.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { adam, biasCorrections } from '../../src/optim/adam.ts';
import type { Optimizer } from '../../src/optim/optimizer.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import type { Model } from '../../src/training/forward.ts';
import type { HardLossOptions } from '../../src/training/hard-loss.ts';
import { ANNOTATED, buildTrainingStep, type StepOptions } from '../../src/training/step.ts';
import { ADAPTERS } from '../../src/training/update.ts';

/** What one step gave; adapters are part of the state. */
export interface StepOutcome {
  readonly losses: Readonly<Record<string, number>>;
  readonly theta: Float32Array;
  readonly state: Readonly<Record<string, Float32Array>>;
}

/** A U-Net of two convolutions per level and three classes for one image channel. */
export function smallUnet(features: readonly number[], normalization: NetworkNormalization = 'instance'): Model {
  const network = unet({ features, convolutionsPerLevel: 2, normalization, negativeSlope: 0.01, classes: 3 });
  const size = 2 ** features.length;
  return { network, specs: collectParameters(network, [1, 1, size, size, size]) };
}

/** Adam as PyTorch has it by default. */
export function plainAdam(): Optimizer {
  return adam({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }, count => new Float32Array(count));
}

/** Cross-entropy + soft Dice per sample without the background. */
export const HARD_LOSS: HardLossOptions = {
  crossEntropy: { weight: 1, kind: 'categorical', classWeights: 'uniform' },
  dice: { weight: 1, batch: false, background: false, squared: false, smooth: 1e-5 },
};

/** All voxels alike. */
export const PLAIN_VOXELS = { classWeights: 'uniform', foregroundWeight: 1, boundaryWeight: 1 } as const;

/** The soft-target term as plain as it can be; steps by hand are told weight and temperature by name. */
export const KD = {
  method: 'kd',
  name: 'kd',
  weight: 0.5,
  temperature: 2,
  ...PLAIN_VOXELS,
} as const;

/** Runs `steps` steps on one batch; hyper-parameters other than the optimizer's bias corrections come by name. */
export async function runSteps(
  engine: Engine,
  options: StepOptions,
  run: {
    readonly block: number;
    readonly steps: number;
    readonly theta: Float32Array;
    /** Initial values of the step's adapters, where it has any. */
    readonly adapters?: Float32Array;
    readonly image: Float32Array;
    readonly label: Int32Array;
    /** Channels of each sample that were looked for, where the step has partly annotated samples. */
    readonly annotated?: Float32Array;
    readonly hyper: Readonly<Record<string, number>>;
  },
): Promise<readonly StepOutcome[]> {
  const { imageShape, optimizer } = options;
  const step = buildTrainingStep(options);
  const session = await engine.load(encodeModel(lower(step.graph, { block: run.block })));
  const flat = (data: Float32Array): Tensor => tensor('float32', data, [data.length]);
  let theta = run.theta;
  const { adapters } = run;
  const count = theta.length + (adapters?.length ?? 0);
  let state: StepOutcome['state'] = {
    ...Object.fromEntries(optimizer.stateNames.map(name => [name, new Float32Array(count)])),
    ...(adapters && { [ADAPTERS]: adapters }),
  };
  const outcomes: StepOutcome[] = [];
  for (let index = 0; index < run.steps; index++) {
    const [biasCorrection1, biasCorrection2] = biasCorrections(optimizer, index);
    const numbers: Record<string, number> = { ...run.hyper, biasCorrection1, biasCorrection2 };
    const results = await session.run({
      image: tensor('float32', run.image, imageShape),
      ...(step.labelShape && { label: tensor('int32', run.label, step.labelShape) }),
      ...(run.annotated && { [ANNOTATED]: tensor('float32', run.annotated, step.annotatedShape ?? []) }),
      theta: flat(theta),
      ...Object.fromEntries(Object.entries(state).map(([name, values]) => [name, flat(values)])),
      hyper: flat(Float32Array.from(step.hyperNames, name => numbers[name] ?? Number.NaN)),
    });
    const values = (name: string): Float32Array => results[name]?.data as Float32Array;
    theta = values('theta.next');
    state = Object.fromEntries(Object.keys(state).map(name => [name, values(`${name}.next`)]));
    const losses = Object.fromEntries(step.lossNames.map((name, place) => [name, values('losses')[place] as number]));
    outcomes.push({ losses, theta, state });
  }
  await session.dispose();
  return outcomes;
}
