/** Units of work: which a recipe has, and what each of them depends on. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { armContent } from '../../../../src/experiment/arm-content.ts';
import { armFolder } from '../../../../src/experiment/arm-folder.ts';
import { ARMS, TRAINED_ARMS } from '../../../../src/experiment/record.ts';
import { parseRecipe, stringifyRecipe } from '../../../../src/recipe/parse.ts';
import { unitsOf } from '../../../../src/study/units/unit.ts';
import { tinyRecipe } from '../../../support/tiny-recipe.ts';

const recipe = (...overrides: string[]) => parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml', overrides });
/** What the arms of the same recipe depended on in November 2026. */
const BEFORE = new URL('../../../fixtures/arm-content.json', import.meta.url);
/** A coarse stage that the recipe trains. */
const COARSE =
  'cascade={ coarse: { spacingMm: [3, 3, 3], patch: { size: [8, 8, 8] }, unet: { features: [3, 5] }, train: { steps: 7, batch: 1 } } }';
const place = ({ arm }: { readonly arm: string }) => ({ folder: armFolder(arm), label: arm });

describe('the units of a recipe', () => {
  it('are every arm of every fold and seed, each teacher before its student', () => {
    const units = unitsOf(recipe('seeds=[3, 4]', 'data.splits={ folds: 2 }'), { folds: [0, 1], seeds: [3, 4] }, place);
    expect(units.map(({ arm, fold, seed }) => `${arm} ${fold} ${seed}`)).toEqual(
      [0, 1].flatMap(fold => [3, 4].flatMap(seed => ARMS.map(arm => `${arm} ${fold} ${seed}`))),
    );
    for (const unit of units.filter(({ arm }) => arm === 'student')) {
      expect(unit.teacher).toMatchObject({ arm: 'teacher', fold: unit.fold, seed: unit.seed });
      expect(units.indexOf(unit.teacher!)).toBeLessThan(units.indexOf(unit));
    }
  });

  it('begin with the coarse stage of every fold and seed, where the recipe trains it', () => {
    const whole = recipe('seeds=[3, 4]', COARSE);
    const units = unitsOf(whole, { folds: [null], seeds: [3, 4] }, place);
    expect(units.map(({ arm, seed }) => `${arm} ${seed}`)).toEqual(
      [3, 4].flatMap(seed => TRAINED_ARMS.map(arm => `${arm} ${seed}`)),
    );
    const [coarse, ...arms] = units.slice(4);
    expect(arms.map(unit => unit.coarse)).toEqual([coarse, coarse, coarse]);
    expect(arms[1]?.teacher).toBe(arms[0]);
    expect(coarse?.coarse).toBeUndefined();
    // a recipe like any other
    expect(parseRecipe(stringifyRecipe(coarse!.recipe), { path: 'coarse' })).toEqual(coarse!.recipe);
    expect(coarse?.recipe).toMatchObject({
      cascade: null,
      seeds: [4],
      preprocess: { spacingMm: [3, 3, 3], normalize: 'min-max' },
      patch: { size: [8, 8, 8], foreground: 0.33 },
      student: { unet: { features: [3, 5] }, train: { steps: 7, batch: 1 } },
    });
    expect(arms[0]?.recipe).toEqual({ ...whole, seeds: [4] });
  });

  it('have a recipe of one fold and one seed', () => {
    const whole = recipe('seeds=[3, 4]', 'data.splits={ folds: 2 }');
    const [, , , , last] = unitsOf(whole, { folds: [1], seeds: [3, 4] }, place);
    expect(last?.recipe).toEqual(recipe('seeds=[4]', 'data.splits={ folds: 2, fold: 1 }'));
  });

  it('leave the baseline out where the recipe does', () => {
    const units = unitsOf(recipe('baseline=false'), { folds: [null], seeds: [1] }, place);
    expect(units.map(({ arm }) => arm)).toEqual(['teacher', 'student']);
  });
});

describe('what an arm depends on', () => {
  it('is the number of labels only for student and baseline where the teacher learns from all', () => {
    const contents = (labelled: number) =>
      unitsOf(
        recipe(`data.splits={ labelled: ${labelled}, teacherLabels: all }`),
        { folds: [null], seeds: [1] },
        place,
      ).map(unit => JSON.stringify(armContent(unit.recipe, unit.arm)));
    const [two, three] = [contents(2), contents(3)];
    expect(ARMS.filter((_, index) => two[index] !== three[index])).toEqual(['student', 'baseline']);
  });

  it('is the same with keys that are younger than it, where they change nothing', () => {
    const teacher = 'teacher={ models: [{ onnx: a.onnx }, { onnx: b.onnx, model: { crop: nonzero } }] }';
    const content = armContent(recipe(teacher), 'student');
    expect(content).toMatchObject({ teacher: { models: [{ onnx: 'a.onnx' }, { model: { crop: 'nonzero' } }] } });
    expect(JSON.stringify(content).match(/"crop"/g)).toHaveLength(1);
  });

  it('is the coarse stage for every arm of its region, and nothing of the other arms for the coarse stage', () => {
    const contents = (...overrides: string[]) =>
      unitsOf(recipe(COARSE, ...overrides), { folds: [null], seeds: [1] }, place).map(unit =>
        JSON.stringify(armContent(unit.recipe, unit.arm)),
      );
    const before = contents();
    const changed = (override: string) => {
      const after = contents(override);
      return TRAINED_ARMS.filter((_, index) => before[index] !== after[index]);
    };
    expect(changed('cascade.coarse.train.steps=8')).toEqual(TRAINED_ARMS);
    expect(changed('cascade.marginMm=5')).toEqual(ARMS);
    expect(changed('student.unet.features=[3, 5]')).toEqual(['student', 'baseline']);
    expect(changed('preprocess.spacingMm=[1, 1, 1]')).toEqual(ARMS);
    expect(changed('augment.noise=0.2')).toEqual(TRAINED_ARMS);
  });

  const changes = (override: string) =>
    ARMS.filter(arm => JSON.stringify(armContent(recipe(override), arm)) !== JSON.stringify(armContent(recipe(), arm)));

  it('is what it was before there were later keys, letter by letter, so that trainings of then go on', () => {
    const before: readonly unknown[] = JSON.parse(readFileSync(BEFORE, 'utf8'));
    expect(ARMS.map(arm => JSON.stringify(armContent(recipe(), arm)))).toEqual(before.map(one => JSON.stringify(one)));
  });

  it.each([
    ['teacher.unet.features=[8, 16]', ['teacher', 'student']],
    ['student.unet.features=[3, 6]', ['student', 'baseline']],
    ['student.train.steps=99', ['student', 'baseline']],
    ['student.train.ema=0.9', ['student', 'baseline']],
    ['student.train.earlyStop={ patience: 3 }', ['student', 'baseline']],
    ['teacher.train.schedule={ kind: plateau }', ['teacher', 'student']],
    ['optimizer.schedule={ kind: plateau, patience: 4 }', ARMS],
    ['teacher.train.ema=0.9', ['teacher', 'student']],
    ['student.from=teacher', ['student']],
    ['student.train.from=m.onnx', ['student', 'baseline']],
    ['augment.brightnessFactor=[1, 2]', ['teacher', 'student', 'baseline']],
    ['distill.losses.0.kd.temperature=7', ['student']],
    ['distill.unlabelled.batch=1', ['student']],
    ['patch.foreground=0.9', ARMS],
    ['optimizer.clipNorm=1', ARMS],
    ['loss.crossEntropy.topPercent=10', ARMS],
    ['loss.dice.falsePositives=0.3', ARMS],
    ['evaluate.overlap=0.1', ARMS],
    ['data.splits.labelled=2', ARMS],
    ['seeds=[9]', ARMS],
    ['preprocess.crop=nonzero', ARMS],
    ['preprocess.crop=none', []],
    ['data.cache.limitMB=0', []],
    ['labels.codes={}', []],
    ['data.synthesize=null', []],
    ['data.synthesize={ classes: { one: 1 } }', ARMS],
    ['labels.codes={ a: { value: "1", meaning: one } }', ARMS],
    ['threads=3', []],
    ['device=auto', []],
    ['baseline=false', []],
  ] as const)('%s is the affair of %j', (override, arms) => {
    expect(changes(override)).toEqual(arms);
  });
});
