/** The models of test/fixtures/teachers, as other programs export them; see make-teachers.py and its neighbours. */
import { readFileSync } from 'node:fs';
import { elementCount, type Shape } from '../../src/core/shape.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { goldensImage } from './goldens-stream.ts';

const FOLDER = new URL('../fixtures/teachers/', import.meta.url);

/** What a model says of {@link foreignImage}, in the order of its own axes: the shape, and every 13th value. */
export const foreignOutputs: Readonly<Record<string, { readonly shape: Shape; readonly values: readonly number[] }>> =
  JSON.parse(readFileSync(new URL('expected.json', FOLDER), 'utf8'));
export const OUTPUT_STRIDE = 13;

/** Files of the fixtures' folder, each with a JSON beside it where one is given. */
export function foreignFiles(besides: Readonly<Record<string, object>> = {}) {
  const textOf = (path: string): string | undefined => {
    const content = besides[path.replace(/\.json$/, '')];
    return path.endsWith('.json') && content !== undefined ? JSON.stringify(content) : undefined;
  };
  const place = (path: string): string => new URL(path, FOLDER).pathname;
  return {
    read: async (path: string): Promise<Uint8Array> => {
      const text = textOf(path);
      return text === undefined ? nodeFiles.read(place(path)) : new TextEncoder().encode(text);
    },
    exists: async (path: string): Promise<boolean> => textOf(path) !== undefined || nodeFiles.exists(place(path)),
  };
}

/** The image that every model was asked about, drawn in the order of the model's axes. */
export function foreignImage(shape: Shape): Float32Array {
  return goldensImage(3, shape);
}

/**
 * An image [N, C, D, H, W] that a channels-last model of one channel sees as {@link foreignImage}: one channel moves
 * nothing.
 */
export function foreignTensor(size: Shape): { readonly data: Float32Array; readonly shape: Shape } {
  const shape = [1, 1, ...size];
  return { data: foreignImage(shape).slice(0, elementCount(shape)), shape };
}
