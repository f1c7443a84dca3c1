/**
 * Parses and writes recipes: YAML, `--set` overrides, the checks of the schema with the line of every problem, and the
 * complete YAML of the result. Paths in a recipe are made absolute by the caller's rule; this file never touches a
 * disk.
 */
import { type Document, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from 'yaml';
import { InputError } from '../core/errors.ts';
import { withPresetKey } from './augment-preset.ts';
import { type Path, type Problem, problemsOf, withoutReferences } from './problems.ts';
import { type FinishedTeacher, isFinished } from './schema/teacher.ts';
import { type Recipe, recipeJsonSchema, recipeSchema } from './schema.ts';
import { formatYaml, parseYamlValue, withoutCircles } from './yaml.ts';

export interface ParseOptions {
  /** Name of the recipe in messages. */
  readonly path: string;
  /**
   * `a.b.c=value` each, the value in YAML; they override the text. List items by number:
   * `distill.losses.0.kd.temperature=3`.
   */
  readonly overrides?: readonly string[];
  /** Overrides from a grid, one value for each of its keys; they win over the other overrides. */
  readonly grid?: readonly string[];
}

/**
 * Largest index of a list that an override creates or extends, since all items before it would be created and reported
 * as missing.
 */
const MOST_ITEMS = 1000;

interface Override {
  readonly flag: '--set' | '--grid';
  readonly path: Path;
  readonly value: unknown;
  readonly text: string;
}

function parseOverride(text: string, flag: Override['flag']): Override {
  const equals = text.indexOf('=');
  const keys = text.slice(0, equals).trim().split('.');
  if (equals < 1 || keys.includes('')) {
    throw new InputError('E_RECIPE_KEY', `${flag} needs key=value, for example student.train.steps=500; got "${text}"`);
  }
  const value = parseYamlValue(text.slice(equals + 1), reason => {
    throw new InputError('E_RECIPE', `${flag} ${text}: the value is not YAML: ${reason}`);
  });
  return { path: keys.map(key => (/^\d+$/.test(key) ? Number(key) : key)), value, text, flag };
}

/** A copy of the recipe with one place replaced; missing objects and lists on the way are created. */
function replaceAt(recipe: unknown, path: Path, value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (typeof key === 'number' && (Array.isArray(recipe) || recipe === undefined)) {
    const copy: unknown[] = [...(recipe ?? [])];
    if (key >= MOST_ITEMS)
      throw new RangeError(`a list has at most ${MOST_ITEMS} items, so its last number is ${MOST_ITEMS - 1}`);
    copy[key] = replaceAt(copy[key], rest, value);
    return copy;
  }
  const entries = typeof recipe === 'object' && recipe !== null ? Object.entries(recipe) : [];
  const found = entries.find(([name]) => name === String(key));
  const kept = entries.filter(([name]) => name !== String(key));
  return Object.fromEntries([...kept, [String(key), replaceAt(found?.[1], rest, value)]]);
}

/** Applies an override to the recipe. */
function changed(recipe: unknown, { flag, path, value, text }: Override): unknown {
  try {
    return replaceAt(recipe, path, value);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new InputError('E_RECIPE_KEY', `${flag} ${text}: ${cause.message}.`, { cause });
  }
}

/** Error for YAML that its parser refuses: endlessly nested brackets, or aliases that would expand beyond memory. */
function unreadable(name: string, cause: unknown): InputError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new InputError('E_RECIPE', `${name} cannot be read: ${reason}. Write it without aliases and less nested.`, {
    cause,
  });
}

function readDocument(text: string, lineCounter: LineCounter, name: string): Document {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false });
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

/** The document as plain values. */
function contentOf(document: Document, name: string): unknown {
  try {
    return withoutCircles(document.toJS());
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

/** Line of a path's key, or of the nearest parent if the path is not in the text. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(
        item => isScalar(item.key) && String(item.key.value) === String(key),
      );
      if (pair === undefined) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(key)];
      if (isMap(item) || isSeq(item) || isScalar(item)) offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return lines.linePos(offset).line;
}

function startsWith(path: Path, start: Path): boolean {
  return start.length <= path.length && start.every((key, index) => String(key) === String(path[index]));
}

interface Place {
  readonly label: string;
  /** Position in the text; overrides come last. */
  readonly line: number;
}

function fail(problems: readonly Problem[], placeOf: (path: Path) => Place): never {
  const lines = problems
    .map(problem => ({ ...problem, place: placeOf(problem.path) }))
    .sort((left, right) => (left.place.line === right.place.line ? 0 : left.place.line - right.place.line))
    .map(({ path, text, place }) => `${place.label} ${path.length === 0 ? '' : `${path.join('.')}: `}${text}`);
  const code = problems.some(({ kind }) => kind === 'unknown-key') ? 'E_RECIPE_KEY' : 'E_RECIPE_VALUE';
  throw new InputError(code, lines.join('\n'));
}

/**
 * Reads a recipe: every default filled in, every problem named at once, one per line, as
 * `recipe.yaml:12 student.unet.featurs: unknown key; did you mean "features"?`
 * @throws {InputError} E_RECIPE if the text is not YAML; E_RECIPE_KEY if a key is unknown; E_RECIPE_VALUE if only
 * values are wrong
 */
export function parseRecipe(text: string, { path: name, overrides = [], grid = [] }: ParseOptions): Recipe {
  const lines = new LineCounter();
  const document = readDocument(text, lines, name);
  if (document.errors.length > 0) {
    const problems = document.errors.map(error => `${name}:${lines.linePos(error.pos[0]).line} ${error.message}`);
    throw new InputError('E_RECIPE', problems.join('\n'));
  }
  const changes = [
    ...overrides.map(override => parseOverride(override, '--set')),
    ...grid.map(value => parseOverride(value, '--grid')),
  ];
  let raw: unknown = contentOf(document, name);
  // so that an override of one key of augment changes the preset rather than replacing it
  for (const change of changes) raw = changed(withPresetKey(raw), change);
  const result = recipeSchema.safeParse(raw);
  if (result.success) return result.data;
  const schema = withoutReferences(recipeJsonSchema());
  fail(problemsOf(result.error.issues, raw, schema), path => {
    const isNew = !document.hasIn(path);
    const change = changes.findLast(
      ({ path: changed }) => startsWith(path, changed) || (isNew && startsWith(changed, path)),
    );
    if (change !== undefined) return { label: `${change.flag} ${change.text}:`, line: Number.POSITIVE_INFINITY };
    const line = lineOf(document, lines, path);
    return { label: `${name}:${line}`, line };
  });
}

/**
 * The recipe with every path in it (data set, files of patients, splits and weights, teacher models, the coarse
 * model, models to start from) replaced by the result of `locate`, so that the recipe means the same from any folder.
 * @param locate from a path as written to an absolute one; may throw if the file does not exist
 */
export async function resolveRecipe(recipe: Recipe, locate: (path: string) => Promise<string>): Promise<Recipe> {
  const { data, teacher } = recipe;
  const located = async <T extends object>(part: T): Promise<T> =>
    'file' in part && typeof part.file === 'string' ? { ...part, file: await locate(part.file) } : part;
  const patients = data.patients === null ? null : await located(data.patients);
  const resolvedData = {
    dataset: await locate(data.dataset),
    annotated: data.annotated === null ? null : await located(data.annotated),
    synthesize: data.synthesize,
    patients,
    cache: data.cache,
    splits: await located(data.splits),
  };
  const { caseWeights } = recipe.patch;
  const patch = { ...recipe.patch, caseWeights: caseWeights === null ? null : await located(caseWeights) };
  const started = async <T extends Pick<Recipe['student'], 'train'>>(arm: T): Promise<T> =>
    arm.train.from === null ? arm : { ...arm, train: { ...arm.train, from: await locate(arm.train.from) } };
  const student = await started(recipe.student);
  const stage = await locatedStage(recipe, { locate, started });
  const resolved = { ...recipe, data: resolvedData, cascade: stage, patch, student };
  if (!isFinished(teacher)) return { ...resolved, teacher: await started(teacher) };
  const sources = async <T extends FinishedTeacher>(one: T): Promise<T> => ({
    ...one,
    onnx: typeof one.onnx === 'string' ? await locate(one.onnx) : await Promise.all(one.onnx.map(locate)),
  });
  const found = 'onnx' in teacher ? await sources(teacher) : { models: await Promise.all(teacher.models.map(sources)) };
  return { ...resolved, teacher: found };
}

/**
 * The cascade of a recipe with the paths in it made absolute: of the coarse model, or of what its training starts from.
 */
async function locatedStage(
  { cascade }: Recipe,
  {
    locate,
    started,
  }: {
    readonly locate: (path: string) => Promise<string>;
    readonly started: <T extends Pick<Recipe['student'], 'train'>>(arm: T) => Promise<T>;
  },
): Promise<Recipe['cascade']> {
  if (cascade === null) return null;
  const { coarse } = cascade;
  return { ...cascade, coarse: typeof coarse === 'string' ? await locate(coarse) : await started(coarse) };
}

/** The recipe as YAML, complete; {@link parseRecipe} reads the same recipe from it. Short lists stay on one line. */
export function stringifyRecipe(recipe: Recipe): string {
  return formatYaml(recipe);
}
