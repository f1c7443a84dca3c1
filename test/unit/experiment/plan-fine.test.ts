/** The fine stage of a plan: where it pays, and its recipe. */
import { expect, it } from 'vitest';
import type { Fingerprint, Spread } from '../../../src/data/fingerprint.ts';
import { planCoarser, planExperiment } from '../../../src/experiment/plan.ts';
import { planFine } from '../../../src/experiment/plan-fine.ts';
import { formatPlan } from '../../../src/experiment/plan-recipe.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

const SIZE = [300, 300, 200] as const;
const SPACING = [0.8, 0.8, 3] as const;
const OPTIONS = { memoryBytes: 1e9, cores: 2, block: 16 };

function all(value: number): Spread {
  return { min: value, p10: value, median: value, max: value };
}

/** Six abdomens with regions of this size. */
function abdomens(regionVoxels: Xyz): Fingerprint {
  const grid = { sizeVoxels: SIZE, spacingMm: SPACING, boxVoxels: SIZE, regionVoxels };
  return {
    dataset: 'Abdomen',
    folder: 'd',
    labelledCases: 6,
    unlabelledCases: 0,
    channels: [{ name: 'CT', nonZeroShare: 1 }],
    labels: [
      { value: 0, name: 'background' },
      { value: 1, name: 'spleen' },
    ],
    classes: [{ name: 'spleen', cases: 6, voxelShare: 0.01 }],
    foregroundShare: 0.01,
    spacingMm: [all(0.8), all(0.8), all(3)],
    sizeVoxels: [all(300), all(300), all(200)],
    boxShare: all(1),
    labelledOutside: 0,
    grids: Array.from({ length: 6 }, () => grid),
  };
}

it('plans inside regions that are small, at full resolution where a patch sees enough of one, and coarser otherwise', () => {
  const whole = abdomens(SIZE);
  const coarse = planCoarser(whole, planExperiment(whole, OPTIONS), OPTIONS)!;
  const small = planFine(abdomens([80, 80, 30]), coarse, OPTIONS)!;
  expect(small).toMatchObject({ spacingMm: SPACING, medianSizeVoxels: [80, 80, 30], normalize: ['ct'] });
  expect(small.coverage).toBeGreaterThanOrEqual(0.25);
  expect(small.regionShare).toBeCloseTo((80 * 80 * 30) / (300 * 300 * 200), 12);
  expect(small.full).toBeUndefined();
  const large = planFine(abdomens([170, 170, 60]), coarse, OPTIONS)!;
  expect(large.full?.spacingMm).toEqual(SPACING);
  expect(large.spacingMm[0]).toBeGreaterThan(0.8);
  expect(large.spacingMm[0]).toBeLessThan(coarse.spacingMm[0]);
  expect(large.coverage).toBeGreaterThanOrEqual(0.25);
  expect(planFine(abdomens([260, 260, 160]), coarse, OPTIONS)).toBeUndefined();
  const text = formatPlan(abdomens([80, 80, 30]), small, {
    dataset: '/data/d',
    region: { coarse: 'runs/ct', marginMm: 20, share: small.regionShare },
  });
  const recipe = parseRecipe(text, { path: 'fine.yaml' });
  expect(recipe.cascade).toEqual({ coarse: 'runs/ct', marginMm: 20 });
  expect(text).toContain('has 1.07 % of the voxels of a case in the median');
  expect(text).toContain('their regions are then 80 x 80 x 30 voxels');
}, 240_000);
