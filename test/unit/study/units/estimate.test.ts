/** What a study will cost, by what finished units of it took. */
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../../../src/data/phantom.ts';
import { armFolder } from '../../../../src/experiment/arm-folder.ts';
import { type ArmPlan, armCosts, planArm } from '../../../../src/experiment/arm-plan.ts';
import { estimateStepMs } from '../../../../src/experiment/step-time.ts';
import { parseRecipe } from '../../../../src/recipe/parse.ts';
import { estimateStudy } from '../../../../src/study/units/estimate.ts';
import { writeOutcome } from '../../../../src/study/units/outcome.ts';
import { type Unit, unitsOf } from '../../../../src/study/units/unit.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../../support/laboratory.ts';
import { memoryFiles } from '../../../support/memory-files.ts';
import { tinyRecipe } from '../../../support/tiny-recipe.ts';

const STEPS = 100;
const TEACHER_STEPS = 40;
const files = memoryFiles();
const laboratory = createLaboratory(functionEngine(thresholdModel), files);
const recipe = parseRecipe(tinyRecipe('data', STEPS), {
  path: 'r.yaml',
  overrides: ['seeds=[1, 2]', `teacher.train.steps=${TEACHER_STEPS}`],
});
const units = unitsOf(recipe, { folds: [null], seeds: [1, 2] }, ({ arm, seed }) => {
  return { folder: armFolder(`w/${arm}-${seed}`), label: `${arm} ${seed}` };
});
const ofArm = (arm: Unit['arm']): readonly Unit[] => units.filter(unit => unit.arm === arm);
beforeAll(() => writePhantomDataset(files, 'data', { seed: 5, cases: 3 }));

/** Says that a unit has ended, trained in so many seconds with so many threads. */
async function finish(
  { folder }: Unit,
  train: number,
  threads: number,
  { status = 'done', steps }: { readonly status?: 'done' | 'failed'; readonly steps?: number } = {},
): Promise<void> {
  const end = { status, attempt: 1, node: 'n', finishedAt: '2026-01-01T00:00:00Z' } as const;
  const training = steps === undefined ? {} : { training: { steps, planned: STEPS } };
  const spent = { timingsSeconds: { train, evaluate: 1 }, waitingShares: {}, threads, ...training };
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

  it('takes the time of a step from the steps that were done, and the time that is left from all that may be', async () => {
    await files.remove('w');
    for (const unit of units.filter(({ seed }) => seed === 1)) await finish(unit, 3, 2, { steps: STEPS / 4 });
    const { coreHours } = await estimateStudy(laboratory, units);
    // six core-seconds for 25 steps
    expect(3600 * coreHours).toBeCloseTo((6 / (STEPS / 4)) * (TEACHER_STEPS + 2 * STEPS), 9);
  });

  it('scales by arithmetic what no finished unit shows, each arm with its own steps and a student with its teacher', async () => {
    await files.remove('w');
    const [baseline] = ofArm('baseline');
    await finish(baseline!, 3, 1);
    const { coreHours, kinds, trained } = await estimateStudy(laboratory, units);
    expect({ kinds, trained }).toEqual({ kinds: { all: 3, timed: 1 }, trained: 5 });
    const shape = { channels: 1, labels: 3 };
    const teacher = planArm(recipe, 'teacher', shape);
    const student = planArm(recipe, 'baseline', shape);
    const costs = (plan: ArmPlan, frozen?: ArmPlan): number =>
      estimateStepMs(plan.model, plan.step.imageShape, { cores: 1, ...(frozen && { frozen: frozen.model }) });
    const perCost = 3000 / STEPS / costs(student);
    const steps = TEACHER_STEPS * costs(teacher) + STEPS * costs(student, teacher);
    expect(3.6e6 * coreHours).toBeCloseTo(3000 + 2 * perCost * steps, 3);
    // a frozen teacher beside it makes a step longer
    expect(costs(student, teacher)).toBeGreaterThan(1.1 * costs(student));
  });

  it('does not learn from units that failed, and counts them as ended', async () => {
    await files.remove('w');
    const [baseline, other] = ofArm('baseline');
    await finish(baseline!, 3, 1);
    await finish(other!, 900, 1, { status: 'failed' });
    const { units: open, coreHours } = await estimateStudy(laboratory, units);
    expect(open).toBe(4);
    await files.remove(other!.folder.folder);
    const { coreHours: withOther } = await estimateStudy(laboratory, units);
    expect(3600 * (withOther - coreHours)).toBeCloseTo(3, 9);
  });

  it('neither trains a finished teacher nor puts one from elsewhere into the step of its student', async () => {
    const text = tinyRecipe('data', STEPS).replace(/^teacher:.*$/m, 'teacher: { onnx: [t.onnx] }');
    const given = parseRecipe(text, { path: 'r.yaml', overrides: [] });
    const own = unitsOf(given, { folds: [null], seeds: [1] }, ({ arm, seed }) => {
      return { folder: armFolder(`v/${arm}-${seed}`), label: `${arm} ${seed}` };
    });
    await finish(own.find(({ arm }) => arm === 'baseline') as Unit, 3, 1);
    const { coreHours, trained, kinds } = await estimateStudy(laboratory, own);
    expect({ trained, kinds }).toEqual({ trained: 1, kinds: { all: 2, timed: 1 } });
    expect(3600 * coreHours).toBeCloseTo(3, 9);
  });
});
