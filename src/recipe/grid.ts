/**
 * The grid of a sweep: keys of a recipe with their values, and every combination of them as a recipe. Names of
 * combinations consist of keys and values, short enough for tables.
 */
import { InputError } from '../core/errors.ts';
import { parseRecipe } from './parse.ts';
import type { Recipe } from './schema.ts';
import { parseYamlValue } from './yaml.ts';

/** One key and its values. */
export interface GridAxis {
  /** Path in the recipe, `student.unet.features`. */
  readonly key: string;
  readonly values: readonly unknown[];
  /** Shortest end of the key that differs from the other keys. */
  readonly label: string;
}

/** One combination of a grid. */
export interface Combination {
  /** `features=2-4-8 temperature=1`; axes with a single value are left out. */
  readonly name: string;
  /** Values by key, in the order of the grid. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly recipe: Recipe;
}

function wrong(text: string, reason: string): never {
  throw new InputError(
    'E_GRID',
    `--grid needs key=[value, value, ...], for example student.unet.features=[[2,4,8],[4,8,16]]; got "${text}": ${reason}`,
  );
}

function parseAxis(text: string): Omit<GridAxis, 'label'> {
  const equals = text.indexOf('=');
  if (equals < 1) wrong(text, 'there is no key before a sign');
  const key = text.slice(0, equals).trim();
  const values = parseYamlValue(text.slice(equals + 1), reason => wrong(text, `the value is not YAML: ${reason}`));
  if (!Array.isArray(values) || values.length === 0) wrong(text, 'the values are not a list');
  return { key, values };
}

/** The shortest ends of the keys that are not an end of another key. A number alone is not enough. */
function labelOf(key: string, keys: readonly string[]): string {
  const parts = key.split('.');
  for (let count = 1; count < parts.length; count++) {
    const end = parts.slice(-count);
    const isShared = keys.some(other => other !== key && other.split('.').slice(-count).join('.') === end.join('.'));
    if (!isShared && !/^\d+$/.test(end[0] as string)) return end.join('.');
  }
  return key;
}

/**
 * Reads a grid.
 * @param texts `key=[value, ...]` each, the list in YAML
 * @throws {InputError} E_GRID if one is malformed or two have the same key
 */
export function parseGrid(texts: readonly string[]): readonly GridAxis[] {
  const axes = texts.map(parseAxis);
  const keys = axes.map(({ key }) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined)
    throw new InputError('E_GRID', `--grid ${twice} is given twice. Put all values into one list.`);
  return axes.map(axis => ({ ...axis, label: labelOf(axis.key, keys) }));
}

/** A value as part of a name: `2-4-8`, `kd+dist`, `kd(temperature=2)`. */
function valueLabel(value: unknown): string {
  if (Array.isArray(value)) {
    const isPlain = value.every(item => typeof item !== 'object' || item === null);
    return value.map(valueLabel).join(isPlain ? '-' : '+');
  }
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => {
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return `${key}=${valueLabel(inner)}`;
      const content = valueLabel(inner);
      return content === '' ? key : `${key}(${content})`;
    })
    .join(' ');
}

/**
 * Names the values that a group of combinations shares, among the axes that differ at all.
 * @returns an empty text if they share nothing that other combinations lack
 */
export function commonName(axes: readonly GridAxis[], group: readonly Pick<Combination, 'values'>[]): string {
  return axes
    .flatMap(({ key, label, values }) => {
      const labels = [...new Set(group.map(combination => valueLabel(combination.values[key])))];
      return values.length > 1 && labels.length === 1 ? [`${label}=${labels[0]}`] : [];
    })
    .join(' ');
}

function valuesOf(axes: readonly GridAxis[]): readonly Combination['values'][] {
  return axes.reduce<readonly Combination['values'][]>(
    (all, { key, values }) => all.flatMap(before => values.map(value => ({ ...before, [key]: value }))),
    [{}],
  );
}

/**
 * Every combination of a grid, the last axis fastest, all of them checked.
 * @param text text of the recipe
 * @throws {InputError} E_RECIPE_KEY, E_RECIPE_VALUE with every combination that is not a valid recipe
 */
export function combine(
  text: string,
  axes: readonly GridAxis[],
  options: { readonly path: string; readonly overrides: readonly string[] },
): readonly Combination[] {
  const problems = new Map<string, InputError>();
  const combinations = valuesOf(axes).flatMap((values): Combination[] => {
    const grid = Object.entries(values).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    try {
      return [{ name: commonName(axes, [{ values }]), values, recipe: parseRecipe(text, { ...options, grid }) }];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      // a problem of every combination is reported once
      if (!problems.has(error.message)) problems.set(error.message, error);
      return [];
    }
  });
  const [first] = problems.values();
  if (first === undefined) return combinations;
  throw new InputError(first.code, [...problems.keys()].join('\n'), { cause: first });
}
