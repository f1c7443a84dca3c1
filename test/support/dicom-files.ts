/**
 * DICOM files for tests, written by hand: explicit little endian unless a test says otherwise, one grey slice or many
 * frames.
 */

/** A value of an element: text, numbers, bytes, the fragments of compressed pixel data, or the items of a sequence. */
type DicomValue = string | readonly number[] | Uint8Array | readonly Uint8Array[] | readonly DicomElements[];
/** Elements by `GGGGEEEE VR`. */
export type DicomElements = Readonly<Record<string, DicomValue>>;

const LONG_FORMS = ['OB', 'OW', 'OF', 'OD', 'SQ', 'UN', 'UT', 'OV'];
const ENDLESS = 0xffffffff;

export const SYNTAX = {
  explicit: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  bigEndian: '1.2.840.10008.1.2.2',
  jpeg: '1.2.840.10008.1.2.4.50',
  extended: '1.2.840.10008.1.2.4.51',
  lossless: '1.2.840.10008.1.2.4.70',
  jpegLs: '1.2.840.10008.1.2.4.80',
  jpeg2000: '1.2.840.10008.1.2.4.90',
  htj2k: '1.2.840.10008.1.2.4.201',
  mpeg2: '1.2.840.10008.1.2.4.100',
  rle: '1.2.840.10008.1.2.5',
} as const;

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function number(value: number, bytes: 2 | 4, littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  if (bytes === 2) view.setUint16(0, value, littleEndian);
  else view.setUint32(0, value, littleEndian);
  return new Uint8Array(view.buffer);
}

function even(bytes: Uint8Array, padding: number): Uint8Array {
  return bytes.length % 2 === 0 ? bytes : joined([bytes, Uint8Array.of(padding)]);
}

function valueBytes(vr: string, value: DicomValue, littleEndian: boolean): Uint8Array {
  if (typeof value === 'string') return even(new TextEncoder().encode(value), vr === 'UI' ? 0 : 32);
  if (value instanceof Uint8Array) return even(value, 0);
  if (vr === 'SQ') {
    const items = (value as readonly DicomElements[]).map(item => {
      const content = encodeElements(item, littleEndian);
      return [
        number(0xfffe, 2, littleEndian),
        number(0xe000, 2, littleEndian),
        number(content.length, 4, littleEndian),
        content,
      ];
    });
    return joined(items.flat());
  }
  const size = vr === 'UL' ? 4 : 2;
  if (vr === 'AT') {
    const halves = (value as readonly number[]).flatMap(tag => [tag >>> 16, tag & 0xffff]);
    return joined(halves.map(half => number(half, 2, littleEndian)));
  }
  return joined((value as readonly number[]).map(one => number(one, size, littleEndian)));
}

/** Elements in the order of their tags. */
export function encodeElements(elements: DicomElements, littleEndian = true): Uint8Array {
  const parts = Object.entries(elements)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => {
      const [tag = '', vr = ''] = key.split(' ');
      const head = joined([
        number(Number.parseInt(tag.slice(0, 4), 16), 2, littleEndian),
        number(Number.parseInt(tag.slice(4), 16), 2, littleEndian),
        new TextEncoder().encode(vr),
      ]);
      const isPacked = tag === '7fe00010' && Array.isArray(value);
      const content = isPacked ? encapsulated(value as never) : valueBytes(vr, value, littleEndian);
      const length = isPacked ? ENDLESS : content.length;
      return LONG_FORMS.includes(vr)
        ? joined([head, Uint8Array.of(0, 0), number(length, 4, littleEndian), content])
        : joined([head, number(length, 2, littleEndian), content]);
    });
  return joined(parts);
}

/** Fragments behind an empty offset table. */
function encapsulated(fragments: readonly Uint8Array[]): Uint8Array {
  const item = (bytes: Uint8Array, element: number): Uint8Array =>
    joined([number(0xfffe, 2, true), number(element, 2, true), number(bytes.length, 4, true), bytes]);
  const parts = fragments.map(bytes => item(even(bytes, 0), 0xe000));
  return joined([item(new Uint8Array(0), 0xe000), ...parts, item(new Uint8Array(0), 0xe0dd)]);
}

/** A part 10 file. @param content what follows the meta header */
export function dicomFile(syntax: string, content: Uint8Array): Uint8Array {
  const meta = encodeElements({ '00020010 UI': syntax });
  const length = encodeElements({ '00020000 UL': [meta.length] });
  return joined([new Uint8Array(128), new TextEncoder().encode('DICM'), length, meta, content]);
}

export interface SliceOptions {
  readonly z?: number;
  readonly syntax?: string;
  readonly littleEndian?: boolean;
  /** Elements beside or in place of the usual ones; an empty text leaves one out. */
  readonly elements?: DicomElements;
  /** Pixels in place of {@link pixelsOf}. */
  readonly pixels?: Uint8Array | readonly Uint8Array[];
}

export const ROWS = 3;
export const COLUMNS = 4;

/** Stored values 0, 1, 2, ... plus 100 per slice, as unsigned 16-bit bytes. */
export function pixelsOf(k: number, littleEndian = true): Uint8Array {
  return joined(Array.from({ length: ROWS * COLUMNS }, (_, i) => number(100 * k + i, 2, littleEndian)));
}

/** Elements of slice k of a CT series: 0.8 mm between rows, 1.1 between columns, 2.5 from slice to slice. */
export function sliceElements(
  k: number,
  { z = 2.5 * k, littleEndian = true, elements = {}, pixels }: SliceOptions = {},
) {
  const usual: DicomElements = {
    '00080016 UI': '1.2.840.10008.5.1.4.1.1.2',
    '00080018 UI': `1.2.3.1.${k + 1}`,
    '00080060 CS': 'CT',
    '0008103e LO': 'phantom',
    '0020000d UI': '1.2.3',
    '0020000e UI': '1.2.3.1',
    '00200032 DS': `-50\\-60\\${z}`,
    '00200037 DS': '1\\0\\0\\0\\1\\0',
    '00280002 US': [1],
    '00280004 CS': 'MONOCHROME2',
    '00280010 US': [ROWS],
    '00280011 US': [COLUMNS],
    '00280030 DS': '0.8\\1.1',
    '00280100 US': [16],
    '00280101 US': [16],
    '00280102 US': [15],
    '00280103 US': [0],
    '00281052 DS': '-1024',
    '00281053 DS': '1',
    '7fe00010 OW': pixels ?? pixelsOf(k, littleEndian),
    ...elements,
  };
  return Object.fromEntries(Object.entries(usual).filter(([, value]) => value !== '')) as DicomElements;
}

/** A file with slice k. */
export function sliceFile(k: number, options: SliceOptions = {}): Uint8Array {
  const { syntax = SYNTAX.explicit, littleEndian = true } = options;
  return dicomFile(syntax, encodeElements(sliceElements(k, options), littleEndian));
}

/** A file with slice k of another series. */
export function otherSlice(k: number, elements: DicomElements = {}): Uint8Array {
  const own = { '0020000e UI': '1.2.3.9', '0008103e LO': 'bone', '00080018 UI': `1.2.3.9.${k}` };
  return sliceFile(k, { elements: { ...own, ...elements } });
}

/** Rows and columns of the pictures in test/fixtures/pictures, whose names say how many bits they have. */
const [PICTURE_ROWS, PICTURE_COLUMNS] = [9, 11];

/** A slice that is one of the compressed pictures of test/fixtures/pictures. */
export function pictureSlice(
  name: string,
  { bytes, syntax, elements = {} }: { bytes: Uint8Array; syntax: string; elements?: DicomElements },
): SliceOptions {
  return {
    syntax,
    pixels: [bytes],
    elements: {
      '00280010 US': [PICTURE_ROWS],
      '00280011 US': [PICTURE_COLUMNS],
      '00281052 DS': '0',
      ...(/8/.test(name) && { '00280100 US': [8], '00280101 US': [8], '00280102 US': [7] }),
      ...(/12/.test(name) && { '00280101 US': [12], '00280102 US': [11] }),
      ...elements,
    },
  };
}
