/** The recipes of the studies are recipes of this version. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../../src/recipe/parse.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}/${path}`, 'utf8');

describe('the recipes of the studies', () => {
  it.each([
    'hippocampus/full.yaml',
    'hippocampus/few-labels.yaml',
    'hippocampus/longer.yaml',
    'two-teachers/teacher.yaml',
    'two-teachers/student.yaml',
    'corrections/student.yaml',
    'brats/leave-one-out.yaml',
    'heads/teacher.yaml',
    'heads/student-100k.yaml',
    'heads/student-25k.yaml',
  ])('%s can be read', path => {
    expect(() => parseRecipe(read(`studies/${path}`), { path })).not.toThrow();
  });
});

describe('the heads', () => {
  const recipes = ['teacher', 'student-100k', 'student-25k'].map(name =>
    parseRecipe(read(`studies/heads/${name}.yaml`), { path: name }),
  );

  it('are painted, prepared and divided alike for teacher and students', () => {
    const [teacher, ...students] = recipes;
    for (const { data, preprocess, patch } of students) {
      expect({ data, preprocess, patch }).toEqual({
        data: teacher!.data,
        preprocess: teacher!.preprocess,
        patch: teacher!.patch,
      });
    }
  });

  it('are each in one split', () => {
    const { train, val, test }: Record<string, string[]> = JSON.parse(read('studies/heads/splits.json'));
    expect([train, val, test].map(ids => ids?.length)).toEqual([10, 2, 3]);
    expect(new Set([train, val, test].flat()).size).toBe(15);
  });
});
