/** The documents beside the code say what the code says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { recipeJsonSchema } from '../../src/recipe/schema.ts';

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

/** Whether a value is a number or one that changes over the steps: its keys are told once, as SCHEDULE. */
function isSchedule({ anyOf }: Schema): boolean {
  return anyOf?.some(({ properties }) => properties?.['curve'] !== undefined) === true;
}

/** A number, or a schedule by its ends, as the document writes it; nothing for none. */
function scheduleText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  const { start, end } = value as { readonly start: number; readonly end: number };
  return `{ start: ${start}, end: ${end} }`;
}

/** Paths under which the document tells keys that several places share. */
function shared(path: string): string {
  return path
    .replace(/^(teacher|student)\.(?=unet|generalizedUnet|meshnet|deepmedic|train)/, 'ARM.')
    .replace(/^distill\.losses\.\w+\.(?=classWeights|foregroundWeight|boundaryWeight)/, 'VOXELS.');
}

/**
 * Every key of the schema by its path, shared ones under their name, with its default as the document writes it.
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
  if (isSchedule(schema)) {
    const notation = (anyOf ?? []).filter(choice => choice.properties !== undefined);
    return [
      [path, scheduleText(schema.default)],
      ...notation.flatMap(choice => defaultsOf(choice, 'SCHEDULE', isRequired)),
    ];
  }
  const value = 'default' in schema ? schema.default : outer;
  if (hasKeys(schema)) return (anyOf ?? [items as Schema]).flatMap(one => defaultsOf(one, path, isRequired, value));
  const text = typeof value === 'string' ? value : JSON.stringify(value)?.replaceAll(',', ', ');
  return [[shared(path), isRequired ? 'required' : (text ?? '')]];
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
    // these have none that is a value: they depend on other keys, or are a second name
    const derived = {
      'ARM.train.validateEvery': 'steps / 10',
      'distill.losses.kd.softWeight': 'not given',
      'distill.losses.kd.alpha': 'not given',
      'ARM.unet.kernels': '3 each',
      'ARM.unet.pooling': '2 each',
      'ARM.generalizedUnet.kernels': '3 each',
      'ARM.generalizedUnet.subsampleFactors': '1, 2, 4, ...',
      'ARM.deepmedic.kernels': '3 each',
      'ARM.deepmedic.subsampleFactors': '1, 3, 5, ...',
    };
    const others = [...known].filter(([, value]) => value !== '');
    const without = [...known].filter(([, value]) => value === '').map(([key]) => key);
    expect(without.sort()).toEqual(Object.keys(derived).sort());
    for (const [key, text] of Object.entries(derived)) expect(written.get(key)).toBe(text);
    expect(Object.fromEntries(others.map(([key]) => [key, written.get(key)]))).toEqual(Object.fromEntries(others));
  });

  it('shows recipes and parts of one that are right', () => {
    const [first = '', ...parts] = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, example]) => example!);
    expect(parseRecipe(first, { path: 'docs/recipe.md' }).patch.size).toEqual([40, 56, 40]);
    const distill = parts.filter(part => part.startsWith('distill:'));
    const recipes = distill.map(part => parseRecipe(first + part, { path: 'docs/recipe.md' }));
    expect(recipes.map(recipe => recipe.distill.losses.length)).toEqual([4]);
  });
});
