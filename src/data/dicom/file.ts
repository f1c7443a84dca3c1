/**
 * A DICOM file as its tags: part 10 of the standard, in any of its byte orders, deflated or not. Does not know pixels.
 * Source: DICOM PS3.5 and PS3.10.
 */
import dicomParser, { type DataSet } from 'dicom-parser';
import { joinBytes } from '../../core/bytes.ts';
import { InputError } from '../../core/errors.ts';
import { inflateRaw } from '../../volume/inflate.ts';
import { type TransferSyntax, transferSyntaxOf } from './transfer-syntax.ts';

/** A parsed file. */
export interface DicomFile {
  readonly path: string;
  readonly syntaxUid: string;
  readonly syntax: TransferSyntax;
  /**
   * Everything up to the voxels; offsets of elements count in `tags.byteArray`, which is not the file where it is
   * deflated.
   */
  readonly tags: DataSet;
}

const TRANSFER_SYNTAX = 'x00020010';
const PIXEL_DATA = 'x7fe00010';

/** Whether bytes are a DICOM file (part 10: `DICM` after a preamble of 128 bytes). */
export function isDicom(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(128, 132)) === 'DICM';
}

/** What is wrong with the file, for a message. */
export function corruptDicom(path: string, reason: string, cause?: unknown): InputError {
  const message = `${path} is not a readable DICOM file: ${reason}. Copy it again from its source.`;
  return new InputError('E_DICOM_CORRUPT', message, { cause });
}

/** The parser throws strings and errors. */
function reasonOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  if (thrown instanceof Error) return thrown.message;
  return 'its tags are damaged';
}

/** The data set behind the meta header of a deflated file. */
function inflated(bytes: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  inflateRaw(bytes, piece => pieces.push(piece));
  return joinBytes(pieces);
}

/**
 * Whether elements carry their type, seen from the first of them: some files do other than their transfer syntax says.
 */
function isExplicit(bytes: Uint8Array, position: number): boolean {
  return /^[A-Z]{2}$/.test(String.fromCharCode(...bytes.subarray(position + 4, position + 6)));
}

/**
 * Refuses elements that end behind the file: the parser takes their lengths as they are, and fails when they are read.
 * Pixel data are held against the file where they are decoded.
 * @param length bytes of the file
 */
function assertInside({ elements }: DataSet, length: number): void {
  for (const [tag, { dataOffset, length: own, items = [] }] of Object.entries(elements)) {
    // a number takes two bytes, whatever its element says
    if (tag !== PIXEL_DATA && dataOffset + (own === 1 ? 2 : own) > length) {
      throw new Error(`its element ${tag.slice(1)} ends behind the file`);
    }
    for (const { dataSet } of items) if (dataSet !== undefined) assertInside(dataSet, length);
  }
}

/** The parser's own parts, which its types leave out. */
interface ParserParts {
  readonly ByteStream: new (parser: object, bytes: Uint8Array, position: number) => object;
  readonly DataSet: new (parser: object, bytes: Uint8Array, elements: object) => DataSet;
  readonly littleEndianByteArrayParser: object;
  readonly bigEndianByteArrayParser: object;
  parseDicomDataSetExplicit(set: DataSet, stream: object, end: number, options: { readonly untilTag: string }): void;
  parseDicomDataSetImplicit(set: DataSet, stream: object, end: number, options: { readonly untilTag: string }): void;
}

/**
 * Reads the tags of a file.
 * @throws {InputError} E_DICOM_CORRUPT
 */
export function parseDicom(bytes: Uint8Array, path: string): DicomFile {
  if (!isDicom(bytes)) {
    const advice =
      'If it was saved without its file header, write it again with one, for example with dcmconv of DCMTK';
    const message = `${path} is not a DICOM file: it does not have the letters DICM after its first 128 bytes. ${advice}.`;
    throw new InputError('E_DICOM_CORRUPT', message);
  }
  const parts = dicomParser as unknown as ParserParts;
  try {
    const meta = dicomParser.readPart10Header(bytes) as DataSet & { readonly position: number };
    const syntaxUid = meta.string(TRANSFER_SYNTAX) ?? '';
    const syntax = transferSyntaxOf(syntaxUid);
    const [content, position] =
      syntax.deflated === true ? [inflated(bytes.subarray(meta.position)), 0] : [bytes, meta.position];
    const parser = syntax.bigEndian === true ? parts.bigEndianByteArrayParser : parts.littleEndianByteArrayParser;
    const tags = new parts.DataSet(parser, content, {});
    const stream = new parts.ByteStream(parser, content, position);
    const read = isExplicit(content, position) ? parts.parseDicomDataSetExplicit : parts.parseDicomDataSetImplicit;
    read(tags, stream, content.length, { untilTag: PIXEL_DATA });
    assertInside(tags, content.length);
    return { path, syntaxUid, syntax, tags };
  } catch (cause) {
    throw corruptDicom(path, reasonOf(cause).replace(/\.$/, ''), cause);
  }
}
