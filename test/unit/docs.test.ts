/** The documents beside the code say what the code says. */
import { readdirSync, readFileSync } from 'node:fs';
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

describe('every document', () => {
  const root = new URL('../../', import.meta.url);
  const below = (folder: string): readonly string[] =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .map(path => folder + path)
      .filter(path => path.endsWith('.md') && !path.includes('node_modules'));
  const here = readdirSync(root).filter(path => path.endsWith('.md'));
  const documents = [...here, ...['docs/', 'studies/', 'examples/', 'findings/', 'bench/'].flatMap(below)];
  /** Sentences that begin within a line, outside of code, tables, headings, links and parentheses. */
  const startsWithin = (line: string): boolean => {
    const text = line.replace(/`[^`]*`|\([^()]*\)|\*\*[^*]+\*\*/g, 'x').replace(/\b(?:et al|vs|cf)\./g, 'x');
    return /[a-z0-9%\])]\. [A-Z]/.test(text);
  };

  it.each(documents.filter(path => path !== 'CHANGELOG.md' && !path.startsWith('docs/api/')))(
    '%s has one sentence per line',
    path => {
      const text = readFileSync(new URL(path, root), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
      const lines = text.split('\n').filter(line => !/^(?:\||#| {4})/.test(line));
      expect(lines.filter(line => startsWithin(line.replace(/^\d+\. /, '')))).toEqual([]);
    },
  );

  it('is not taken for one sentence per line where there are two', () => {
    expect(startsWithin('It runs. Then it ends.')).toBe(true);
    expect(startsWithin('It runs (see 2. Plan), as Borges et al. Found, at 0.5 of the time.')).toBe(false);
  });
});
