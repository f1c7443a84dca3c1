/** The documents beside the code say what the code says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../src/experiment/config.ts';
import { recipeJsonSchema } from '../../src/experiment/config-schema.ts';

/** The parts of JSON Schema that the recipe's schema is made of. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema | readonly Schema[];
  readonly required?: readonly string[];
  readonly default?: unknown;
}

/** Whether a schema has keys of its own, in itself or in one of its choices. */
function hasKeys({ properties, anyOf, items }: Schema): boolean {
  const item = items !== undefined && !Array.isArray(items) ? [items as Schema] : [];
  return properties !== undefined || [...(anyOf ?? []), ...item].some(hasKeys);
}

/**
 * Every key of the schema by its path, teacher and student as ARM, with its default as the document writes it.
 * @param outer default of the choice that the schema is one of
 */
function defaultsOf(
  schema: Schema,
  path = '',
  isRequired = false,
  outer?: unknown,
): readonly (readonly [string, string])[] {
  const { properties, anyOf, items, required } = schema;
  if (properties !== undefined) {
    return Object.entries(properties).flatMap(([key, child]) =>
      defaultsOf(child, path === '' ? key : `${path}.${key}`, required?.includes(key) === true),
    );
  }
  const value = 'default' in schema ? schema.default : outer;
  if (hasKeys(schema)) return (anyOf ?? [items as Schema]).flatMap(one => defaultsOf(one, path, isRequired, value));
  const text = typeof value === 'string' ? value : JSON.stringify(value)?.replaceAll(',', ', ');
  return [[path.replace(/^(teacher|student)\.(?=unet|train)/, 'ARM.'), isRequired ? 'required' : (text ?? 'none')]];
}

describe('docs/recipe.md', () => {
  const text = readFileSync(new URL('../../docs/recipe.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([^`]+)` \| ([^|]+) \| [^|]+ \| [^|]+ \|$/gm)];
  const written = new Map(rows.map(([, key, value]) => [key!, value!]));
  const known = new Map(defaultsOf(recipeJsonSchema() as Schema));

  it('has a row for every key of a recipe, and none for another', () => {
    expect([...written.keys()].sort()).toEqual([...known.keys()].sort());
    expect(rows.length).toBe(written.size);
  });

  it('says the default of every key', () => {
    // these two have none that is a number: one depends on the steps, the other is a second name
    expect([written.get('ARM.train.validateEvery'), written.get('distill.losses.kd.alpha')]).toEqual([
      'steps / 10',
      'not given',
    ]);
    const others = [...known].filter(([, value]) => value !== 'none');
    expect(known.size - others.length).toBe(2);
    expect(Object.fromEntries(others.map(([key]) => [key, written.get(key)]))).toEqual(Object.fromEntries(others));
  });

  it('shows a recipe that is one', () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
    expect(parseRecipe(example, { path: 'docs/recipe.md' }).patch.size).toEqual([40, 56, 40]);
  });
});
