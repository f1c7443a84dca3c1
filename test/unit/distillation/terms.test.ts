/** From the recipe's list of losses to the terms of a step. */
import { describe, expect, it } from 'vitest';
import { METHODS, type Method } from '../../../src/distillation/methods.ts';
import { distillationHyperNames, distillationHyperValues, distillationTerms } from '../../../src/distillation/terms.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const termsOf = (losses: string) =>
  distillationTerms(parseRecipe(`${tinyRecipe('data')}distill: { losses: ${losses} }`, { path: 'r' }).distill.losses);

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
    expect(typeof term!.weight).toBe(method === 'kd' ? 'object' : 'number');
    const isSoftened = ['kd', 'dkd', 'dist', 'softDice', 'channelWise'].includes(method);
    expect('temperature' in term! && typeof term.temperature).toBe(isSoftened && 'number');
    expect('classWeights' in term!).toBe(['kd', 'logitRegression', 'dkd', 'dist'].includes(method));
  });

  it('have every method of the program among them', () => {
    expect(Object.keys(SHORTEST)).toEqual(Object.keys(METHODS));
  });

  it('take a weight of kd as that of every other method', () => {
    const schedule = { start: 3, end: 1, curve: 'cosine', warmupSteps: 9 };
    const [plain, changing] = termsOf(`[{ kd: { weight: 0.5 } }, { kd: { weight: ${JSON.stringify(schedule)} } }]`);
    expect([plain?.weight, changing?.weight]).toEqual([0.5, schedule]);
  });

  it('lead a plain softWeight or alpha of kd to finalSoftWeight, as before there were ramps', () => {
    const terms = termsOf(
      '[{ kd: { temperature: 5, softWeight: 0.5 } }, { kd: { alpha: 0.4, finalSoftWeight: 0.2, warmupSteps: 7 } }, { kd: {} }]',
    );
    expect(terms[0]).toEqual({
      method: 'kd',
      name: 'kd',
      classWeights: 'balanced',
      foregroundWeight: 1,
      boundaryWeight: 1,
      weight: { warmupSteps: 0, start: 0.5, end: 0, curve: 'linear' },
      temperature: 5,
    });
    expect(terms[1]?.weight).toEqual({ warmupSteps: 7, start: 0.4, end: 0.2, curve: 'linear' });
    expect(terms[2]?.weight).toEqual({ warmupSteps: 0, start: 0.1, end: 0, curve: 'linear' });
  });

  it('take a softWeight with start and end as it is', () => {
    const schedule = { start: 3, end: 1, curve: 'cosine', warmupSteps: 9 };
    expect(termsOf(`[{ kd: { softWeight: ${JSON.stringify(schedule)} } }]`)[0]?.weight).toEqual(schedule);
  });

  it('give numbers of every step, by the names that the step asks for', () => {
    const terms = termsOf(
      '[{ kd: { softWeight: 0.5, temperature: { start: 3, end: 1 } } }, { hint: { weight: 2, studentLayer: a, teacherLayer: b } }]',
    );
    const [first, last] = [0, 9].map(step => distillationHyperValues(terms, { step, steps: 10 }));
    expect(first).toEqual({ 'kd.weight': 0.5, 'kd.temperature': 3, 'hint.weight': 2 });
    expect(last).toEqual({ 'kd.weight': 0, 'kd.temperature': 1, 'hint.weight': 2 });
    expect(distillationHyperNames(terms)).toEqual(Object.keys(first!));
  });
});
