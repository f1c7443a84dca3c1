/** The names that networks give to their inner images. */
import { describe, expect, it } from 'vitest';
import { collectFeatures } from '../../../src/nn/parameters.ts';
import { unet } from '../../../src/nn/unet.ts';

describe('the features of a U-Net', () => {
  it('are what each level ends with, on the grid and with the channels of the level, and the logits', () => {
    const network = unet({
      features: [4, 6, 8],
      convolutionsPerLevel: 1,
      normalization: 'instance',
      negativeSlope: 0.01,
      classes: 3,
    });
    expect([...collectFeatures(network, [2, 1, 8, 16, 4])]).toEqual([
      ['encoder0', [2, 4, 8, 16, 4]],
      ['encoder1', [2, 6, 4, 8, 2]],
      ['encoder2', [2, 8, 2, 4, 1]],
      ['decoder1', [2, 6, 4, 8, 2]],
      ['decoder0', [2, 4, 8, 16, 4]],
      ['logits', [2, 3, 8, 16, 4]],
    ]);
  });
});
