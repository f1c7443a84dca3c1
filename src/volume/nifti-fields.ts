/**
 * Where the fields of NIfTI-1 and NIfTI-2 headers lie, and how they are written. Source: nifti1.h and nifti2.h.
 */
import type { VoxelType } from './stored-voxels.ts';

/** Bytes per voxel of every type that is read; complex, colour and 128-bit types are refused. */
export const NIFTI_TYPES = {
  uint8: { code: 2, bytes: 1 },
  int16: { code: 4, bytes: 2 },
  int32: { code: 8, bytes: 4 },
  float32: { code: 16, bytes: 4 },
  float64: { code: 64, bytes: 8 },
  int8: { code: 256, bytes: 1 },
  uint16: { code: 512, bytes: 2 },
  uint32: { code: 768, bytes: 4 },
  int64: { code: 1024, bytes: 8 },
  uint64: { code: 1280, bytes: 8 },
} as const satisfies Record<VoxelType, unknown>;

/** Bytes of a header, by version. */
export const HEADER_BYTES = { 1: 348, 2: 540 } as const;
/** File offsets of the fields that a written file changes. */
export const FIELDS = {
  1: { dim: 40, datatype: 70, bitpix: 72, pixdim: 76, voxelOffset: 108, slope: 112, calMax: 124, sform: 280 },
  2: { dim: 16, datatype: 12, bitpix: 14, pixdim: 104, voxelOffset: 168, slope: 176, calMax: 192, sform: 400 },
} as const;
/** Of files with their voxels: n+1 and n+2. */
export const SIGNATURE = { 1: [0x6e, 0x2b, 0x31, 0], 2: [0x6e, 0x2b, 0x32, 0, 0x0d, 0x0a, 0x1a, 0x0a] } as const;
/** Largest number of voxels along an axis in NIfTI-1. */
export const LARGEST_INT16 = 32767;

/** Writes numbers into a header in its own version and byte order. */
export function headerWriter(bytes: Uint8Array, version: 1 | 2, littleEndian: boolean) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    int16: (offset: number, value: number) => view.setInt16(offset, value, littleEndian),
    int32: (offset: number, value: number) => view.setInt32(offset, value, littleEndian),
    /** int16 in NIfTI-1, int64 in NIfTI-2 */
    integers: (offset: number, values: readonly number[]) =>
      values.forEach((value, index) => {
        if (version === 1) view.setInt16(offset + index * 2, value, littleEndian);
        else view.setBigInt64(offset + index * 8, BigInt(value), littleEndian);
      }),
    /** float32 in NIfTI-1, float64 in NIfTI-2 */
    reals: (offset: number, values: readonly number[]) =>
      values.forEach((value, index) => {
        if (version === 1) view.setFloat32(offset + index * 4, value, littleEndian);
        else view.setFloat64(offset + index * 8, value, littleEndian);
      }),
  };
}
