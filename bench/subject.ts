/** What the benchmarks of training steps measure: the plain U-Net with three classes. */

import { random } from '../src/core/random.ts';
import { type Tensor, tensor } from '../src/core/tensor.ts';
import type { DistillationTerm } from '../src/distillation/terms.ts';
import { collectParameters, initialize } from '../src/nn/parameters.ts';
import { type UnetOptions, unet } from '../src/nn/unet.ts';
import type { Model } from '../src/training/forward.ts';
import { buildTrainingStep } from '../src/training/step.ts';

export const CLASSES = 3;

/** A plain U-Net for images of a shape, two convolutions per level; 3x3x3 with halves if nothing else is given. */
export function plainUnet(
  features: readonly number[],
  imageShape: readonly number[],
  { kernels, pooling }: Pick<UnetOptions, 'kernels' | 'pooling'> = {},
): Model {
  const network = unet({
    features,
    convolutionsPerLevel: 2,
    normalization: 'instance',
    negativeSlope: 0.01,
    classes: CLASSES,
    ...(kernels && { kernels }),
    ...(pooling && { pooling }),
  });
  return { network, specs: collectParameters(network, imageShape) };
}

/** Numbers as a vector. */
export function flat(data: Float32Array): Tensor {
  return tensor('float32', data, [data.length]);
}

type Step = Parameters<typeof buildTrainingStep>[0];

/** The term of a step with a teacher, where nothing else is measured. */
const KD: readonly DistillationTerm[] = [
  {
    method: 'kd',
    name: 'kd',
    weight: 1,
    temperature: 1,
    classWeights: 'uniform',
    foregroundWeight: 1,
    boundaryWeight: 1,
  },
];

/** The training step that is timed: the hard loss, and terms, `kd` if not given, where there is a frozen teacher. */
export function benchStep({
  student,
  teacher,
  imageShape,
  optimizer,
  terms = KD,
}: Pick<Step, 'student' | 'imageShape' | 'optimizer'> & {
  readonly teacher: Step['student'] | undefined;
  readonly terms?: readonly DistillationTerm[];
}) {
  return buildTrainingStep({
    student,
    imageShape,
    hardLoss: {
      crossEntropy: { weight: 1, kind: 'categorical', classWeights: 'uniform' },
      dice: { weight: 1, batch: false, background: false, squared: false, smooth: 1e-5 },
    },
    optimizer,
    regularization: { l1: 0, l2: 0 },
    clipNorm: null,
    ...(teacher && {
      distillation: {
        teacher: { ...teacher, theta: initialize(teacher.specs, name => random(2, name)) },
        terms,
      },
    }),
  });
}
