/**
 * What the floors above need to decode the compressed pictures inside of DICOM files. Implemented in platform/ by the
 * codecs that DICOM viewers use; everything else of reading images needs no platform.
 */

/** How a picture is compressed. */
export type FrameCoding = 'jpeg' | 'jpeg-lossless' | 'jpeg-ls' | 'jpeg-2000';

/** A picture of one grey value per pixel, row by row. */
export interface DecodedFrame {
  readonly columns: number;
  readonly rows: number;
  /** Values per pixel. */
  readonly samples: number;
  /** Bits that a value has. */
  readonly precision: number;
  readonly signed: boolean;
  readonly values: Uint8Array | Int8Array | Uint16Array | Int16Array;
}

export interface FrameCodec {
  /**
   * Decodes one picture.
   * @throws {Error} with the codec's complaint where the bytes are damaged
   */
  decode(coding: FrameCoding, bytes: Uint8Array): Promise<DecodedFrame>;
}
