/** Units of work: which a recipe has, and what each of them depends on. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { armContent } from '../../../../src/experiment/arm-content.ts';
import { armFolder } from '../../../../src/experiment/arm-folder.ts';
import { ARMS } from '../../../../src/experiment/record.ts';
import { parseRecipe } from '../../../../src/recipe/parse.ts';
import { unitsOf } from '../../../../src/study/units/unit.ts';
import { tinyRecipe } from '../../../support/tiny-recipe.ts';

const recipe = (...overrides: string[]) => parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml', overrides });
/** What the arms of the same recipe depended on in November 2026. */
const BEFORE = new URL('../../../fixtures/arm-content.json', import.meta.url);
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
