/**
 * The configuration of a MONAI bundle: JSON or YAML whose values may refer to each other (`@name`, `@name::0::key`).
 * Expressions (`$...`) are Python code and are never run: a value that needs one is refused. Source: monai/bundle,
 * version 1.6.1.
 */
import { parse } from 'yaml';
import { InputError } from '../../core/errors.ts';
import { readText } from '../../runtime/json-file.ts';
import type { ImportFiles } from '../imported.ts';
import { parseDescription } from '../json.ts';

/** A configuration. */
export interface BundleConfig {
  readonly path: string;
  /** The value of a name, with references followed; undefined if it does not exist. */
  get(name: string): unknown;
}

const NAMES = ['inference', 'evaluate', 'train'] as const;
const ENDINGS = ['json', 'yaml', 'yml'] as const;
/** Largest depth of nested references. */
const DEEPEST = 20;
/** Values of one part of a configuration; one that has more refers to itself again and again. */
const MOST_VALUES = 100_000;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value inside of another, by keys and indices. */
function inside(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((part, key) => {
    if (Array.isArray(part)) return part[Number(key)];
    return isRecord(part) && Object.hasOwn(part, key) ? part[key] : undefined;
  }, value);
}

function configOf(content: unknown, path: string): BundleConfig {
  let seen = 0;
  const resolve = (value: unknown, depth: number): unknown => {
    if (depth > DEEPEST || ++seen > MOST_VALUES)
      throw new InputError('E_IMPORT_DESCRIPTION', `${path} has references that lead in a circle.`);
    if (typeof value === 'string' && value.startsWith('@')) {
      return resolve(inside(content, value.slice(1).split(/::|#/)), depth + 1);
    }
    if (Array.isArray(value)) return value.map(item => resolve(item, depth + 1));
    if (!isRecord(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, depth + 1)]));
  };
  const get = (name: string): unknown => {
    seen = 0;
    return resolve(inside(content, [name]), 0);
  };
  return { path, get };
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new InputError('E_IMPORT_DESCRIPTION', `${path} is not YAML: ${String(cause)}`, { cause });
  }
}

/**
 * Reads the configuration of a bundle that has a network.
 * @param folder of the bundle
 * @throws {InputError} E_IMPORT_DESCRIPTION if there is none
 */
export async function readBundleConfig(files: ImportFiles, folder: string): Promise<BundleConfig> {
  for (const name of NAMES) {
    for (const ending of ENDINGS) {
      const path = `${folder}/configs/${name}.${ending}`;
      if (!(await files.exists(path))) continue;
      const text = await readText(files, path);
      const config = configOf(ending === 'json' ? parseDescription(text, path) : parseYaml(text, path), path);
      if (config.get('network_def') !== undefined) return config;
    }
  }
  throw new InputError(
    'E_IMPORT_DESCRIPTION',
    `${folder}/configs has no ${NAMES.join(', ')} (.json or .yaml) with a network_def.`,
  );
}
