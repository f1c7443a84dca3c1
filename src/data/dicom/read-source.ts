/**
 * Reads from the tags of a series what results say of it. Texts are decoded from the character sets that files name.
 * Source: DICOM PS3.3, C.12.1.1.2 (character sets).
 */
import type { DataSet } from 'dicom-parser';
import type { DicomSlice } from './slice.ts';
import { type DicomSource, type SourceSlice, TAKEN_OVER } from './source.ts';

/** Decoders of the platform by the registration number of a character set. */
const REGISTERED: Readonly<Record<string, string>> = {
  '13': 'shift_jis',
  '58': 'gbk',
  '87': 'iso-2022-jp',
  '100': 'windows-1252',
  '101': 'iso-8859-2',
  '109': 'iso-8859-3',
  '110': 'iso-8859-4',
  '126': 'iso-8859-7',
  '127': 'iso-8859-6',
  '138': 'iso-8859-8',
  '144': 'iso-8859-5',
  '148': 'windows-1254',
  '149': 'euc-kr',
  '159': 'iso-2022-jp',
  '166': 'windows-874',
  '192': 'utf-8',
  '203': 'iso-8859-15',
};
/** Sets whose name is not a number. */
const NAMED: Readonly<Record<string, string>> = { GB18030: 'gb18030', GBK: 'gbk' };
/** Escape sequences that announce a set; those of Japanese are left to its decoder. */
const ESCAPES = new RegExp(`${String.fromCharCode(27)}(\\$\\)[AC]|-[A-Z])`, 'g');

/** The decoder of a file's texts: of several sets the last that is known, since the first is often ASCII. */
function decoderOf(tags: DataSet): TextDecoder {
  const names = (tags.string('x00080005') ?? '').split('\\').map(name => name.trim());
  const labels = names.flatMap(name => {
    const [, number = ''] = /^ISO[_ ](?:2022 )?IR (\d+)$/.exec(name) ?? [];
    return NAMED[name] ?? REGISTERED[number] ?? [];
  });
  return new TextDecoder(labels.at(-1) ?? 'windows-1252');
}

/** A text with its characters; undefined where it is missing. */
function decodedText(tags: DataSet, tag: string, decoder: TextDecoder): string | undefined {
  const element = tags.elements[tag];
  if (element === undefined) return undefined;
  const bytes = tags.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
  return decoder
    .decode(bytes)
    .replace(ESCAPES, '')
    .replace(/[\0 ]+$/, '');
}

function sourceSlice({ path, classUid, instanceUid, frame, frames, position }: DicomSlice): SourceSlice {
  return { path, classUid, instanceUid, ...(frames > 1 && { frame: frame + 1 }), position };
}

/**
 * What results of a volume say of its series.
 * @param tags of one file of the series
 * @param frames the planes of each of the volume's channels, in the order of z; at least one channel
 */
export function dicomSource(tags: DataSet, frames: readonly (readonly DicomSlice[])[]): DicomSource {
  const [slices = [], ...others] = frames;
  const decoder = decoderOf(tags);
  const texts = Object.entries(TAKEN_OVER).flatMap(([keyword, tag]) => {
    const text = decodedText(tags, tag, decoder);
    return text === undefined ? [] : [[keyword, text] as const];
  });
  const [first] = slices;
  return {
    studyUid: tags.string('x0020000d') ?? '',
    seriesUid: tags.string('x0020000e') ?? '',
    frameOfReferenceUid: tags.string('x00200052') ?? '',
    modality: tags.string('x00080060') ?? '',
    attributes: Object.fromEntries(texts),
    pixelSpacingMm: first?.pixelSpacingMm ?? [],
    orientation: first?.orientation ?? [],
    slices: slices.map(sourceSlice),
    ...(others.length > 0 && { laterFrames: others.map(planes => planes.map(sourceSlice)) }),
  };
}
