/** The fine stage of a plan: where it pays, and its recipe. */
import { expect, it } from 'vitest';
import type { Fingerprint, Spread } from '../../../src/data/fingerprint.ts';
import { planCoarser, planExperiment } from '../../../src/experiment/plan.ts';
import { planFine } from '../../../src/experiment/plan-fine.ts';
import { formatPlan } from '../../../src/experiment/plan-recipe.ts';
import { coarseSeconds } from '../../../src/experiment/plan-time.ts';
import { FORWARD_SHARE } from '../../../src/experiment/step-time.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

const SIZE = [300, 300, 200] as const;
const SPACING = [0.8, 0.8, 3] as const;
/** Memory for the largest patch of all, so that spacings alone decide. */
const OPTIONS = { memoryBytes: 64e9, cores: 2, block: 0 };

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
  const large = planFine(abdomens([280, 280, 60]), coarse, OPTIONS)!;
  expect(large.full?.spacingMm).toEqual(SPACING);
  expect(large.spacingMm[0]).toBeGreaterThan(0.8);
  expect(large.spacingMm[0]).toBeLessThan(coarse.spacingMm[0]);
  expect(large.coverage).toBeGreaterThanOrEqual(0.25);
  expect(planFine(abdomens([260, 260, 160]), coarse, OPTIONS)).toBeUndefined();
  const text = formatPlan(abdomens([80, 80, 30]), small, {
    dataset: '/data/d',
    time: { stepMs: { teacher: 2000, student: 3000, coarse: 500 }, seconds: 3600 },
    region: {
      coarse,
      costs: { parameters: 1234, trainingBytes: 5e8, stepMs: 1 },
      marginMm: 20,
      share: small.regionShare,
    },
  });
  const recipe = parseRecipe(text, { path: 'ct.yaml' });
  const { features } = coarse.student;
  expect(recipe.cascade).toMatchObject({
    coarse: {
      spacingMm: coarse.spacingMm,
      patch: { size: coarse.patchVoxels },
      unet: { features },
      train: { steps: coarse.steps, batch: coarse.batch, learningRate: 0.01 },
    },
    marginMm: 20,
  });
  expect(recipe.preprocess.spacingMm).toEqual(SPACING);
  expect(text).toContain('has 1.07 % of the voxels of a case in the median');
  expect(text).toContain('their regions are then 80 x 80 x 30 voxels');
  expect(text).toContain('# coarse stage: about 1,234 parameters, 500 MB, 500 ms per step, ');
});

it('counts the steps of the coarse stage, its passes over cases, and the regions that every arm asks for', () => {
  const plan = { steps: 100, batch: 2, medianSizeVoxels: [32, 32, 32], patchVoxels: [32, 32, 32] } as const;
  const division = { validation: 0, test: 0.5, repeats: 2 };
  const seconds = coarseSeconds(plan, 10, { stepMs: 1000, division });
  // ten cases: half of them are scored; half train and half are asked for by three arms; one window each
  const passes = 5 + 5 + 15;
  expect(seconds).toBeCloseTo(2 * (100 + (passes * FORWARD_SHARE) / 2), 9);
});
