/**
 * What a kind of input is to the mutations: whole examples, how each is damaged, and the part of the product that reads
 * it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Random } from '../../../../src/core/random.ts';
import { type MemoryFiles, memoryFiles } from '../../memory-files.ts';
import { pick } from './mutate.ts';

type Mutate = (bytes: Uint8Array, stream: Random) => Uint8Array;

/** One file of an example that may be damaged, in one way. */
interface Target {
  readonly path: string;
  readonly mutate: Mutate;
}

/** Files that are read together. */
export interface Example {
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly targets: readonly Target[];
  /** Reads all that a user's command would. Anything that is thrown and has no code is a fault. */
  readonly read: (files: MemoryFiles) => Promise<unknown>;
}

export interface InputKind {
  readonly name: string;
  readonly examples: () => Promise<readonly Example[]>;
}

/** The only folder that a reader may write into. */
export const OUT = 'out';

/** The files of an example, one of them damaged. */
export function damaged(example: Example, stream: Random): MemoryFiles {
  const files = memoryFiles();
  for (const [path, bytes] of Object.entries(example.files)) files.contents.set(path, bytes);
  const { path, mutate } = pick(example.targets, stream);
  files.contents.set(path, mutate(example.files[path] as Uint8Array, stream));
  return files;
}

const FIXTURES = fileURLToPath(new URL('../../../fixtures', import.meta.url));

/** A file of test/fixtures. */
export function fixture(path: string): Uint8Array {
  return new Uint8Array(readFileSync(join(FIXTURES, path)));
}

/** Paths in a folder of test/fixtures, from test/fixtures on. */
export function fixturesIn(folder: string, pattern: RegExp): readonly string[] {
  const names = readdirSync(join(FIXTURES, folder), { recursive: true, encoding: 'utf8' });
  return names.filter(name => pattern.test(name)).map(name => `${folder}/${name}`);
}

/** Damage of what is inside of a container, which is whole again afterwards. */
export function within(
  open: (bytes: Uint8Array) => Uint8Array,
  close: (bytes: Uint8Array) => Uint8Array,
  mutate: Mutate,
): Mutate {
  return (bytes, stream) => close(mutate(open(bytes), stream));
}

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
