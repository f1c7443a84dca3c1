/**
 * How the bytes of a DICOM file are written, by its transfer syntax (0002,0010).
 * Source: DICOM PS3.5, sections 8.2 and 10; names of PS3.6, annex A.4.
 */
import { lookUp } from '../../core/look-up.ts';
import type { FrameCoding } from '../../runtime/frame-codec.ts';

/** What must be known of a transfer syntax to find and to read its pixels. */
export interface TransferSyntax {
  readonly name: string;
  /**
   * `native` lies bare in the file, `rle` is unpacked here, codings by a {@link FrameCoding} need a codec; undefined
   * cannot be read.
   */
  readonly coding: 'native' | 'rle' | FrameCoding | undefined;
  readonly bigEndian?: true;
  /** The data set as a whole is a deflate stream. */
  readonly deflated?: true;
}

const SYNTAXES: Readonly<Record<string, TransferSyntax>> = {
  '1.2.840.10008.1.2': { name: 'Implicit VR Little Endian', coding: 'native' },
  '1.2.840.10008.1.2.1': { name: 'Explicit VR Little Endian', coding: 'native' },
  '1.2.840.10008.1.2.1.98': { name: 'Encapsulated Uncompressed Explicit VR Little Endian', coding: undefined },
  '1.2.840.10008.1.2.1.99': { name: 'Deflated Explicit VR Little Endian', coding: 'native', deflated: true },
  '1.2.840.10008.1.2.2': { name: 'Explicit VR Big Endian', coding: 'native', bigEndian: true },
  '1.2.840.10008.1.2.4.50': { name: 'JPEG Baseline', coding: 'jpeg' },
  '1.2.840.10008.1.2.4.51': { name: 'JPEG Extended', coding: 'jpeg' },
  '1.2.840.10008.1.2.4.57': { name: 'JPEG Lossless', coding: 'jpeg-lossless' },
  '1.2.840.10008.1.2.4.70': { name: 'JPEG Lossless, First-Order Prediction', coding: 'jpeg-lossless' },
  '1.2.840.10008.1.2.4.80': { name: 'JPEG-LS Lossless', coding: 'jpeg-ls' },
  '1.2.840.10008.1.2.4.81': { name: 'JPEG-LS Near-Lossless', coding: 'jpeg-ls' },
  '1.2.840.10008.1.2.4.90': { name: 'JPEG 2000 Lossless', coding: 'jpeg-2000' },
  '1.2.840.10008.1.2.4.91': { name: 'JPEG 2000', coding: 'jpeg-2000' },
  '1.2.840.10008.1.2.4.92': { name: 'JPEG 2000 Part 2 Lossless', coding: undefined },
  '1.2.840.10008.1.2.4.93': { name: 'JPEG 2000 Part 2', coding: undefined },
  '1.2.840.10008.1.2.4.100': { name: 'MPEG2 Main Profile at Main Level', coding: undefined },
  '1.2.840.10008.1.2.4.101': { name: 'MPEG2 Main Profile at High Level', coding: undefined },
  '1.2.840.10008.1.2.4.102': { name: 'MPEG-4 AVC/H.264 High Profile', coding: undefined },
  '1.2.840.10008.1.2.4.103': { name: 'MPEG-4 AVC/H.264 BD-compatible High Profile', coding: undefined },
  '1.2.840.10008.1.2.4.107': { name: 'HEVC/H.265 Main Profile', coding: undefined },
  '1.2.840.10008.1.2.4.108': { name: 'HEVC/H.265 Main 10 Profile', coding: undefined },
  '1.2.840.10008.1.2.4.110': { name: 'JPEG XL Lossless', coding: undefined },
  '1.2.840.10008.1.2.4.111': { name: 'JPEG XL JPEG Recompression', coding: undefined },
  '1.2.840.10008.1.2.4.112': { name: 'JPEG XL', coding: undefined },
  '1.2.840.10008.1.2.4.201': { name: 'High-Throughput JPEG 2000 Lossless', coding: undefined },
  '1.2.840.10008.1.2.4.202': { name: 'High-Throughput JPEG 2000 RPCL Lossless', coding: undefined },
  '1.2.840.10008.1.2.4.203': { name: 'High-Throughput JPEG 2000', coding: undefined },
  '1.2.840.10008.1.2.5': { name: 'RLE Lossless', coding: 'rle' },
};

/** The meaning of a transfer syntax; one that is not in the standard cannot be read, and is its own name. */
export function transferSyntaxOf(uid: string): TransferSyntax {
  return lookUp(SYNTAXES, uid) ?? { name: 'an unknown transfer syntax', coding: undefined };
}
