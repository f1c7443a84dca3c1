/**
 * Writes DICOM files: part 10 of the standard in little-endian order, text in UTF-8. Values are given by keyword. Does
 * not know what an object must contain. Source: DICOM PS3.5 (encoding), PS3.10 (files).
 */
import { joinBytes } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';
import { DICTIONARY, type DicomKeyword, type Representation } from './dicom-dictionary.ts';

/** A value: text, numbers, bytes, or the items of a sequence. An empty text or list is an attribute without a value. */
type DicomValue = string | number | Uint8Array | readonly (string | number)[] | readonly DicomDataSet[];

/** Attributes by keyword; the order does not matter. */
export type DicomDataSet = { readonly [keyword in DicomKeyword]?: DicomValue };

/** Representations whose length takes four bytes, after two that are empty. */
const LONG: readonly (Representation | 'OB')[] = ['OB', 'OW', 'SQ', 'UT'];
/** Largest number of characters of a value. */
const LONGEST: Partial<Readonly<Record<Representation, number>>> = {
  AS: 4,
  CS: 16,
  DA: 8,
  DS: 16,
  IS: 12,
  LO: 64,
  SH: 16,
  TM: 14,
  UI: 64,
};
/** Identifies this writer. */
const IMPLEMENTATION_UID = '2.25.163538679077236254633575977761053571202';
const PREAMBLE_BYTES = 128;
/** A length of four ones would mean that it is not said. */
const LARGEST_LENGTH = 2 ** 32 - 2;

const UTF8 = new TextEncoder();

/**
 * A number as text of at most 16 characters, as near as these can be.
 * @throws {Error} internal: if it is not finite
 */
export function decimalString(value: number): string {
  invariant(Number.isFinite(value), `${value} has no decimal string`);
  const longest = LONGEST.DS as number;
  let text = String(value);
  for (let digits = longest - 1; text.length > longest; digits--) text = value.toPrecision(digits);
  return text;
}

/** A text cut to what a representation holds; only ever for texts that people read. */
export function shortened(text: string, representation: 'LO' | 'SH'): string {
  return [...text.replace(/[\\\p{Cc}]+/gu, ' ').trim()].slice(0, LONGEST[representation]).join('');
}

function textOf(keyword: DicomKeyword, representation: Representation, value: string | number): string {
  const text = typeof value === 'string' ? value : representation === 'DS' ? decimalString(value) : String(value);
  const longest = LONGEST[representation] ?? Number.POSITIVE_INFINITY;
  invariant([...text].length <= longest, `${keyword} has the value "${text}", longer than ${longest} characters`);
  return text;
}

function tagBytes(tag: string): number[] {
  const [group, element] = [Number.parseInt(tag.slice(0, 4), 16), Number.parseInt(tag.slice(4), 16)];
  return [group & 255, group >> 8, element & 255, element >> 8];
}

/** Whole numbers in little-endian order. */
function integers(values: readonly number[], bytes: 2 | 4): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * bytes));
  values.forEach((value, index) => {
    if (bytes === 2) view.setUint16(index * bytes, value, true);
    else view.setUint32(index * bytes, value, true);
  });
  return new Uint8Array(view.buffer);
}

function encodeText(keyword: DicomKeyword, representation: Representation, values: readonly (string | number)[]) {
  const text = values.map(value => textOf(keyword, representation, value)).join('\\');
  const bytes = UTF8.encode(text);
  return bytes.length % 2 === 0 ? bytes : joinBytes([bytes, Uint8Array.of(representation === 'UI' ? 0 : 32)]);
}

/** How elements are written: with their value representation, or without it and all lengths in four bytes. */
const SYNTAXES = { explicit: '1.2.840.10008.1.2.1', implicit: '1.2.840.10008.1.2' } as const;

type Syntax = keyof typeof SYNTAXES;

function item(dataSet: DicomDataSet, syntax: Syntax): readonly Uint8Array[] {
  const content = encodeDataSet(dataSet, syntax);
  return [Uint8Array.of(...tagBytes('fffee000'), ...integers([content.length], 4)), content];
}

function encodeValue(
  { keyword, representation, syntax }: { keyword: DicomKeyword; representation: Representation; syntax: Syntax },
  value: DicomValue,
): Uint8Array {
  if (value instanceof Uint8Array) return value.length % 2 === 0 ? value : joinBytes([value, Uint8Array.of(0)]);
  if (representation === 'SQ') {
    return joinBytes((value as readonly DicomDataSet[]).flatMap(dataSet => item(dataSet, syntax)));
  }
  const values = (Array.isArray(value) ? value : [value]) as readonly (string | number)[];
  if (representation === 'US') return integers(values as readonly number[], 2);
  if (representation === 'UL') return integers(values as readonly number[], 4);
  if (representation === 'AT') return Uint8Array.from((values as readonly string[]).flatMap(tagBytes));
  return encodeText(keyword, representation, values);
}

/** Tag, representation and length of an element, and its value. */
function element(tag: string, representation: Representation | 'OB', value: Uint8Array, syntax: Syntax): Uint8Array[] {
  const { length } = value;
  invariant(length <= LARGEST_LENGTH, `the attribute ${tag} takes ${length} bytes, too many for DICOM`);
  if (syntax === 'implicit') return [Uint8Array.of(...tagBytes(tag), ...integers([length], 4)), value];
  const isLong = LONG.includes(representation);
  invariant(isLong || length < 2 ** 16, `the attribute ${tag} takes ${length} bytes, too many for its representation`);
  const size = isLong ? [0, 0, ...integers([length], 4)] : integers([length], 2);
  return [Uint8Array.of(...tagBytes(tag), ...UTF8.encode(representation), ...size), value];
}

/** The bytes of a data set, its elements in the order of their tags. */
function encodeDataSet(dataSet: DicomDataSet, syntax: Syntax): Uint8Array {
  const entries = Object.entries(dataSet) as [DicomKeyword, DicomValue][];
  const sorted = entries.sort(([left], [right]) => (tagOf(left) < tagOf(right) ? -1 : 1));
  return joinBytes(
    sorted.flatMap(([keyword, value]) => {
      const [tag, representation] = DICTIONARY[keyword];
      // pixels of one bit or one byte are bytes, those of two are words
      const written = keyword === 'PixelData' && dataSet.BitsAllocated !== 16 ? 'OB' : representation;
      return element(tag, written, encodeValue({ keyword, representation, syntax }, value), syntax);
    }),
  );
}

/** The tag of an attribute, as attributes of the representation AT name others. */
export function tagOf(keyword: DicomKeyword): string {
  return DICTIONARY[keyword][0];
}

/**
 * The bytes of a DICOM file.
 * @param dataSet with SOPClassUID and SOPInstanceUID; texts may have any character
 * @param options.syntax `implicit` for values of more than 65,534 bytes that are neither text without limit nor pixels
 * @throws {Error} internal: for a value that its representation does not hold
 */
export function encodeDicomFile(dataSet: DicomDataSet, { syntax }: { readonly syntax: Syntax }): Uint8Array {
  const content = encodeDataSet({ ...dataSet, SpecificCharacterSet: 'ISO_IR 192' }, syntax);
  const uid = (tag: string, value: unknown): Uint8Array[] =>
    element(tag, 'UI', encodeText('UID', 'UI', [String(value)]), 'explicit');
  const meta = joinBytes([
    ...element('00020001', 'OB', Uint8Array.of(0, 1), 'explicit'),
    ...uid('00020002', dataSet.SOPClassUID),
    ...uid('00020003', dataSet.SOPInstanceUID),
    ...uid('00020010', SYNTAXES[syntax]),
    ...uid('00020012', IMPLEMENTATION_UID),
  ]);
  const size = Uint8Array.of(...tagBytes('00020000'), ...UTF8.encode('UL'), 4, 0, ...integers([meta.length], 4));
  return joinBytes([new Uint8Array(PREAMBLE_BYTES), UTF8.encode('DICM'), size, meta, content]);
}

/** An identifier of 128 bits as DICOM writes it. @param sha256 of what it identifies, in hexadecimal */
export function uidOfHash(sha256: string): string {
  // version 8: a UUID whose other bits are up to its maker (RFC 9562)
  const hex = `${sha256.slice(0, 12)}8${sha256.slice(13, 16)}8${sha256.slice(17, 32)}`;
  return `2.25.${BigInt(`0x${hex}`)}`;
}
