/**
 * Headers of NIfTI files that are written: that of an input with another type of voxels, and new ones.
 * Source: nifti1.h and nifti2.h.
 */
import { InputError } from '../core/errors.ts';
import { FIELDS, HEADER_BYTES, headerWriter, LARGEST_INT16, NIFTI_TYPES, SIGNATURE } from './nifti-fields.ts';
import { type NiftiHeader, readNiftiHeader } from './nifti-header.ts';
import type { VoxelType } from './stored-voxels.ts';
import { formatSize, type Grid, type Xyz } from './volume.ts';

/** Changes of a written file to the header of its input. */
interface Replacement {
  readonly dataType: VoxelType;
  readonly sizeVoxels: Xyz;
  readonly channels: number;
}

/**
 * The start of a file up to its voxels: an existing header with another voxel type and number of channels, without
 * extensions. Orientation, spacing, units and every other field keep their bytes; slope is 1, intercept and display
 * range are 0.
 */
export function rewriteNiftiHeader(like: NiftiHeader, { dataType, sizeVoxels, channels }: Replacement): Uint8Array {
  if (like.version === 1 && channels > LARGEST_INT16) {
    throw new InputError('E_NIFTI_TYPE', `a NIfTI-1 file holds at most ${LARGEST_INT16} channels, not ${channels}.`);
  }
  const bytes = new Uint8Array(HEADER_BYTES[like.version] + 4);
  bytes.set(like.bytes);
  // the header of a pair has another signature than the file that is written
  bytes.set(like.version === 1 ? SIGNATURE[1] : SIGNATURE[2], like.version === 1 ? 344 : 4);
  const fields = FIELDS[like.version];
  const write = headerWriter(bytes, like.version, like.littleEndian);
  write.integers(fields.dim, [channels > 1 ? 4 : 3, ...sizeVoxels, channels, 1, 1, 1]);
  write.int16(fields.datatype, NIFTI_TYPES[dataType].code);
  write.int16(fields.bitpix, NIFTI_TYPES[dataType].bytes * 8);
  if (like.version === 1) write.reals(fields.voxelOffset, [bytes.length]);
  else write.integers(fields.voxelOffset, [bytes.length]);
  write.reals(fields.slope, [1, 0]);
  write.reals(fields.calMax, [0, 0]);
  return bytes;
}

/**
 * A fresh little-endian header for float32 voxels in millimetres, with the affine as its sform. NIfTI-1, or NIfTI-2
 * where an axis has more than 32,767 voxels.
 * @throws {InputError} E_NIFTI_SPACING if a spacing is not positive, E_NIFTI_CORRUPT if a size is not
 */
export function createNiftiHeader({ sizeVoxels, spacingMm, affine }: Grid): NiftiHeader {
  const version = sizeVoxels.some(size => size > LARGEST_INT16) ? 2 : 1;
  const bytes = new Uint8Array(HEADER_BYTES[version]);
  const fields = FIELDS[version];
  const write = headerWriter(bytes, version, true);
  write.int32(0, bytes.length);
  write.integers(fields.dim, [3, ...sizeVoxels, 1, 1, 1, 1]);
  write.int16(fields.datatype, NIFTI_TYPES.float32.code);
  write.int16(fields.bitpix, NIFTI_TYPES.float32.bytes * 8);
  write.reals(fields.pixdim, [1, ...spacingMm, 1, 1, 1, 1]);
  write.reals(fields.slope, [1, 0]);
  write.reals(fields.sform, affine.slice(0, 12));
  if (version === 1) {
    write.reals(fields.voxelOffset, [bytes.length + 4]);
    bytes[123] = 2; // xyzt_units: millimetres
    write.int16(254, 1); // sform_code: scanner coordinates
    bytes.set(SIGNATURE[1], 344);
  } else {
    write.integers(fields.voxelOffset, [bytes.length + 4]);
    write.int32(500, 2);
    write.int32(348, 1);
    bytes.set(SIGNATURE[2], 4);
  }
  return readNiftiHeader(bytes, `a new volume of ${formatSize(sizeVoxels)} voxels`);
}
