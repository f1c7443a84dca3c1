/**
 * What a compressed picture says of its own size, read before a decoder spends memory on it.
 * Source: ITU-T T.81 (JPEG), T.87 (JPEG-LS), T.800 (JPEG 2000), T.814 (its part 15).
 */

/** Size of a picture. */
export interface PictureSize {
  readonly columns: number;
  readonly rows: number;
  readonly samples: number;
  /** Bits per value. */
  readonly precision: number;
  /** Marker of the frame header, which distinguishes the processes of JPEG; the size marker for JPEG 2000. */
  readonly marker: number;
  /** JPEG 2000 with the block coder of part 15, which the decoder here does not take. */
  readonly highThroughput?: true;
}

const JPEG_START = 0xd8;
const JPEG_2000_START = 0x4f;
const JPEG_2000_SIZE = 0x51;
/** Markers that are not frame headers although they lie among them: Huffman tables, arithmetic tables, extensions. */
const NOT_FRAMES = [0xc4, 0xc8, 0xcc];
const JPEG_LS_FRAME = 0xf7;
const SCAN = 0xda;
const JPEG_2000_CAPABILITIES = 0x50;
const JPEG_2000_TILE = 0x90;
/** Bit of the capabilities for part 15. */
const PART_15 = 0x20000;

function jpegSize(view: DataView): PictureSize | undefined {
  for (let at = 2; at + 4 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = (marker >= 0xc0 && marker <= 0xcf && !NOT_FRAMES.includes(marker)) || marker === JPEG_LS_FRAME;
    if (isFrame && at + 10 <= view.byteLength) {
      return {
        precision: view.getUint8(at + 4),
        rows: view.getUint16(at + 5),
        columns: view.getUint16(at + 7),
        samples: view.getUint8(at + 9),
        marker,
      };
    }
    if (marker === SCAN) return undefined;
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** Whether the main header of a JPEG 2000 picture asks for the block coder of part 15. */
function isHighThroughput(view: DataView): boolean {
  for (let at = 2; at + 8 <= view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at) - 0xff00;
    if (marker === JPEG_2000_CAPABILITIES) return (view.getUint32(at + 4) & PART_15) !== 0;
    if (marker === JPEG_2000_TILE || marker < 0) return false;
  }
  return false;
}

function jpeg2000Size(view: DataView): PictureSize | undefined {
  if (view.byteLength < 43 || view.getUint16(2) !== 0xff00 + JPEG_2000_SIZE) return undefined;
  return {
    columns: view.getUint32(8) - view.getUint32(16),
    rows: view.getUint32(12) - view.getUint32(20),
    samples: view.getUint16(40),
    precision: (view.getUint8(42) & 127) + 1,
    marker: JPEG_2000_SIZE,
    ...(isHighThroughput(view) && { highThroughput: true as const }),
  };
}

/** The size of a JPEG, JPEG-LS or JPEG 2000 picture; undefined where the bytes are none. */
export function pictureSize(bytes: Uint8Array): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes[0] !== 0xff) return undefined;
  if (bytes[1] === JPEG_START) return jpegSize(view);
  return bytes[1] === JPEG_2000_START ? jpeg2000Size(view) : undefined;
}
