/** What the benchmarks of training steps measure: the plain U-Net with three classes. */
import { type Tensor, tensor } from '../src/core/tensor.ts';
import { collectParameters } from '../src/nn/parameters.ts';
import { type UnetOptions, unet } from '../src/nn/unet.ts';
import type { Model } from '../src/training/forward.ts';

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
