/**
 * Turns schema issues into sentences: the place in the recipe, the value, the allowed values, and the nearest known
 * key. Walks the recipe's JSON Schema, so it knows no key by name. Knows nothing of YAML or lines.
 */
import type { z } from 'zod';

/** A place in a recipe, for example ['distill', 'losses', 0, 'kd']. */
export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  readonly kind: 'unknown-key' | 'value';
  readonly text: string;
}

/** The parts of JSON Schema draft 7 that the recipe's schema uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
}

/** A JSON Schema with every `$ref` to its definitions replaced by what it refers to. */
export function withoutReferences(schema: Readonly<Record<string, unknown>>): JsonSchema {
  const { definitions, ...own } = schema;
  const known: Readonly<Record<string, unknown>> = { ...(definitions as object) };
  const resolved = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(resolved);
    if (typeof part !== 'object' || part === null) return part;
    if ('$ref' in part) return resolved(known[String(part.$ref).replace('#/definitions/', '')]);
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, resolved(value)]));
  };
  return resolved(own) as JsonSchema;
}

/** Edit distance (insert, delete, replace a letter). */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[to.length]!;
}

/**
 * The known word that is closest, whatever its case, if it is close enough.
 * @param limit largest edit distance; by default two letters, or two in five of a long word
 */
export function nearestWord(
  word: string,
  known: readonly string[],
  limit = Math.max(2, Math.floor(word.length * 0.4)),
): string | undefined {
  const ranked = known
    .map(candidate => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((left, right) => left.distance - right.distance);
  return ranked[0]?.candidate;
}

/** The schemas that may apply at a path: one, or several if the recipe has a choice. */
function schemasAt(schema: JsonSchema, path: Path): readonly JsonSchema[] {
  let current: readonly JsonSchema[] = [schema];
  for (const key of path) {
    current = current.flatMap(choices).flatMap(choice => {
      const child = typeof key === 'number' ? itemSchema(choice, key) : choice.properties?.[key];
      return child === undefined ? [] : [child];
    });
  }
  return current.flatMap(choices);
}

function choices(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(choices);
}

function itemSchema(schema: JsonSchema, index: number): JsonSchema | undefined {
  const { items } = schema;
  return items === undefined || !isTuple(items) ? items : items[index];
}

function isTuple(items: JsonSchema | readonly JsonSchema[]): items is readonly JsonSchema[] {
  return Array.isArray(items);
}

/** Allowed values of a schema in words: `a whole number of at least 1`. */
function describeOne(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.join(' | ');
  switch (schema.type) {
    case 'integer':
      return `a whole number${describeRange(schema)}`;
    case 'number':
      return `a number${describeRange(schema)}`;
    case 'array':
      return describeList(schema);
    case 'object':
      return `{ ${Object.keys(schema.properties ?? {}).join(', ')} }`;
    case 'boolean':
      return 'true | false';
    case 'string':
      return 'text';
    default:
      return String(schema.type);
  }
}

function describeRange(schema: JsonSchema): string {
  const isBound = (bound: number | undefined): bound is number =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const bounds: string[] = [];
  if (isBound(schema.minimum)) bounds.push(`of at least ${schema.minimum}`);
  if (isBound(schema.exclusiveMinimum)) bounds.push(`above ${schema.exclusiveMinimum}`);
  if (isBound(schema.maximum)) bounds.push(`at most ${schema.maximum}`);
  if (isBound(schema.exclusiveMaximum)) bounds.push(`below ${schema.exclusiveMaximum}`);
  return bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
}

function describeList(schema: JsonSchema): string {
  const { items } = schema;
  if (items === undefined) return 'a list';
  if (isTuple(items)) return `a list of ${items.length}, each ${describe(items.slice(0, 1))}`;
  const least = schema.minItems === undefined ? '' : ` of at least ${schema.minItems}`;
  return `a list${least}, each ${describe([items])}`;
}

function describe(schemas: readonly JsonSchema[]): string {
  const allowed = schemas.flatMap(choices).map(schema => describeOne(schema));
  return [...new Set(allowed)].join(' or ');
}

function valueAt(recipe: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    recipe,
  );
}

function problemOfKey(schema: JsonSchema, recipe: unknown, path: Path, key: string): Problem {
  const places = schemasAt(schema, path);
  const known = [...new Set(places.flatMap(place => Object.keys(place.properties ?? {})))];
  const fullPath = [...path, key];
  if (known.includes(key)) {
    const value = valueAt(recipe, path);
    const given = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    const together = places.filter(place => key in (place.properties ?? {})).map(place => place.properties ?? {});
    const rivals = given.filter(other => known.includes(other) && !together.some(properties => other in properties));
    return { path: fullPath, kind: 'value', text: `cannot be combined with ${rivals.join(' and ')}; choose one` };
  }
  const nearest = nearestWord(key, known);
  const advice = nearest === undefined ? `known keys are ${known.join(', ')}` : `did you mean "${nearest}"?`;
  return { path: fullPath, kind: 'unknown-key', text: `unknown key; ${advice}` };
}

/** The branch of a choice that the user most likely meant: fewest unknown keys, then fewest problems. */
function likeliestBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  const rank = (branch: readonly z.core.$ZodIssue[]): readonly [number, number] => [
    branch.reduce((sum, issue) => {
      if (issue.path.length > 0) return sum;
      return sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 100);
    }, 0),
    branch.length,
  ];
  return [...branches].sort((left, right) => {
    const [leftRank, rightRank] = [rank(left), rank(right)];
    return leftRank[0] - rightRank[0] || leftRank[1] - rightRank[1];
  })[0]!;
}

/**
 * A branch without its missing keys if it has unknown ones, since an unknown key is probably a misspelt missing one.
 */
function withoutRenamed(branch: readonly z.core.$ZodIssue[], got: unknown): readonly z.core.$ZodIssue[] {
  const isUnknown = branch.some(({ code, path }) => code === 'unrecognized_keys' && path.length === 0);
  const isMissing = ({ path }: z.core.$ZodIssue): boolean =>
    path.length === 1 && valueAt(got, path as Path) === undefined;
  return isUnknown ? branch.filter(issue => !isMissing(issue)) : branch;
}

/** The problems of schema issues, in the order of the schema. */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  recipe: unknown,
  schema: JsonSchema,
  prefix: Path = [],
): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path: Path = [...prefix, ...issue.path.map(key => (typeof key === 'symbol' ? String(key) : key))];
    if (issue.code === 'unrecognized_keys') return issue.keys.map(key => problemOfKey(schema, recipe, path, key));
    const got = valueAt(recipe, path);
    const isObject = typeof got === 'object' && got !== null && !Array.isArray(got);
    if (issue.code === 'invalid_union' && (isObject || Array.isArray(got)) && issue.errors.length > 0) {
      return problemsOf(withoutRenamed(likeliestBranch(issue.errors), got), recipe, schema, path);
    }
    const allowed = issue.code === 'custom' ? issue.message : `allowed: ${describe(schemasAt(schema, path))}`;
    const found = got === undefined ? 'missing' : `got ${JSON.stringify(got)}`;
    return [{ path, kind: 'value', text: isObject && issue.code === 'custom' ? allowed : `${found}; ${allowed}` }];
  });
}
