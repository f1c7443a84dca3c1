/**
 * Files of the page in compressed forms beside them: `x.js`, `x.js.br`, `x.js.gz`. The build makes them, servers send
 * them as they are, and the package holds the smallest form alone, from which the plain one is unpacked where it is
 * asked for.
 */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants, gzip } from 'node:zlib';

/** Codings of HTTP, and the endings of their files. */
export const CODINGS = { br: '.br', gzip: '.gz' } as const;
export type Coding = keyof typeof CODINGS;

/** Names of files that have compressed forms. */
const COMPRESSED = /\.(js|mjs|css|wasm)$/;

/** Of ONNX Runtime 9 takes seven times as long and saves 6 %, 11 takes fifty times as long and saves 20 %. */
const BROTLI_QUALITY = 5;

/** Whether a file has compressed forms, by its name. */
export function hasCompressedForms(path: string): boolean {
  return COMPRESSED.test(path);
}

/** The compressed forms of a content. */
export async function compressedForms(content: Uint8Array): Promise<Readonly<Record<Coding, Uint8Array>>> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(content, { params }),
    promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }),
  ]);
  return { br, gzip: gz };
}

/** The plain content of a file of which only the form in brotli is there. */
export async function unpacked(path: string): Promise<Uint8Array> {
  return promisify(brotliDecompress)(await readFile(`${path}${CODINGS.br}`));
}

/**
 * The codings that a request takes, the one that it wants most first; among equals the smaller form.
 * @param accepted the header Accept-Encoding
 * @returns none where only the plain form is wanted, or no header says otherwise
 * @see RFC 9110, section 12.5.3
 */
export function acceptedCodings(accepted: string | undefined): readonly Coding[] {
  const weights = new Map<string, number>();
  for (const part of (accepted ?? '').toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map(text => text.trim());
    const weight = parameters.map(text => /^q=([\d.]+)$/.exec(text)?.[1]).find(text => text !== undefined);
    if (name !== '') weights.set(name === 'x-gzip' ? 'gzip' : name, weight === undefined ? 1 : Number(weight));
  }
  const weightOf = (coding: string): number => weights.get(coding) ?? weights.get('*') ?? 0;
  const plain = weights.get('identity') ?? 0;
  const taken = (Object.keys(CODINGS) as Coding[]).filter(coding => weightOf(coding) > plain);
  return taken.sort((left, right) => weightOf(right) - weightOf(left));
}
