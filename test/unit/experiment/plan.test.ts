/**
 * Plans by nnU-Net's rules, on fingerprints of data sets that its authors describe and on awkward ones; every plan is a
 * recipe.
 */
import { describe, expect, it } from 'vitest';
import type { Fingerprint, Spread } from '../../../src/data/fingerprint.ts';
import { armsOf, type Plan, planCoarser, planExperiment } from '../../../src/experiment/plan.ts';
import { formatPlan } from '../../../src/experiment/plan-recipe.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

interface Grid {
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return { min: at(0), p10: at(0.1), median: at(0.5), max: at(1) };
}

function fingerprintOf(grids: readonly Grid[], changes: Partial<Fingerprint> = {}): Fingerprint {
  const along = (pick: (grid: Grid) => Xyz) =>
    ([0, 1, 2] as const).map(axis => spread(grids.map(grid => pick(grid)[axis]))) as never;
  return {
    dataset: 'Toy',
    folder: 'd',
    labelledCases: grids.length,
    unlabelledCases: 0,
    channels: [{ name: 'MRI', nonZeroShare: 1 }],
    labels: [
      { value: 0, name: 'background' },
      { value: 1, name: 'blob' },
    ],
    classes: [{ name: 'blob', cases: grids.length, voxelShare: 0.05 }],
    foregroundShare: 0.05,
    spacingMm: along(grid => grid.spacingMm),
    sizeVoxels: along(grid => grid.sizeVoxels),
    boxShare: spread([1]),
    labelledOutside: 0,
    grids: grids.map(grid => ({ ...grid, boxVoxels: grid.sizeVoxels, regionVoxels: grid.sizeVoxels })),
    ...changes,
  };
}

const repeat = (count: number, grid: Grid): Grid[] => Array.from({ length: count }, () => grid);
// a plan asks of the engine only what a training takes; standard operators are lowered in a third of the time of blocks
const AMPLE = { memoryBytes: 64e9, cores: 2, block: 0 };
const SMALL = { memoryBytes: 1e9, cores: 2, block: 0 };
/** The channel block of most processors, as people plan. */
const BLOCKED = { cores: 2, block: 16 };

/** Parses the plan as a recipe, which checks that patch and networks fit each other. */
function recipeOf(fingerprint: Fingerprint, plan: Plan) {
  return parseRecipe(formatPlan(fingerprint, plan, { dataset: '/data/toy' }), { path: 'planned.yaml' });
}

describe('planExperiment', () => {
  it('divides 30 cases or more once, and proposes folds for fewer', () => {
    const of = (cases: number) => {
      const fingerprint = fingerprintOf(repeat(cases, { sizeVoxels: [31, 45, 30], spacingMm: [1, 1, 1] } as const));
      return { ...fingerprint, labelledCases: cases };
    };
    const [few, enough] = [of(29), of(30)];
    const plan = planExperiment(few, AMPLE);
    expect(recipeOf(few, plan).data.splits).toMatchObject({ folds: 5 });
    expect(recipeOf(enough, plan).data.splits).toMatchObject({ train: 0.7, val: 0.1, test: 0.2 });
    expect(formatPlan(few, plan, { dataset: '/data/toy' })).toContain(
      'only 29 labelled cases: with folds every one is tested once',
    );
  });

  it('takes the median spacing and the median shape, rounded up to what the poolings divide', () => {
    const grids = [
      ...repeat(3, { sizeVoxels: [31, 45, 30], spacingMm: [1, 1, 1] }),
      ...repeat(4, { sizeVoxels: [35, 50, 36], spacingMm: [1, 1, 1] }),
      ...repeat(3, { sizeVoxels: [43, 59, 47], spacingMm: [1, 1, 1] }),
    ];
    const fingerprint = fingerprintOf(grids);
    const plan = planExperiment(fingerprint, AMPLE);
    expect(plan).toMatchObject({ spacingMm: [1, 1, 1], medianSizeVoxels: [35, 50, 36], patchVoxels: [40, 56, 40] });
    expect(plan.teacher.features).toEqual([16, 32, 64, 128]);
    expect(plan.student.features).toEqual([4, 8, 16, 32]);
    expect(recipeOf(fingerprint, plan).patch.size).toEqual([40, 56, 40]);
    expect(armsOf(fingerprint, plan).teacher.step.imageShape).toEqual([2, 1, 40, 56, 40]);
  });

  it('plans thick slices by themselves: no kernel across and no pooling of an axis until the others are as coarse', () => {
    const prostate = { sizeVoxels: [320, 320, 20], spacingMm: [0.625, 0.625, 3.6] } as const;
    const fingerprint = fingerprintOf(repeat(32, prostate));
    const plan = planExperiment(fingerprint, AMPLE);
    expect(plan).toMatchObject({ spacingMm: [0.625, 0.625, 3.6], isAnisotropic: true });
    // 3.6 mm is more than twice 0.625 and 1.25, not of 2.5
    expect(plan.teacher.kernels).toEqual([
      [3, 3, 1],
      [3, 3, 1],
      [3, 3, 3],
      [3, 3, 3],
    ]);
    expect(plan.teacher.pooling).toEqual([
      [2, 2, 1],
      [2, 2, 1],
      [2, 2, 2],
    ]);
    const recipe = recipeOf(fingerprint, plan);
    expect(recipe.teacher).toMatchObject({ unet: { kernels: plan.teacher.kernels, pooling: plan.teacher.pooling } });
    expect(recipe.augment.rotateDegrees).toEqual([0, 0, 15]);
  });

  it('takes the 10th percentile on an axis that is much coarser and shorter, but never finer than the others', () => {
    const slices = (mm: number): Grid => ({ sizeVoxels: [256, 256, 24], spacingMm: [1, 1, mm] });
    const mixed = [...repeat(4, slices(3)), ...repeat(16, slices(6))];
    expect(planExperiment(fingerprintOf(mixed), AMPLE).spacingMm).toEqual([1, 1, 3]);
    const fine = [...repeat(4, slices(0.5)), ...repeat(16, slices(6))];
    expect(planExperiment(fingerprintOf(fine), AMPLE).spacingMm[2]).toBeCloseTo(1, 4);
  });

  it('shrinks the patch, along its longest axis first, until the memory suffices', () => {
    const fingerprint = fingerprintOf(repeat(100, { sizeVoxels: [400, 400, 120], spacingMm: [1, 1, 1] }));
    const [ample, small] = [AMPLE, SMALL].map(options => planExperiment(fingerprint, options)) as [Plan, Plan];
    expect(ample.patchVoxels).toEqual([128, 128, 120]);
    expect(small.teacher.trainingBytes).toBeLessThanOrEqual(1e9);
    expect(small.student.trainingBytes).toBeLessThanOrEqual(1e9);
    const voxels = ({ patchVoxels }: Plan): number => patchVoxels.reduce((a, b) => a * b);
    expect(voxels(small)).toBeLessThan(voxels(ample) / 4);
    expect(voxels(small)).toBeGreaterThan(32 ** 3);
    // 70 training cases of 293 patches each, covered twelve times, are too many steps; the whole patch takes fewer
    expect([small.steps, ample.steps]).toEqual([2000, 2000]);
    expect(small.coverage).toBeCloseTo(voxels(small) / (400 * 400 * 120), 9);
    recipeOf(fingerprint, small);
  });

  it('never plans a patch of more than twice the smallest case', () => {
    const grids = [
      ...repeat(9, { sizeVoxels: [60, 60, 60], spacingMm: [1, 1, 1] }),
      ...repeat(1, { sizeVoxels: [20, 9, 60], spacingMm: [1, 1, 1] }),
    ];
    const fingerprint = fingerprintOf(grids);
    const plan = planExperiment(fingerprint, AMPLE);
    expect(plan.patchVoxels[0]).toBeLessThanOrEqual(40);
    expect(plan.patchVoxels[1]).toBeLessThanOrEqual(18);
    recipeOf(fingerprint, plan);
  });

  it.each([
    [2, 1],
    [1, 5],
  ])('plans planes of %s mm by their plane, whatever the thickness (%s mm) of the slice', (mm, thickness) => {
    const fingerprint = fingerprintOf(repeat(48, { sizeVoxels: [120, 120, 1], spacingMm: [mm, mm, thickness] }));
    const plan = planExperiment(fingerprint, { ...AMPLE, memoryBytes: 2e9 });
    expect(plan).toMatchObject({ patchVoxels: [120, 120, 1], batch: 16, isAnisotropic: false, coverage: 1 });
    expect(plan.teacher.kernels).toEqual(repeat(4, [3, 3, 1] as never));
    expect(plan.teacher.pooling).toEqual(repeat(3, [2, 2, 1] as never));
    expect(plan.teacher.trainingBytes).toBeLessThanOrEqual(2e9);
    const recipe = recipeOf(fingerprint, plan);
    expect(recipe.augment.rotateDegrees).toEqual([0, 0, 15]);
    expect(recipe.student.train.batch).toBe(16);
    expect(planCoarser(fingerprint, plan, AMPLE)).toBeUndefined();
  });

  it('takes large planes whole, and a small batch of few', () => {
    const of = (cases: number) =>
      planExperiment(fingerprintOf(repeat(cases, { sizeVoxels: [384, 320, 1], spacingMm: [1, 1, 1] })), AMPLE);
    expect(of(200)).toMatchObject({ patchVoxels: [384, 320, 1], batch: 16 });
    expect([of(12).batch, of(5).batch]).toEqual([4, 2]);
  });

  it('lets the longest side in millimetres give way, so that thick slices are kept', () => {
    const fingerprint = fingerprintOf(repeat(32, { sizeVoxels: [320, 320, 20], spacingMm: [0.6, 0.6, 3.6] }));
    const [small, large] = [1e9, 4e9].map(memoryBytes => planExperiment(fingerprint, { ...BLOCKED, memoryBytes }));
    const sizeMm = ({ patchVoxels: [x, y, z] }: Plan) => [0.6 * x, 0.6 * y, 3.6 * z].map(Math.round);
    expect(sizeMm(small as Plan)).toEqual([58, 58, 58]);
    expect(sizeMm(large as Plan)).toEqual([77, 77, 72]);
  });

  it.each([[[470, 433, 1], [0.5, 0.5, 5], 4]] as const)(
    'keeps to the memory for cases of %s voxels of %s mm with %d channels',
    (sizeVoxels, spacingMm, count) => {
      const channels = Array.from({ length: count }, () => ({ name: 'MRI', nonZeroShare: 1 }));
      const fingerprint = fingerprintOf(repeat(40, { sizeVoxels, spacingMm }), { channels });
      const options = { ...BLOCKED, memoryBytes: 7e8 };
      const { teacher, student } = planExperiment(fingerprint, options);
      expect(Math.max(teacher.trainingBytes, student.trainingBytes)).toBeLessThanOrEqual(7e8);
      expect(teacher.trainingBytes).toBeGreaterThan(3.5e8);
    },
  );

  it('plans a coarser spacing too where a patch sees less than a quarter of a case', () => {
    const abdomen = fingerprintOf(repeat(6, { sizeVoxels: [300, 300, 200], spacingMm: [0.8, 0.8, 3] }));
    const options = SMALL;
    const fine = planExperiment(abdomen, options);
    expect(fine.coverage).toBeLessThan(0.02);
    const coarse = planCoarser(abdomen, fine, options) as Plan;
    expect(coarse.coverage).toBeGreaterThanOrEqual(0.25);
    expect(coarse.coverage).toBeLessThan(0.4);
    // the fine axes grow first
    const [x, y, z] = coarse.spacingMm;
    expect(x).toBe(y);
    expect(z / x).toBeLessThan(2.1);
    expect(coarse.teacher.trainingBytes).toBeLessThanOrEqual(1e9);
    recipeOf(abdomen, coarse);
    const small = fingerprintOf(repeat(6, { sizeVoxels: [40, 40, 40], spacingMm: [1, 1, 1] }));
    expect(planCoarser(small, planExperiment(small, options), options)).toBeUndefined();
  });

  it('says what the smallest network takes where the memory is not enough for it', () => {
    const fingerprint = fingerprintOf(repeat(6, { sizeVoxels: [64, 64, 64], spacingMm: [1, 1, 1] }));
    expect(() => planExperiment(fingerprint, { ...AMPLE, memoryBytes: 1e6 })).toThrow(
      /^even the smallest patch and network need \d+ MB in training\. Raise --memory to 0\.\d or more\.$/,
    );
  });

  it('normalises CT by the data set, and counts inside of the body where a channel is mostly 0', () => {
    const channels = [
      { name: 'CT', nonZeroShare: 1 },
      { name: 'T1', nonZeroShare: 0.9 },
      { name: 'FLAIR', nonZeroShare: 0.3 },
    ];
    const fingerprint = fingerprintOf(repeat(10, { sizeVoxels: [40, 40, 40], spacingMm: [1, 1, 1] }), { channels });
    const plan = planExperiment(fingerprint, AMPLE);
    expect(recipeOf(fingerprint, plan).preprocess.normalize).toEqual(['ct', 'z-score', 'z-score-nonzero']);
  });

  describe('of cases in surroundings of zeros', () => {
    // the heads of BraTS at 2.5 mm
    const brats = repeat(10, { sizeVoxels: [96, 96, 62], spacingMm: [2.5, 2.5, 2.5] });
    const little = { ...SMALL, memoryBytes: 0.4e9 };
    const boxed = brats.map(grid => ({ ...grid, boxVoxels: [56, 69, 56] as const, regionVoxels: grid.sizeVoxels }));
    const share = (56 * 69 * 56) / (96 * 96 * 62);
    const fingerprint = fingerprintOf(brats, { grids: boxed, boxShare: spread([share]) });

    it('crops them, counts by what is left, and says how much that is', () => {
      const plan = planExperiment(fingerprint, little);
      expect(plan).toMatchObject({ crop: 'nonzero', medianSizeVoxels: [56, 69, 56] });
      // uncropped, the same patch is this much less of a case
      const patch = plan.patchVoxels.reduce((a, b) => a * b);
      expect(plan.coverage).toBeCloseTo(patch / (56 * 69 * 56), 9);
      expect(recipeOf(fingerprint, plan).preprocess.crop).toBe('nonzero');
      expect(formatPlan(fingerprint, plan, { dataset: 'd' })).toMatch(
        /# around the body everything is 0: the box around the rest has 37\.9 % of the voxels of a case in the median[^\n]*\n {2}crop: nonzero/,
      );
    });

    it.each([
      ['in CT', { channels: [{ name: 'CT', nonZeroShare: 0.3 }] }],
      ['where labels would be lost', { labelledOutside: 1 }],
      ['where little is cut away', { boxShare: spread([0.8]) }],
    ])('leaves them whole %s', (_, changes) => {
      const grids = repeat(10, { sizeVoxels: [24, 24, 16], spacingMm: [9, 9, 9] });
      const boxes = grids.map(grid => ({ ...grid, boxVoxels: [14, 17, 14] as const, regionVoxels: grid.sizeVoxels }));
      const other = fingerprintOf(grids, { grids: boxes, boxShare: spread([share]), ...changes });
      const plan = planExperiment(other, AMPLE);
      expect(plan).toMatchObject({ crop: 'none', medianSizeVoxels: [24, 24, 16] });
      const text = formatPlan(other, plan, { dataset: 'd' });
      expect(text.includes('no crop: 1 of 10 cases have labelled voxels')).toBe('labelledOutside' in changes);
    });
  });

  it('distils by relations too where three classes exclude each other', () => {
    const grids = repeat(10, { sizeVoxels: [40, 40, 40], spacingMm: [1, 1, 1] });
    const plan = planExperiment(fingerprintOf(grids), AMPLE);
    const methodsFor = (labels: Fingerprint['labels']): readonly string[] => {
      const { distill } = recipeOf(fingerprintOf(grids, { labels }), plan);
      return distill.losses.flatMap(loss => Object.keys(loss));
    };
    const background = { value: 0, name: 'background' };
    const blob = { value: 1, name: 'blob' };
    const regions = [
      { value: 1, name: 'whole', region: [1, 2] },
      { value: 2, name: 'core', region: [2] },
    ];
    expect(methodsFor([background, blob, { value: 2, name: 'core' }])).toEqual(['softDice', 'dist']);
    expect(methodsFor([background, blob])).toEqual(['softDice']);
    expect(methodsFor([background, ...regions])).toEqual(['softDice']);
  });

  it('sees every training case about twelve times, within bounds', () => {
    const stepsFor = (cases: number): number =>
      planExperiment(fingerprintOf(repeat(cases, { sizeVoxels: [16, 16, 16], spacingMm: [1, 1, 1] })), AMPLE).steps;
    expect([stepsFor(5), stepsFor(200), stepsFor(2000)]).toEqual([400, 800, 2000]);
    // a patch of 128 is half of a case of 256, so the cases take twice the steps
    const long = fingerprintOf(repeat(50, { sizeVoxels: [16, 16, 256], spacingMm: [1, 1, 1] }));
    expect(planExperiment(long, AMPLE)).toMatchObject({ patchVoxels: [16, 16, 128], coverage: 0.5, steps: 400 });
    const more = fingerprintOf(repeat(100, { sizeVoxels: [16, 16, 256], spacingMm: [1, 1, 1] }));
    expect(planExperiment(more, AMPLE).steps).toBe(800);
  });
});
