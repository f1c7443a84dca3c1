/**
 * Compressed pixel data: the fragments of an encapsulated element, and which of them make a frame.
 * Source: DICOM PS3.5, annex A.4; C.7.6.3.1.8 of PS3.3 (extended offset table).
 */
import { corruptDicom, type DicomFile } from './file.ts';

const ITEM = 0xe000;
const SEQUENCE_END = 0xe0dd;
const ITEM_GROUP = 0xfffe;
const ITEM_HEADER_BYTES = 8;
const EXTENDED_OFFSETS = 'x7fe00001';

/** Bytes of the pixel data by fragment, with where each begins after the offset table. */
interface Fragment {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

function readFragments({ path, tags }: DicomFile, start: number): { table: number[]; fragments: Fragment[] } {
  const { byteArray: bytes } = tags;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const items: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  for (let at = start; ; ) {
    if (at + ITEM_HEADER_BYTES > bytes.length) throw corruptDicom(path, 'its compressed voxels end early');
    const [group, element] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    const length = view.getUint32(at + 4, true);
    if (group !== ITEM_GROUP || (element !== ITEM && element !== SEQUENCE_END)) {
      throw corruptDicom(path, 'its compressed voxels are not made of fragments');
    }
    if (element === SEQUENCE_END) break;
    const from = at + ITEM_HEADER_BYTES;
    if (from + length > bytes.length) throw corruptDicom(path, 'its compressed voxels end early');
    items.push({ at, bytes: bytes.subarray(from, from + length) });
    at = from + length;
  }
  const [offsets, ...rest] = items;
  if (offsets === undefined || rest.length === 0) throw corruptDicom(path, 'it has no compressed voxels');
  const tableView = new DataView(offsets.bytes.buffer, offsets.bytes.byteOffset, offsets.bytes.length);
  const table = Array.from({ length: offsets.bytes.length >> 2 }, (_, index) => tableView.getUint32(index * 4, true));
  const base = rest[0]!.at;
  return { table, fragments: rest.map(item => ({ bytes: item.bytes, offset: item.at - base })) };
}

function joined(parts: readonly Fragment[]): Uint8Array {
  if (parts.length === 1) return parts[0]!.bytes;
  const whole = new Uint8Array(parts.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let at = 0;
  for (const { bytes } of parts) {
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}

function extendedOffsets({ tags }: DicomFile): number[] {
  const element = tags.elements[EXTENDED_OFFSETS];
  if (element === undefined) return [];
  const view = new DataView(tags.byteArray.buffer, tags.byteArray.byteOffset + element.dataOffset, element.length);
  return Array.from({ length: element.length >> 3 }, (_, index) => Number(view.getBigUint64(index * 8, true)));
}

/** Whether a fragment begins a JPEG, JPEG-LS or JPEG 2000 picture. */
function beginsPicture({ bytes }: Fragment): boolean {
  return bytes[0] === 0xff && (bytes[1] === 0xd8 || bytes[1] === 0x4f);
}

/**
 * The compressed frames of a file, in their order.
 * @throws {InputError} E_DICOM_CORRUPT where there are not as many as the file says
 */
export function compressedFrames(file: DicomFile, start: number, frames: number): readonly Uint8Array[] {
  const { table, fragments } = readFragments(file, start);
  if (frames === 1) return [joined(fragments)];
  if (fragments.length === frames) return fragments.map(({ bytes }) => bytes);
  const offsets = [table, extendedOffsets(file)].find(({ length }) => length === frames);
  const begins =
    offsets === undefined
      ? fragments.flatMap((fragment, index) => (beginsPicture(fragment) ? [index] : []))
      : offsets.map(offset => fragments.findIndex(fragment => fragment.offset === offset));
  const isRising = begins.every((begin, index) => begin >= 0 && begin > (begins[index - 1] ?? -1));
  if (begins.length !== frames || !isRising) {
    throw corruptDicom(file.path, `it has ${fragments.length} compressed pieces for ${frames} frames`);
  }
  return begins.map((begin, index) => joined(fragments.slice(begin, begins[index + 1])));
}
