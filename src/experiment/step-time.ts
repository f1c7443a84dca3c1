/**
 * Estimates the time of a training step before anything runs: for every convolution the larger of the measured times of
 * its multiply-adds and of its values (wide layers are bound by arithmetic, narrow ones by memory). It is accurate to
 * about a third on the kind of processor that it was measured on. With an engine, a few steps on noise can be timed
 * instead.
 */
import { random } from '../core/random.ts';
import { elementCount, type Shape } from '../core/shape.ts';
import type { Batch } from '../data/loader.ts';
import { convolutionMultiplyAdds } from '../graph/convolution.ts';
import { GraphBuilder, isOp, reachable } from '../graph/graph.ts';
import { initialize } from '../nn/parameters.ts';
import { silent } from '../runtime/progress.ts';
import type { Model } from '../training/forward.ts';
import { labelShape } from '../training/hard-loss.ts';
import { train } from '../training/trainer.ts';
import type { ArmPlan } from './arm-plan.ts';
import type { Laboratory } from './laboratory.ts';

/**
 * On two cores of an AMD EPYC, U-Nets 16-32-64 and 4-8-16 with batches of two 40x56x40 patches take 229 and 58 ms per
 * step, and the frozen forward pass of the first adds 70 ms to the second. These numbers give 231, 59 and 69.
 */
const MEASURED = { cores: 2, msPerGigaMultiplyAdd: 12, msPerMegaValue: 14 } as const;
/** Time of a forward pass as a share of a whole step of the same network. */
export const FORWARD_SHARE = 0.3;

function trainingMs({ network }: Model, imageShape: Shape): number {
  const builder = new GraphBuilder();
  const logits = network(builder, builder.input('image', imageShape), {
    training: false,
    update: () => {},
    get: spec => builder.input(`parameter ${spec.name}`, spec.shape),
  });
  return reachable([logits])
    .filter(value => isOp(value, 'Conv') || isOp(value, 'ConvTranspose'))
    .reduce((sum, value) => {
      const ms = [
        (convolutionMultiplyAdds(value) / 1e9) * MEASURED.msPerGigaMultiplyAdd,
        (elementCount(value.shape) / 1e6) * MEASURED.msPerMegaValue,
      ];
      return sum + Math.max(...ms);
    }, 0);
}

/**
 * Estimates the time of a training step.
 * @param imageShape [N, C, D, H, W]
 * @param options.frozen a teacher whose forward pass is part of the step
 */
export function estimateStepMs(
  model: Model,
  imageShape: Shape,
  { frozen, cores }: { readonly frozen?: Model; readonly cores: number },
): number {
  const ofFrozen = frozen === undefined ? 0 : FORWARD_SHARE * trainingMs(frozen, imageShape);
  return ((trainingMs(model, imageShape) + ofFrozen) * MEASURED.cores) / cores;
}

/** Number of steps that are timed; the first one is warm-up. */
const TRIED_STEPS = 4;

/**
 * Times a training step on patches of noise.
 * @returns milliseconds of a step, without those of reading and validating
 */
export async function measureStepMs(
  { engine, machine }: Pick<Laboratory, 'engine' | 'machine'>,
  { step, model }: ArmPlan,
): Promise<number> {
  const { imageShape, unlabelled = 0 } = step;
  const stream = random('step time');
  const batch: Batch = {
    image: Float32Array.from({ length: elementCount(imageShape) }, () => stream.uniform()),
    label: new Int32Array(elementCount(labelShape(imageShape, unlabelled))),
    caseIds: [],
    epoch: 0,
  };
  const { records } = await train({
    engine,
    step,
    seed: 0,
    initialTheta: initialize(model.specs, name => random('step time', name)),
    initialAdapters: specs => initialize(specs, name => random('step time', 'adapter', name)),
    batches: { next: async () => batch, close: async () => {} },
    steps: TRIED_STEPS,
    // the parameters stay unchanged
    learningRate: 0,
    schedule: { kind: 'constant', warmupSteps: 0, power: 1 },
    validateEvery: TRIED_STEPS,
    validate: undefined,
    store: { load: async () => undefined, saveLast: async () => {}, saveBest: async () => {} },
    fingerprint: '',
    progress: silent,
    label: '',
    now: machine.elapsedMs,
  });
  const [first, last] = [records[0]?.seconds ?? 0, records.at(-1)?.seconds ?? 0];
  return (1000 * (last - first)) / (records.length - 1);
}
