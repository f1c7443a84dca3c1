/** Grids: what may be written, what the combinations are called, and that all of them are checked at once. */
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { combine, commonName, parseGrid } from '../../../src/recipe/grid.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const FEATURES = 'student.unet.features=[[2,4],[3,6]]';
const TEMPERATURE = 'distill.losses.0.kd.temperature=[1, 2, 5]';

function combinations(...grid: readonly string[]) {
  return combine(tinyRecipe('data'), parseGrid(grid), { path: 'recipe.yaml', overrides: ['seeds=[7]'] });
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof InputError) return `${error.code}: ${error.message}`;
  }
  throw new Error('nothing was refused');
}

describe('the combinations of a grid', () => {
  it('are all of them, the last key fastest, each a recipe of its own', () => {
    const all = combinations(FEATURES, TEMPERATURE);
    expect(all.map(({ name }) => name)).toEqual([
      'features=2-4 temperature=1',
      'features=2-4 temperature=2',
      'features=2-4 temperature=5',
      'features=3-6 temperature=1',
      'features=3-6 temperature=2',
      'features=3-6 temperature=5',
    ]);
    const [, , third] = all;
    expect(third?.values).toEqual({ 'student.unet.features': [2, 4], 'distill.losses.0.kd.temperature': 5 });
    expect(third?.recipe.distill.losses[0]).toMatchObject({ kd: { temperature: 5 } });
    expect(third?.recipe.seeds).toEqual([7]);
  });

  it('name methods by what is in their list', () => {
    const all = combinations(
      'distill.losses=[[{kd: {}}], [{dist: {weight: 0.5}}], [{kd: {temperature: 3}}, {dist: {}}]]',
    );
    expect(all.map(({ name }) => name)).toEqual([
      'losses=kd',
      'losses=dist(weight=0.5)',
      'losses=kd(temperature=3)+dist',
    ]);
  });

  it('are called after as much of the key as the others do not share', () => {
    const axes = parseGrid(['student.unet.features=[[2,4]]', 'teacher.unet.features=[[4,8]]', 'patch.foreground=[0]']);
    expect(axes.map(({ label }) => label)).toEqual(['student.unet.features', 'teacher.unet.features', 'foreground']);
    expect(parseGrid(['patch.size.0=[16, 32]'])[0]?.label).toBe('size.0');
  });

  it('share a name of what they have in common, of the keys that vary', () => {
    const axes = parseGrid([FEATURES, TEMPERATURE, 'patch.foreground=[0.5]']);
    const all = combinations(FEATURES, TEMPERATURE, 'patch.foreground=[0.5]');
    expect(commonName(axes, all.slice(0, 3))).toBe('features=2-4');
    expect(commonName(axes, all)).toBe('');
  });
});

describe('a grid is refused', () => {
  it.each([
    ['without a key', '[1, 2]', /^E_GRID: --grid needs key=\[value, value, \.\.\.\]/],
    ['without a list', 'student.train.steps=3', /^E_GRID: .*the values are not a list/],
    ['with an empty list', 'student.train.steps=[]', /^E_GRID: /],
    ['with what is no YAML', 'student.train.steps=[1', /^E_GRID: .*not YAML/],
  ])('%s', (_, text, message) => {
    expect(messageOf(() => parseGrid([text]))).toMatch(message);
  });

  it('with a key twice', () => {
    expect(messageOf(() => parseGrid([TEMPERATURE, TEMPERATURE]))).toMatch(/^E_GRID: .*given twice/);
  });

  it('with an unknown key, and names the nearest', () => {
    expect(messageOf(() => combinations('student.unet.featurs=[[2,4]]'))).toBe(
      'E_RECIPE_KEY: --grid student.unet.featurs=[2,4]: student.unet.featurs: unknown key; did you mean "features"?',
    );
  });

  it('with values that are illegal, every one of them named', () => {
    const message = messageOf(() => combinations('student.train.steps=[3, 0, -1]', FEATURES));
    expect(message.split('\n')).toEqual([
      'E_RECIPE_VALUE: --grid student.train.steps=0: student.train.steps: got 0; allowed: a whole number of at least 1',
      '--grid student.train.steps=-1: student.train.steps: got -1; allowed: a whole number of at least 1',
    ]);
  });
});
