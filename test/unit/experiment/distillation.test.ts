/** From the recipe's list of losses to the terms of a step. */
import { describe, expect, it } from 'vitest';
import { distillationTerms } from '../../../src/experiment/distillation.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import type { Method } from '../../../src/training/distillation.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const termsOf = (losses: string) =>
  distillationTerms(parseRecipe(`${tinyRecipe('data')}distill: { losses: ${losses} }`, { path: 'r' }));

/** Every method in as few words as a recipe allows. */
const SHORTEST = {
  kd: '{}',
  logitRegression: '{}',
  dkd: '{}',
  dist: '{}',
  softDice: '{}',
  hint: '{ studentLayer: encoder0, teacherLayer: encoder1 }',
  attention: '{ studentLayer: encoder0, teacherLayer: encoder1 }',
  channelWise: '{}',
  regionAffinity: '{ studentLayer: encoder0, teacherLayer: encoder1 }',
} satisfies Readonly<Record<Method, string>>;

describe('the terms of a recipe', () => {
  it('are called like their methods, the second of a method with a 2 behind it', () => {
    const names = termsOf('[{ kd: {} }, { dist: {} }, { kd: {} }, { dist: {} }, { kd: {} }]').map(({ name }) => name);
    expect(names).toEqual(['kd', 'dist', 'kd2', 'dist2', 'kd3']);
  });

  it.each(Object.entries(SHORTEST))('may be %s with nothing but what it needs', (method, settings) => {
    const [term] = termsOf(`[{ ${method}: ${settings} }]`);
    expect(term).toMatchObject({ method, name: method });
    for (const number of [term!.weight, ...('temperature' in term! ? [term.temperature] : [])]) {
      expect(number).toEqual({
        from: expect.any(Number),
        warmupSteps: 0,
        start: expect.any(Number),
        end: expect.any(Number),
        curve: 'linear',
      });
    }
    expect('weights' in term!).toBe(['kd', 'logitRegression', 'dkd', 'dist'].includes(method));
  });

  it('lead a plain softWeight to finalSoftWeight, as before there were schedules', () => {
    const [plain, full] = termsOf(
      '[{ kd: { temperature: 5, softWeight: 0.5 } }, { kd: { alpha: 0.4, finalSoftWeight: 0.2, warmupSteps: 7 } }]',
    );
    expect(plain).toEqual({
      method: 'kd',
      name: 'kd',
      weights: 'balanced',
      foregroundWeight: 1,
      boundaryWeight: 1,
      weight: { from: 0, warmupSteps: 0, start: 0.5, end: 0, curve: 'linear' },
      temperature: { from: 5, warmupSteps: 0, start: 5, end: 5, curve: 'linear' },
    });
    expect(full?.weight).toEqual({ from: 0, warmupSteps: 7, start: 0.4, end: 0.2, curve: 'linear' });
  });

  it('warm a weight up from 0 and keep a temperature at its start', () => {
    const schedule = '{ start: 3, end: 1, curve: cosine, warmupSteps: 9 }';
    const [kd, dkd] = termsOf(
      `[{ kd: { softWeight: ${schedule}, temperature: ${schedule} } }, { dkd: { weight: ${schedule} } }]`,
    );
    const numbers = { warmupSteps: 9, start: 3, end: 1, curve: 'cosine' };
    expect(kd).toMatchObject({ weight: { from: 0, ...numbers }, temperature: { from: 3, ...numbers } });
    expect(dkd?.weight).toEqual({ from: 0, ...numbers });
  });
});
