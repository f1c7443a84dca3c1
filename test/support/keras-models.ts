/** The models of test/fixtures/keras, as Keras saves them; see make-keras-models.py. */
import { readFileSync } from 'node:fs';
import type { Shape } from '../../src/core/shape.ts';
import { memoryFiles } from './memory-files.ts';

const FOLDER = new URL('../fixtures/keras/', import.meta.url);

/**
 * What a model says of the image that the seed draws in the order of its own axes, channels last: the shape, and every
 * 13th value.
 */
export const kerasOutputs: Readonly<Record<string, { readonly shape: Shape; readonly values: readonly number[] }>> =
  JSON.parse(readFileSync(new URL('expected.json', FOLDER), 'utf8'));

/** A file of the folder. */
export function kerasFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, FOLDER)));
}

/** Files with one model, under its name. */
export function kerasFiles(name: string, bytes = kerasFile(name)): ReturnType<typeof memoryFiles> {
  const files = memoryFiles();
  files.contents.set(name, bytes);
  return files;
}
