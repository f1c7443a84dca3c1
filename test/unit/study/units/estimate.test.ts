/** What a study will cost, by what finished units of it took. */
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../../../src/data/phantom.ts';
import { armFolder } from '../../../../src/experiment/arm-folder.ts';
import { armCosts } from '../../../../src/experiment/arm-plan.ts';
import { parseRecipe } from '../../../../src/recipe/parse.ts';
import { estimateStudy } from '../../../../src/study/units/estimate.ts';
import { writeOutcome } from '../../../../src/study/units/outcome.ts';
import { type Unit, unitsOf } from '../../../../src/study/units/unit.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../../support/laboratory.ts';
import { memoryFiles } from '../../../support/memory-files.ts';
import { tinyRecipe } from '../../../support/tiny-recipe.ts';

const STEPS = 100;
const files = memoryFiles();
const laboratory = createLaboratory(functionEngine(thresholdModel), files);
const recipe = parseRecipe(tinyRecipe('data', STEPS), { path: 'r.yaml', overrides: ['seeds=[1, 2]'] });
const units = unitsOf(recipe, { folds: [null], seeds: [1, 2] }, ({ arm, seed }) => {
  return { folder: armFolder(`w/${arm}-${seed}`), label: `${arm} ${seed}` };
});
beforeAll(() => writePhantomDataset(files, 'data', { seed: 5, cases: 3 }));

/** Says that a unit is done, trained in so many seconds with so many threads. */
async function finish({ folder }: Unit, train: number, threads: number): Promise<void> {
  const end = { status: 'done', attempt: 1, node: 'n', finishedAt: '2026-01-01T00:00:00Z' } as const;
  const spent = { timingsSeconds: { train, evaluate: 1 }, waitingShares: {}, threads };
  await writeOutcome(files, folder.folder, { ...end, ...spent, ...laboratory.machine.provenance });
}

describe('the estimate of a study', () => {
  it('takes the steps of finished units for those of the same kind, and counts what is left', async () => {
    // three seconds with two threads for each first seed are six core-seconds for the second
    for (const unit of units.filter(({ seed }) => seed === 1)) await finish(unit, 3, 2);
    const estimate = await estimateStudy(laboratory, units);
    expect(estimate).toMatchObject({ units: 3, trained: 3, basis: 'finished units', kinds: { all: 3, timed: 3 } });
    expect(3600 * estimate.coreHours).toBeCloseTo(3 * 6, 9);
    const parameters = (arm: 'teacher' | 'student') =>
      armCosts(recipe, arm, { channels: 1, labels: 3, block: 0 }).parameters;
    // last and best checkpoint, the model, and two moments of Adam; four bytes each
    expect(estimate.bytes).toBe(5 * 4 * (parameters('teacher') + 2 * parameters('student')));
  });

  it('scales by arithmetic what no finished unit tells', async () => {
    await files.remove('w');
    await finish(units.find(({ arm, seed }) => arm === 'baseline' && seed === 1) as Unit, 3, 1);
    const { coreHours, kinds, trained } = await estimateStudy(laboratory, units);
    expect({ kinds, trained }).toEqual({ kinds: { all: 3, timed: 1 }, trained: 5 });
    // the other baseline takes as long, and teachers and students longer than baselines
    expect(3600 * coreHours).toBeGreaterThan(5 * 3);
  });
});
