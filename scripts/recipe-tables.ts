/**
 * The tables of keys in docs/recipe.md, made from the recipe's schema. Each stands behind a comment that names the keys
 * that it lists, `<!-- keys: data -->`, with all keys below them. ARM, VOXELS and SCHEDULE stand for places that share
 * their keys.
 */
import { withoutReferences } from '../src/recipe/problems.ts';
import { recipeJsonSchema } from '../src/recipe/schema.ts';

/** The parts of JSON Schema that the recipe's schema is made of. */
interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema | readonly Schema[];
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly description?: string;
  readonly default?: unknown;
  /** What stands in place of a default that depends on other keys. */
  readonly defaultText?: string;
}

/** A row of a table. */
export interface KeyRow {
  readonly key: string;
  readonly default: string;
  readonly values: string;
  readonly meaning: string;
}

const isList = (items: Schema['items']): items is readonly Schema[] => Array.isArray(items);

/** Whether a schema has keys of its own, in itself or in one of its choices. */
function hasKeys({ properties, anyOf, items }: Schema): boolean {
  const item = items === undefined || isList(items) ? [] : [items];
  return properties !== undefined || [...(anyOf ?? []), ...item].some(hasKeys);
}

/** Whether a value is a number or one that changes over the steps. */
function isSchedule({ anyOf }: Schema): boolean {
  return anyOf?.some(({ properties }) => properties?.['curve'] !== undefined) === true;
}

/** The path under which the document lists a key that several places share. */
function shared(path: string): string {
  return path
    .replace(
      /^(teacher|student|cascade\.coarse)\.(?=unet|residualUnet|generalizedUnet|meshnet|deepmedic|train)/,
      'ARM.',
    )
    .replace(/^teacher\.models\.(?=onnx|ensemble|classes|model)/, 'teacher.')
    .replace(/^distill\.losses\.\w+\.(?=classWeights|foregroundWeight|boundaryWeight)/, 'VOXELS.');
}

function rangeText({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Schema): string {
  const isBound = (bound: number | undefined): bound is number =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const bounds = [
    ...(isBound(minimum) ? [`>= ${minimum}`] : []),
    ...(isBound(exclusiveMinimum) ? [`> ${exclusiveMinimum}`] : []),
    ...(isBound(maximum) ? [`<= ${maximum}`] : []),
    ...(isBound(exclusiveMaximum) ? [`< ${exclusiveMaximum}`] : []),
  ];
  return bounds.length === 0 ? '' : ` ${bounds.join(', ')}`;
}

/** What a schema allows, in words; empty for objects, whose keys have rows of their own. */
function valuesOf(schema: Schema): string {
  if (isSchedule(schema)) return `${valuesOf(schema.anyOf?.[0] ?? {})}, or a schedule`;
  if (schema.anyOf !== undefined) return choicesText(schema.anyOf);
  if (schema.enum !== undefined) return schema.enum.join(', ');
  if (schema.const !== undefined) return String(schema.const);
  switch (schema.type) {
    case 'integer':
      return `whole number${rangeText(schema)}`;
    case 'number':
      return `number${rangeText(schema)}`;
    case 'boolean':
      return 'true, false';
    case 'string':
      return 'text';
    case 'null':
      return 'null';
    case 'array':
      return listText(schema);
    default:
      return typeof schema.additionalProperties === 'object'
        ? `map of names to ${several(valuesOf(schema.additionalProperties)) || 'settings'}`
        : '';
  }
}

function choicesText(choices: readonly Schema[]): string {
  const texts = [...new Set(choices.map(valuesOf))].filter(text => text !== '');
  return texts.join(', or ');
}

const COUNTS: readonly string[] = ['no', 'one', 'two', 'three'];

function several(text: string): string {
  return text.replace(/^(whole )?number\b/, '$1numbers');
}

function listText({ items }: Schema): string {
  if (items === undefined) return 'list';
  if (!isList(items)) {
    const text = valuesOf(items);
    return text.includes(', or ') ? `list of (${text})` : `list of ${several(text) || 'terms'}`;
  }
  const kinds = [...new Set(items.map(valuesOf))];
  const [kind = ''] = kinds;
  return kinds.length === 1 ? `${COUNTS[items.length] ?? items.length} ${several(kind)}` : `[${kinds.join('; ')}]`;
}

function defaultOf({ default: value, defaultText }: Schema, outer: unknown, isRequired: boolean): string {
  const known = value === undefined ? outer : value;
  if (isRequired) return 'required';
  if (defaultText !== undefined) return defaultText;
  if (known === undefined) return '';
  if (typeof known === 'string') return known;
  const isRamp = typeof known === 'object' && known !== null && 'start' in known && 'end' in known;
  if (isRamp) return `{ start: ${known.start}, end: ${known.end} }`;
  return JSON.stringify(known).replaceAll(',', ', ');
}

/** @param outer default of the choice that the schema is one of */
function rowsBelow(schema: Schema, path: string, isRequired: boolean, outer?: unknown): readonly KeyRow[] {
  const { properties, anyOf, items, required } = schema;
  if (properties !== undefined) {
    return Object.entries(properties).flatMap(([key, child]) =>
      rowsBelow(child, path === '' ? key : `${path}.${key}`, required?.includes(key) === true),
    );
  }
  const row: KeyRow = {
    key: shared(path),
    default: defaultOf(schema, outer, isRequired),
    values: valuesOf(schema),
    meaning: schema.description ?? '',
  };
  if (isSchedule(schema)) {
    const notation = anyOf?.filter(choice => choice.properties !== undefined) ?? [];
    return [row, ...notation.flatMap(choice => rowsBelow(choice, 'SCHEDULE', isRequired))];
  }
  if (!hasKeys(schema)) return [row];
  const below = (anyOf ?? [items as Schema]).filter(hasKeys).flatMap(one => rowsBelow(one, path, false));
  // a choice between plain values and objects is a row too
  return row.values === '' || row.values.startsWith('list of terms') ? below : [row, ...below];
}

/** A row for every key of a recipe, shared ones once, in the order of the schema. */
export function keyRows(): readonly KeyRow[] {
  const rows = new Map<string, KeyRow>();
  for (const row of rowsBelow(withoutReferences(recipeJsonSchema()) as Schema, '', false)) {
    // SCHEDULE takes its bounds from the number that it stands for
    const values = /^SCHEDULE\.(start|end)$/.test(row.key) ? 'as the number' : row.values;
    if (!rows.has(row.key)) rows.set(row.key, { ...row, values });
  }
  return [...rows.values()];
}

const escaped = (text: string): string => text.replaceAll('|', '\\|').replace(/<(?=[a-z/])/gi, '&lt;');

/** A table of the keys that are named and of all below them. */
function tableOf(names: readonly string[], rows: readonly KeyRow[]): string {
  const listed = names.flatMap(name => rows.filter(({ key }) => key === name || key.startsWith(`${name}.`)));
  const lines = listed.map(
    ({ key, meaning, values, ...row }) =>
      `| \`${key}\` | ${escaped(row.default)} | ${escaped(values)} | ${escaped(meaning)} |`,
  );
  return ['| key | default | values | meaning |', '|---|---|---|---|', ...lines].join('\n');
}

/** The document with its tables as the schema has them. */
export function withTables(text: string): string {
  const rows = keyRows();
  return text.replace(/<!-- keys: ([^>]+) -->\n\n(?:\|[^\n]*\n)*/g, (_, names: string) => {
    return `<!-- keys: ${names} -->\n\n${tableOf(names.trim().split(/\s+/), rows)}\n`;
  });
}
