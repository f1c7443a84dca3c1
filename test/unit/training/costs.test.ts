/** What is said of a network before it runs, against counts by hand. */
import { describe, expect, it } from 'vitest';
import { armCosts } from '../../../src/experiment/arm-plan.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import type { Recipe } from '../../../src/recipe/schema.ts';

const recipeOf = (student: string, patch: string): Recipe =>
  parseRecipe(
    `data: { dataset: none }
patch: { size: ${patch} }
teacher: { unet: { features: [2, 4] }, train: { steps: 1, batch: 2 } }
student: { ${student}, train: { steps: 1, batch: 2 } }
`,
    { path: 'recipe' },
  );
const DATA = { channels: 1, labels: 3, block: 0 };
const meshnet = recipeOf('meshnet: { features: 5, dilations: [1, 2], normalization: none }', '[8, 8, 4]');

describe('the costs of an arm', () => {
  it('count parameters and multiply-adds of one patch', () => {
    const costs = armCosts(meshnet, 'baseline', DATA);
    // 27 taps 1 -> 5 and 5 -> 5, one tap 5 -> 3; biases 5, 5, 3
    expect(costs.parameters).toBe(27 * 5 + 27 * 25 + 15 + 13);
    expect(costs.multiplyAdds).toBe(8 * 8 * 4 * (27 * 5 + 27 * 25 + 15));
  });

  it('give field of view and size of the result as D, H, W', () => {
    const valid = recipeOf(
      'generalizedUnet: { padding: valid, features: [[[2], [2]], [[2], []]], kernels: [[[[3, 3, 1]], [[3, 3, 1]]], [[[3, 1, 1]], []]], subsampleFactors: [1, [2, 2, 1]] }',
      '[14, 16, 4]',
    );
    const { fieldOfView, outputSize } = armCosts(valid, 'baseline', DATA);
    expect(fieldOfView).toEqual([1, 5, 9]);
    // x: 14 - 2, halved 6, - 2, doubled 8, - 2; y: 16 - 2, halved and doubled, - 2
    expect(outputSize).toEqual([4, 12, 6]);
  });

  it('ask for the memory of further copies of the parameters where these are averaged', () => {
    const wide = (train: string): Recipe =>
      parseRecipe(
        `data: { dataset: none }
patch: { size: [8, 8, 4] }
teacher: { unet: { features: [2, 4] }, train: { steps: 1, batch: 1 } }
student: { meshnet: { features: 60, dilations: [1, 2], normalization: none }, train: { steps: 1, batch: 1${train} } }
`,
        { path: 'recipe' },
      );
    const [plain, averaged] = ['', ', ema: 0.99'].map(train => armCosts(wide(train), 'baseline', DATA));
    expect(averaged!.trainingBytes - plain!.trainingBytes).toBeGreaterThanOrEqual(4 * 4 * plain!.parameters);
    expect(averaged!.inferenceBytes).toBe(plain!.inferenceBytes);
  });

  it('ask with micro-batches for the memory of one, and of the sum of their gradients', () => {
    const costsOf = (train: string) =>
      armCosts(
        parseRecipe(
          `data: { dataset: none }
patch: { size: [32, 32, 32] }
teacher: { unet: { features: [2, 4] }, train: { steps: 1, batch: 1 } }
student: { unet: { features: [4, 8] }, train: { steps: 1, ${train} } }
`,
          { path: 'recipe' },
        ),
        'baseline',
        DATA,
      );
    const [one, parts, large] = ['batch: 1', 'batch: 1, accumulate: 4', 'batch: 4'].map(costsOf);
    const more = parts!.trainingBytes - one!.trainingBytes;
    expect(more).toBeGreaterThanOrEqual(4 * 4 * one!.parameters);
    expect(more).toBeLessThan(16 * 4 * one!.parameters);
    expect(large!.trainingBytes - one!.trainingBytes).toBeGreaterThan(20 * more);
  });

  it('ask for more memory with a larger patch, and for a student more than for its baseline', () => {
    const larger = recipeOf('meshnet: { features: 5, dilations: [1, 2], normalization: none }', '[32, 32, 32]');
    const [small, large, taught] = [
      armCosts(meshnet, 'baseline', DATA),
      armCosts(larger, 'baseline', DATA),
      armCosts(larger, 'student', DATA),
    ];
    const voxels = 32 ** 3;
    // at least the two hidden images of both samples stay for the way back
    expect(large.trainingBytes - small.trainingBytes).toBeGreaterThan(2 * 2 * 5 * 4 * (voxels - 256));
    expect(taught.trainingBytes).toBeGreaterThan(large.trainingBytes);
    expect(taught.inferenceBytes).toBe(large.inferenceBytes);
  });
});
