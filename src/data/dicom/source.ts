/**
 * What results of a DICOM series must say of it: patient, study, frame of reference, and the images that a result
 * refers to, plane by plane. Texts are decoded from the character sets that files name. Source: DICOM PS3.3, C.7.1 to
 * C.7.4 and C.12.1.1.2 (character sets).
 */
import type { DataSet } from 'dicom-parser';
import type { DicomSlice } from './slice.ts';

/** Attributes that a result takes over as they are, by keyword. */
const TAKEN_OVER = {
  AccessionNumber: 'x00080050',
  ReferringPhysicianName: 'x00080090',
  StudyDate: 'x00080020',
  StudyTime: 'x00080030',
  StudyDescription: 'x00081030',
  StudyID: 'x00200010',
  TimezoneOffsetFromUTC: 'x00080201',
  PatientName: 'x00100010',
  PatientID: 'x00100020',
  IssuerOfPatientID: 'x00100021',
  PatientBirthDate: 'x00100030',
  PatientSex: 'x00100040',
  PatientAge: 'x00101010',
  PatientIdentityRemoved: 'x00120062',
  DeidentificationMethod: 'x00120063',
  PositionReferenceIndicator: 'x00201040',
} as const;

/** One plane of a volume, as a result refers to it. */
export interface SourceSlice {
  readonly classUid: string;
  readonly instanceUid: string;
  /** Number of its frame, from 1; absent in a file of one image. */
  readonly frame?: number;
  /** Centre of its first voxel, LPS millimetres. */
  readonly position: readonly number[];
}

/** A series that a volume was read from. */
export interface DicomSource {
  readonly studyUid: string;
  readonly seriesUid: string;
  /** Empty where the files name none. */
  readonly frameOfReferenceUid: string;
  readonly modality: string;
  /** Texts of patient and study; those that the files lack are missing. */
  readonly attributes: { readonly [keyword in keyof typeof TAKEN_OVER]?: string };
  /** Millimetres between rows, then between columns. */
  readonly pixelSpacingMm: readonly number[];
  /** Unit vectors along a row and along a column, LPS. */
  readonly orientation: readonly number[];
  /** The planes in the order of the volume's z. */
  readonly slices: readonly SourceSlice[];
}

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

/**
 * What results of a volume say of its series.
 * @param tags of one file of the series
 * @param slices the planes of the volume's first channel, in the order of z
 */
export function dicomSource(tags: DataSet, slices: readonly DicomSlice[]): DicomSource {
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
    slices: slices.map(({ classUid, instanceUid, frame, frames, position }) => ({
      classUid,
      instanceUid,
      ...(frames > 1 && { frame: frame + 1 }),
      position,
    })),
  };
}
