/**
 * Seeded damage of inputs: of bytes, of text, and of JSON. What comes out is what a broken copy, a broken writer or a
 * hostile hand might leave. Numbers are drawn from a key, so that one mutation can be made again alone.
 */
import type { Random } from '../../../../src/core/random.ts';

/** Numbers at the edges of types and of reason. */
const EXTREMES = [
  0,
  1,
  -1,
  2,
  127,
  255,
  256,
  32767,
  -32768,
  65535,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 32 - 1,
  1e9,
  1e30,
  -1e30,
];
/** Words that mean something to somebody. */
const WORDS = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1e999',
    'NaN',
    'Infinity',
    '-0',
    '0x10',
    '1.5',
    '99999999999999999999',
    'null',
    'true',
    '[]',
  ],
  ...[
    '{}',
    '__proto__',
    'constructor',
    'toString',
    'length',
    '../../outside',
    '/tmp/outside',
    'a/b',
    'a\\b',
    'C:\\outside',
  ],
  ...['..', '.', '\u0000', 'é', '\ud800', '\u202e', '~', '*', '&a', '!!js/function', '<script>', '%s', 'x'.repeat(300)],
];
const MOST_CHANGES = 3;

/** One of them. */
export function pick<T>(items: readonly T[], stream: Random): T {
  return items[stream.integer(items.length)] as T;
}

/** The bytes with a part in another's place. */
function splice(bytes: Uint8Array, [start, end]: readonly [number, number], part: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - (end - start) + part.length);
  result.set(bytes.subarray(0, start));
  result.set(part, start);
  result.set(bytes.subarray(end), start + part.length);
  return result;
}

/** Half of the places are near the start, where headers are. */
function place(length: number, stream: Random): number {
  return stream.integer(stream.uniform() < 0.5 ? Math.min(length, 600) : length);
}

function writeNumber(bytes: Uint8Array, stream: Random): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const [at, value, little] = [place(copy.length, stream), pick(EXTREMES, stream), stream.integer(2) === 0];
  const kind = stream.integer(4);
  const room = copy.length - at;
  if (kind === 0 && room >= 2) view.setInt16(at, value, little);
  if (kind === 1 && room >= 4) view.setInt32(at, value, little);
  if (kind === 2 && room >= 4) view.setFloat32(at, value, little);
  if (kind === 3 && room >= 8) view.setBigInt64(at, BigInt(Math.trunc(Math.min(value, 2 ** 62))), little);
  return copy;
}

const BYTE_CHANGES: readonly ((bytes: Uint8Array, stream: Random) => Uint8Array)[] = [
  (bytes, stream) => {
    const copy = bytes.slice();
    copy[place(copy.length, stream)]! ^= 1 << stream.integer(8);
    return copy;
  },
  (bytes, stream) => {
    const copy = bytes.slice();
    copy[place(copy.length, stream)] = pick([0, 1, 32, 45, 48, 57, 127, 128, 255, stream.integer(256)], stream);
    return copy;
  },
  writeNumber,
  writeNumber,
  (bytes, stream) => bytes.slice(0, stream.integer(bytes.length)),
  (bytes, stream) => {
    const start = place(bytes.length, stream);
    return splice(bytes, [start, Math.min(bytes.length, start + 1 + stream.integer(40))], new Uint8Array(0));
  },
  (bytes, stream) => {
    const [from, to] = [place(bytes.length, stream), place(bytes.length, stream)];
    return splice(bytes, [to, to], bytes.subarray(from, from + 1 + stream.integer(100)));
  },
  (bytes, stream) => {
    const to = place(bytes.length, stream);
    return splice(
      bytes,
      [to, to],
      Uint8Array.from({ length: 1 + stream.integer(30) }, () => stream.integer(256)),
    );
  },
];

function repeated<T>(value: T, stream: Random, changes: readonly ((value: T, stream: Random) => T)[]): T {
  let result = value;
  for (let count = 1 + stream.integer(MOST_CHANGES); count > 0; count--) result = pick(changes, stream)(result, stream);
  return result;
}

/** Damages bytes. */
export function mutateBytes(bytes: Uint8Array, stream: Random): Uint8Array {
  return repeated(
    bytes,
    stream,
    BYTE_CHANGES.map(change => (value, own) => (value.length === 0 ? value : change(value, own))),
  );
}

/** Replaces one match, or the whole where there is none. */
function replaceOne(text: string, pattern: RegExp, by: (found: string) => string, stream: Random): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return by(text);
  const { 0: old, index } = pick(found, stream);
  return text.slice(0, index) + by(old) + text.slice(index + old.length);
}

const TEXT_CHANGES: readonly ((text: string, stream: Random) => string)[] = [
  (text, stream) => replaceOne(text, /-?\d+(\.\d+)?/g, () => String(pick(EXTREMES, stream)), stream),
  (text, stream) => replaceOne(text, /[\w.-]+/g, () => pick(WORDS, stream), stream),
  (text, stream) => replaceOne(text, /[\w.-]+/g, () => pick(WORDS, stream), stream),
  (text, stream) => replaceOne(text, /[^\w\s]/g, () => pick([...',:;[]{}"\'=-#&*!|>%@\t\n'], stream), stream),
  (text, stream) => replaceOne(text, /^.*\n/gm, () => '', stream),
  (text, stream) => replaceOne(text, /^.*\n/gm, line => line + line, stream),
  (text, stream) => replaceOne(text, /^.*\n/gm, line => `  ${line}`, stream),
  (text, stream) => replaceOne(text, /[\w.-]+/g, found => `${found},${found}`, stream),
  (text, stream) => text.slice(0, stream.integer(text.length + 1)),
  (text, stream) => {
    const at = stream.integer(text.length + 1);
    return text.slice(0, at) + pick(WORDS, stream) + text.slice(at);
  },
];

/** Damages text; now and then its bytes. */
export function mutateText(bytes: Uint8Array, stream: Random): Uint8Array {
  if (stream.uniform() < 0.2) return mutateBytes(bytes, stream);
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(repeated(text, stream, TEXT_CHANGES));
}

function anyValue(stream: Random): unknown {
  const values = [null, true, [], {}, [[]], pick(EXTREMES, stream), pick(WORDS, stream), Array(20).fill(0), { a: 1 }];
  return pick(values, stream);
}

/** Changes one place of a document, chosen evenly over all that it holds. */
function changeOne(document: unknown, stream: Random): unknown {
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push({ holder: value as Record<string, unknown>, key });
      collect((value as Record<string, unknown>)[key]);
    }
  };
  collect(document);
  const chosen = places[stream.integer(Math.max(1, places.length))];
  if (chosen === undefined) return anyValue(stream);
  const { holder, key } = chosen;
  const old = holder[key];
  const another = pick(places, stream);
  const changes = [
    () => {
      holder[key] = anyValue(stream);
    },
    () => {
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
    },
    () => {
      const word = pick(WORDS, stream);
      const shown = { value: old, enumerable: true, configurable: true, writable: true };
      if (!Array.isArray(holder)) Object.defineProperty(holder, word, shown);
    },
    () => {
      holder[key] = structuredClone(another.holder[another.key]);
    },
    () => {
      if (Array.isArray(old)) old.push(...structuredClone(old));
    },
    () => {
      if (typeof old === 'string') holder[key] = old + pick(WORDS, stream);
    },
  ];
  pick(changes, stream)();
  return document;
}

/** Damages a JSON document, which mostly stays one. */
export function mutateJson(bytes: Uint8Array, stream: Random): Uint8Array {
  if (stream.uniform() < 0.3) return mutateText(bytes, stream);
  let document: unknown = JSON.parse(new TextDecoder().decode(bytes));
  for (let count = 1 + stream.integer(MOST_CHANGES); count > 0; count--) document = changeOne(document, stream);
  return new TextEncoder().encode(JSON.stringify(document) ?? '');
}
