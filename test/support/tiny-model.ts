/** A small U-Net with weights that nobody trained, as a model file: for tests of everything around a model. */
import type { Triple } from '../../src/core/shape.ts';
import type { TrainingFacts } from '../../src/data/training-facts.ts';
import { formatModelMetadata } from '../../src/experiment/embedded-coarse.ts';
import { collectParameters } from '../../src/nn/parameters.ts';
import { unet } from '../../src/nn/unet.ts';
import { exportModel } from '../../src/training/export.ts';
import { goldensTheta } from './goldens-stream.ts';

const WINDOW = [16, 24, 16] as const;

/**
 * @param seed of the weights
 * @param options.training what its metadata say of training cases that it never had; nothing if not given
 * @param options.window [D, H, W]
 */
export function tinyModel(
  seed: number,
  { training, window = WINDOW }: { readonly training?: TrainingFacts; readonly window?: Triple } = {},
): Uint8Array {
  const labels = ['background', 'Anterior', 'Posterior'].map((name, value) => ({ value, name }));
  const network = unet({
    features: [2, 4],
    convolutionsPerLevel: 1,
    normalization: 'instance',
    negativeSlope: 0,
    classes: 3,
  });
  const specs = collectParameters(network, [1, 1, ...window]);
  const metadata = formatModelMetadata({
    labels,
    channels: 1,
    spacingMm: null,
    orientation: null,
    imageInterpolation: 'linear',
    normalize: 'min-max',
    patch: window,
    activation: 'softmax',
    inputName: 'image',
    outputName: 'logits',
    parameters: 0,
    multiplyAdds: 0,
    axes: 'NCZYX',
    ...(training && { training }),
  });
  return exportModel({ network, specs }, goldensTheta(seed, specs), { channels: 1, window, metadata });
}
