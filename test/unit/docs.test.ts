/** The documents beside the code say what the code says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keyRows, withTables } from '../../scripts/recipe-tables.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';

describe('docs/recipe.md', () => {
  const text = readFileSync(new URL('../../docs/recipe.md', import.meta.url), 'utf8');
  const written = [...text.matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(([, key]) => key!);

  it('has its tables of keys as `npm run schema` makes them from the schema', () => {
    expect(withTables(text)).toBe(text);
  });

  it('has a row for every key of a recipe, and none for another', () => {
    const keys = keyRows().map(({ key }) => key);
    expect(keys.length).toBeGreaterThan(150);
    expect(written.filter(key => /[.]|^\w+$/.test(key) && keys.includes(key)).sort()).toEqual(keys.sort());
  });

  it('says of every key what it means, what it may be, and what it is by default', () => {
    for (const row of keyRows()) {
      expect(row.meaning, row.key).not.toBe('');
      expect(row.values, row.key).not.toBe('');
      expect(row.default, row.key).not.toBe('');
    }
  });

  it('shows recipes and parts of one that are right', () => {
    const [first = '', ...parts] = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, example]) => example!);
    expect(parseRecipe(first, { path: 'docs/recipe.md' }).patch.size).toEqual([40, 56, 40]);
    const distill = parts.filter(part => part.startsWith('distill:'));
    const recipes = distill.map(part => parseRecipe(first + part, { path: 'docs/recipe.md' }));
    expect(recipes.map(recipe => recipe.distill.losses.length)).toEqual([4]);
  });
});
