/** Sweeps without training: what is shared, and what is chosen by which cases. */
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../../src/data/phantom.ts';
import type { Evaluation } from '../../../src/experiment/record.ts';
import { type CaseScore, summarizeCases } from '../../../src/metrics/case-score.ts';
import { combine, parseGrid } from '../../../src/recipe/grid.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { renderSweepReport } from '../../../src/report/sweep-report.ts';
import { incompleteNotes } from '../../../src/study/comparison/incomplete.ts';
import { planSweep } from '../../../src/study/sweep.ts';
import { planUnits } from '../../../src/study/sweep-plan.ts';
import { type EvaluatedArm, sweepResults } from '../../../src/study/sweep-results.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(functionEngine(thresholdModel), files);
beforeAll(() => writePhantomDataset(files, 'data', { seed: 5, cases: 8 }));

function plan(grid: readonly string[], ...overrides: readonly string[]) {
  const axes = parseGrid(grid);
  const combinations = combine(tinyRecipe('data'), axes, { path: 'recipe.yaml', overrides });
  return planUnits(laboratory, axes, { combinations, out: 'sweep' });
}

const FEATURES = 'student.unet.features=[[2,4],[3,6]]';
const TEMPERATURE = 'distill.losses.0.kd.temperature=[1,2,5]';

describe('the plan of a sweep', () => {
  it('has no smaller forms of its students', async () => {
    const overrides = ['student.export.precision=8bit'];
    const recipe = parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml', overrides });
    const combinations = combine(tinyRecipe('data'), [], { path: 'recipe.yaml', overrides });
    const signal = new AbortController().signal;
    await expect(
      planSweep(laboratory, { recipe, axes: [], combinations }, { out: 'small', within: 0.01, signal }),
    ).rejects.toMatchObject({
      code: 'E_QUANTISE',
      message: expect.stringContaining('student.export.precision is 8bit'),
    });
  });

  it('trains the teacher once where only students vary, and a baseline once per student network', async () => {
    const { arms, units } = await plan([FEATURES, TEMPERATURE]);
    expect(arms.map(({ name }) => name).sort()).toEqual([
      'baseline features=2-4',
      'baseline features=3-6',
      ...['2-4', '3-6'].flatMap(size => [1, 2, 5].map(t => `student features=${size} temperature=${t}`)),
      'teacher',
    ]);
    expect(units.length).toBe(1 + 2 + 6);
    expect(new Set(units.map(({ folder }) => folder.folder)).size).toBe(units.length);
  });

  it('trains a coarse stage once where only other networks vary, and lists it as no arm', async () => {
    const coarse =
      'cascade={ coarse: { spacingMm: [3, 3, 3], patch: { size: [8, 8, 8] }, unet: { features: [3, 5] }, train: { steps: 7, batch: 1 } } }';
    const { arms, units } = await plan([FEATURES], coarse);
    expect(arms.map(({ kind }) => kind)).not.toContain('coarse');
    expect(units.map(({ arm }) => arm)).toEqual(['coarse', 'teacher', 'student', 'student', 'baseline', 'baseline']);
    expect(units.slice(1).every(unit => unit.coarse?.folder.folder === units[0]?.folder.folder)).toBe(true);
    const several = await plan(['cascade.coarse.train.steps=[5,7]'], coarse);
    expect(several.units.map(({ label }) => label)).toEqual([
      'coarse steps=5',
      'coarse steps=7',
      ...['teacher', 'student', 'baseline'].flatMap(arm => [`${arm} steps=5`, `${arm} steps=7`]),
    ]);
  });

  it('puts methods side by side against one teacher and one baseline', async () => {
    const { arms, combinations } = await plan(['distill.losses=[[{kd: {}}], [{dist: {}}], [{kd: {}}, {dist: {}}]]']);
    expect(arms.map(({ name }) => name)).toEqual([
      'teacher',
      'student losses=kd',
      'baseline',
      'student losses=dist',
      'student losses=kd+dist',
    ]);
    expect(combinations.map(({ arms: names }) => [names.teacher, names.baseline])).toEqual(
      new Array(3).fill(['teacher', 'baseline']),
    );
  });

  it('makes teachers of their own where the grid varies them, and students that follow', async () => {
    const { arms, units } = await plan(['teacher.unet.features=[[4,8],[6,12]]']);
    expect(arms.map(({ name }) => name)).toEqual([
      'teacher features=4-8',
      'student features=4-8',
      'baseline',
      'teacher features=6-12',
      'student features=6-12',
    ]);
    for (const { arm, teacher } of units) {
      if (arm === 'student') expect(units.map(({ folder }) => folder.folder)).toContain(teacher?.folder.folder);
    }
  });

  it('has every unit once per fold and seed, teachers first within a fold', async () => {
    const { units } = await plan([FEATURES], 'data.splits={ folds: 2, val: 0.2 }', 'seeds=[1,2]');
    expect(units.length).toBe(2 * 2 * (1 + 2 + 2));
    expect(units.map(({ fold }) => fold)).toEqual([...new Array(10).fill(0), ...new Array(10).fill(1)]);
    expect(units.slice(0, 2).map(({ label }) => label)).toEqual([
      'teacher (fold 0, seed 1)',
      'teacher (fold 0, seed 2)',
    ]);
  });

  it('calls a unit after what it depends on, so that a larger grid finds those that are there', async () => {
    const small = await plan([TEMPERATURE]);
    const large = await plan([FEATURES, TEMPERATURE]);
    const folders = new Set(large.units.map(({ folder }) => folder.folder));
    expect(small.units.every(({ folder }) => folders.has(folder.folder))).toBe(true);
  });

  it('refuses keys that change no student, and a sweep that nothing could choose by', async () => {
    await expect(plan(['threads=[1,2]'])).rejects.toMatchObject({ code: 'E_GRID' });
    await expect(plan([FEATURES], 'data.splits={ train: 0.5, val: 0, test: 0.5 }')).rejects.toMatchObject({
      code: 'E_SWEEP',
      message: expect.stringMatching(/^in the combination features=2-4: /),
    });
  });
});

function evaluation(dice: readonly number[], parameters: number): Evaluation {
  const score = (value: number) => ({
    presence: 'both' as const,
    dice: value,
    iou: null,
    sensitivity: null,
    precision: null,
    hd95Mm: null,
    assdMm: null,
    surfaceDice: null,
    volumeMl: 1,
    referenceMl: 1,
    volumeErrorMl: null,
    volumeErrorPercent: null,
    ece: null,
    calibratedEce: null,
    expectedDice: null,
    lesionF1: null,
    lesionDice: null,
    panopticQuality: null,
  });
  const cases = dice.map((value, index): CaseScore => {
    return { id: `case-${index}`, classes: { blob: score(value) }, meanDice: value };
  });
  const cost = { parameters, bytes: 4 * parameters, multiplyAdds: 9, secondsPerCase: parameters / 1000, peakBytes: 1 };
  return {
    model: { path: 'm', sha256: '', ...cost },
    dataset: 'd',
    split: 'test',
    cases,
    summary: summarizeCases(cases),
    calibration: {},
    postprocess: {},
    postprocessTrials: [],
    thresholds: {},
    thresholdTrials: [],
    confidence: { temperature: null, halfWidths: {}, reliability: {} },
  };
}

it('keeps the margin of its recipe once there are results, whatever --within asks later', async () => {
  const axes = parseGrid(['student.unet.features=[[2,4]]']);
  const planned = (margin: string, within?: number) => {
    const overrides = [`compare.margin=${margin}`];
    const recipe = parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml', overrides });
    const combinations = combine(tinyRecipe('data'), axes, { path: 'recipe.yaml', overrides });
    return planSweep(
      laboratory,
      { recipe, axes, combinations },
      { out: 'judged', ...(within !== undefined && { within }) },
    );
  };
  await (await planned('0.02')).prepare();
  // nothing is known yet, so it may still be another
  await (await planned('0.01')).prepare();
  const { sha256: _seal, ...record } = JSON.parse(new TextDecoder().decode(await files.read('judged/sweep.json')));
  expect(record.margin).toBe(0.01);
  await files.write('judged/sweep.json', JSON.stringify({ ...record, results: {} }));
  await expect(planned('0.05')).rejects.toMatchObject({ code: 'E_SWEEP' });
  await expect(planned('null')).rejects.toThrow(/begun with compare\.margin 0\.01, now it is none/);
  await expect(planned('0.01', 0.2)).resolves.toBeDefined();
});

describe('the results of a sweep', () => {
  const arm = (
    name: string,
    parameters: number,
    dice: { readonly val: number; readonly test: number },
  ): EvaluatedArm => {
    const at = (value: number) => [
      { fold: null, seed: 1, evaluation: evaluation([value, value + 0.01, value - 0.02], parameters) },
    ];
    const kind = name.split(' ')[0] as EvaluatedArm['kind'];
    return { name, kind, model: `units/${name}/model.onnx`, validation: at(dice.val), test: at(dice.test) };
  };
  // on the test cases the tiny student would be good enough, and the large one would not
  const arms = [
    arm('teacher', 1000, { val: 0.9, test: 0.9 }),
    arm('student tiny', 10, { val: 0.7, test: 0.9 }),
    arm('student small', 50, { val: 0.895, test: 0.86 }),
    arm('student large', 200, { val: 0.9, test: 0.7 }),
    arm('baseline tiny', 10, { val: 0.71, test: 0.6 }),
  ];
  const combinations = ['tiny', 'small', 'large'].map(name => ({
    name,
    arms: { teacher: 'teacher', student: `student ${name}`, ...(name === 'tiny' && { baseline: 'baseline tiny' }) },
  }));

  it('choose by the validation cases and report on the test cases', () => {
    const { choice } = sweepResults(combinations, arms, { within: 0.01 });
    expect(choice).toMatchObject({ student: 'student small', model: 'units/student small/model.onnx' });
    expect(choice?.sentence).toMatch(
      /^The smallest student within 0\.01 Dice .* is student small, with 0\.892 against 0\.897\. On the test cases: 3 cases cannot tell .* \(−0\.040, /,
    );
  });

  it('judge the chosen student on the test cases by the margin', () => {
    const { choice, notWorse } = sweepResults(combinations, arms, { within: 0.01, margin: 0.01 });
    expect(notWorse.map(({ a, verdict }) => [a, verdict])).toEqual(
      ['tiny', 'small', 'large'].map(name => [`student ${name}`, 'cannot tell']),
    );
    expect(choice?.sentence).toMatch(
      /On the test cases: 3 cases, 1 trained model each cannot tell whether student small loses less than 0\.01 mean Dice against the teacher /,
    );
  });

  it('say so where no student is good enough, and which is nearest', () => {
    const [teacher, tiny] = arms as [EvaluatedArm, EvaluatedArm];
    const { choice } = sweepResults(combinations.slice(0, 1), [teacher, tiny], { within: 0.01 });
    expect(choice).toMatchObject({ student: null, model: null });
    expect(choice?.sentence).toMatch(
      /^No student is within 0\.01 .*; the nearest is student tiny with 0\.697 against 0\.897\.$/,
    );
    expect(sweepResults(combinations, arms, { within: null }).choice).toBeNull();
  });

  it('have fronts by the validation cases, among all arms', () => {
    const { fronts } = sweepResults(combinations, arms, { within: null });
    // student and baseline tiny are one network, 0.01 apart on three cases, which shows nothing
    expect(fronts.parameters).toEqual(['student tiny', 'baseline tiny', 'student small', 'student large']);
    expect(fronts.bytes).toEqual(fronts.parameters);
  });

  it('have fronts that neither noise of costs nor an unproven difference decides, and set apart what finds nothing', () => {
    const many = (
      name: string,
      parameters: number,
      val: number,
      costs: Partial<Evaluation['model']> = {},
    ): EvaluatedArm => {
      const dice = Array.from({ length: 12 }, (_, index) => (val === 0 ? 0 : val + 0.03 * Math.sin(index)));
      const one = evaluation(dice, parameters);
      const repeats = [{ fold: null, seed: 1, evaluation: { ...one, model: { ...one.model, ...costs } } }];
      return {
        name,
        kind: name.split(' ')[0] as EvaluatedArm['kind'],
        model: name,
        validation: repeats,
        test: repeats,
      };
    };
    const cost = (bytes: number, secondsPerCase: number) => ({ bytes, secondsPerCase });
    const swept = [
      many('student good', 100, 0.8, cost(1000, 1)),
      // the same network: 0.5 % more bytes, 20 % more time, shown to be worse
      many('baseline same', 100, 0.7, cost(995, 0.8)),
      many('student large', 400, 0.8001, cost(4000, 3)),
      many('student nothing', 5, 0, cost(10, 0.1)),
    ];
    const results = sweepResults([], swept, { within: null });
    expect(results.foundNothing).toEqual(['student nothing']);
    expect(results.fronts.bytes).toEqual(['student good', 'student large']);
    expect(results.fronts.secondsPerCase).toEqual(['student good', 'student large']);
    expect(results.recommendation).toMatchObject({ student: 'student large' });
    const noisy = swept.map(one =>
      one.name === 'student large' ? many('student large', 400, 0.79, cost(4000, 3)) : one,
    );
    expect(sweepResults([], noisy, { within: null }).recommendation).toEqual({
      student: 'student good',
      sentence: expect.stringMatching(
        /^Take student good: mean Dice 0\.\d{3} on the validation cases and .*; no smaller student is as good on the validation cases\.$/,
      ),
    });
  });

  it('leave arms that lack units out of fronts and choice, and name them', () => {
    const incomplete = { 'student small': { evaluated: 1, units: 2 }, 'baseline small': { evaluated: 0, units: 2 } };
    const results = sweepResults(combinations, arms, { within: 0.01, incomplete });
    expect(results.fronts.parameters).toEqual(['student tiny', 'baseline tiny', 'student large']);
    expect(results.choice?.student).toBe('student large');
    expect(Object.keys(results.arms)).toContain('student small');
    expect(results.incomplete).toEqual(incomplete);
    expect(incompleteNotes(incomplete)).toEqual([
      'student small is incomplete: its numbers come from 1 of its 2 units.',
      'baseline small is missing: none of its 2 units is evaluated.',
    ]);
  });

  it('correct the tests of one question together', () => {
    const { againstTeacher, againstBaseline } = sweepResults(combinations, arms, { within: null });
    const onMean = againstTeacher.filter(({ metric }) => metric === 'meanDice');
    expect(onMean.map(({ a, b }) => [a, b])).toEqual(combinations.map(({ name }) => [`student ${name}`, 'teacher']));
    expect(onMean[1]?.sentence).toContain('3 tests');
    expect(againstBaseline.map(({ a, b }) => [a, b])[0]).toEqual(['student tiny', 'baseline tiny']);
    expect(againstBaseline[0]?.sentence).not.toContain('Holm');
  });

  it('are shown with every arm, a chart per cost and the choice first', () => {
    const results = sweepResults(combinations, arms, { within: 0.01 });
    const input = { title: '<t>', results, command: 'sweep', recipe: 'a: 1', notes: [], units: [] };
    const page = renderSweepReport(input);
    expect(page).toContain(`<p class="headline">The smallest student within 0.01`);
    expect(page.match(/<figure class="chart">/g)?.length).toBe(3);
    for (const { name } of arms) expect(page).toContain(`<th scope="row">${name}</th>`);
    expect(page).not.toContain('<t>');
    expect(renderSweepReport(input)).toBe(page);
  });
});
