/**
 * The interface to image formats other than NIfTI. Implemented in platform/ with ITK. An image is plain data in ITK's
 * own terms: voxels x fastest, the components of a voxel side by side, world coordinates in LPS millimetres.
 */

/** Image formats, named by the reader that each one needs. */
export type ImageFormat = 'nrrd' | 'meta' | 'dicom';

/** The bytes of a file, and the name by which other files refer to it. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface LpsImage {
  /** ITK's name of a voxel's type, for example `int16`. */
  readonly componentType: string;
  /** ITK's name of the kind of a voxel, for example `Scalar` or `RGB`. */
  readonly pixelType: string;
  /** Numbers per voxel. */
  readonly components: number;
  /** One to four axes, the fastest first. */
  readonly size: readonly number[];
  /** Millimetres along each axis. */
  readonly spacing: readonly number[];
  /** Position of the centre of the first voxel, LPS millimetres. */
  readonly origin: readonly number[];
  /** Direction matrix, row-major; column k is the unit vector of axis k. */
  readonly direction: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/** The formats that keep all of an image in one file, or in a header and the file that it names. */
export type HeaderFormat = Exclude<ImageFormat, 'dicom'>;

export interface ImageCodec {
  /**
   * Decodes an image.
   * @param files the file with the header first, then the one that it refers to; for DICOM the files of one series in
   * any order
   * @param path for messages
   * @throws {InputError} E_VOLUME_CORRUPT
   */
  decode(format: ImageFormat, files: readonly NamedBytes[], path: string): Promise<LpsImage>;
  /** Encodes an image as a single compressed file. */
  encode(format: HeaderFormat, image: LpsImage & { readonly data: Uint8Array | Float32Array }): Promise<Uint8Array>;
}
