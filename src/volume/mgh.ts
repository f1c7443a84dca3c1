/**
 * FreeSurfer's MGH and MGZ files as volumes, and label volumes back: one header of 284 bytes, big-endian, then the
 * voxels. The affine is that of FreeSurfer's scanner coordinates (RAS), as nibabel's: its origin is given for the
 * middle of the volume.
 * Source: https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat; checked against nibabel 5.
 */

import { mapAxes } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import type { VolumeWarning } from './geometry.ts';
import { gzip, isGzip } from './inflate.ts';
import { assertSpacing, type StoredVolume } from './stored-image.ts';
import { type ResultVolume, resultBytes, type VoxelType, voxelBytes } from './stored-voxels.ts';
import { type Affine, formatSize, type Grid, voxelCount, type Xyz } from './volume.ts';
import { assertReadable, corruptVolume, readVoxels, startOfContent } from './voxel-file.ts';

const HEADER_BYTES = 284;
const FIELDS = {
  version: 0,
  size: 4,
  frames: 16,
  type: 20,
  goodRas: 28,
  spacing: 30,
  cosines: 42,
  centre: 78,
} as const;
const TYPES: Readonly<Record<number, VoxelType>> = { 0: 'uint8', 1: 'int32', 3: 'float32', 4: 'int16', 10: 'uint16' };
/** FreeSurfer's coronal slices: the default if a file does not state its position. */
const CORONAL = [-1, 0, 0, 0, 0, -1, 0, 1, 0];

/** Columns are the axes of the file. */
function affineOf(spacing: Xyz, cosines: readonly number[], options: { size: Xyz; centre: readonly number[] }): Affine {
  const { size, centre } = options;
  return [
    ...[0, 1, 2].flatMap(row => {
      const along = [0, 1, 2].map(axis => cosines[axis * 3 + row]! * spacing[axis]!);
      const half = along.reduce((sum, step, axis) => sum + (step * size[axis]!) / 2, 0);
      return [...along, centre[row]! - half];
    }),
    ...[0, 0, 0, 1],
  ];
}

interface MghHeader {
  readonly sizeVoxels: Xyz;
  readonly channels: number;
  readonly dataType: VoxelType;
  readonly spacing: Xyz;
  readonly affine: Affine;
  readonly warnings: readonly VolumeWarning[];
}

function readHeader(head: Uint8Array, path: string): MghHeader {
  if (head.length < HEADER_BYTES) throw corruptVolume(path, `it ends after ${head.length} bytes, within its header`);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const integer = (offset: number): number => view.getInt32(offset);
  const reals = (offset: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => view.getFloat32(offset + index * 4));
  if (integer(FIELDS.version) !== 1) throw corruptVolume(path, `its version is ${integer(FIELDS.version)}, not 1`);
  const [x = 0, y = 0, z = 0, channels = 0] = [0, 4, 8, 12].map(offset => integer(FIELDS.size + offset));
  const dataType = TYPES[integer(FIELDS.type)];
  if (dataType === undefined) {
    throw new InputError(
      'E_VOLUME_TYPE',
      `${path} has voxels of MGH type ${integer(FIELDS.type)}; unsigned char, short, int and float are read. Convert it with mri_convert.`,
    );
  }
  if (![x, y, z, channels].every(size => size >= 1))
    throw corruptVolume(path, `its size is ${[x, y, z, channels].join('x')}`);
  const isPlaced = view.getInt16(FIELDS.goodRas) > 0;
  const spacing: Xyz = isPlaced ? mapAxes(axis => view.getFloat32(FIELDS.spacing + 4 * axis)) : [1, 1, 1];
  assertSpacing(spacing, path);
  const cosines = isPlaced ? reals(FIELDS.cosines, 9) : CORONAL;
  const centre = isPlaced ? reals(FIELDS.centre, 3) : [0, 0, 0];
  const affine = affineOf(spacing, cosines, { size: [x, y, z], centre });
  if (!affine.every(Number.isFinite)) throw corruptVolume(path, 'its affine has entries that are no numbers');
  const message = `${path}: its header does not say where it lies; coronal slices are assumed, as FreeSurfer does.`;
  const warnings: readonly VolumeWarning[] = isPlaced ? [] : [{ code: 'W_SPACE_UNKNOWN', message }];
  return { sizeVoxels: [x, y, z], channels, dataType, spacing, affine, warnings };
}

/** The grid of a .mgh or .mgz file, of which the first kilobytes are enough. @throws {InputError} as decodeMgh */
export function decodeMghGrid(bytes: Uint8Array, path: string): Grid {
  const start = startOfContent(bytes, isGzip(bytes) ? 'gzip' : 'none', HEADER_BYTES);
  const { sizeVoxels, spacing, affine } = readHeader(start, path);
  return { sizeVoxels, spacingMm: spacing, affine };
}

/**
 * Reads a .mgh or .mgz file, recognised by content.
 * @throws {InputError} E_VOLUME_CORRUPT, E_VOLUME_TYPE, E_VOLUME_SPACING, E_VOLUME_TOO_LARGE; all name the path
 */
export function decodeMgh(bytes: Uint8Array, path: string): StoredVolume {
  const compression = isGzip(bytes) ? 'gzip' : 'none';
  try {
    const header = readHeader(startOfContent(bytes, compression, HEADER_BYTES), path);
    const { sizeVoxels, channels, dataType, spacing, affine, warnings } = header;
    assertReadable({ sizeVoxels, channels, path });
    const count = voxelCount(sizeVoxels) * channels;
    const truncated = (got: string): Error =>
      corruptVolume(
        path,
        `${formatSize(sizeVoxels)} voxels of ${dataType} in ${channels} frame(s) need ${HEADER_BYTES + count * voxelBytes(dataType)} bytes, it holds ${got}`,
      );
    const layout = { dataType, littleEndian: false, slope: 1, intercept: 0, voxelOffset: HEADER_BYTES, count };
    const data = readVoxels(bytes, layout, { compression, truncated });
    return { volume: { data, sizeVoxels, channels, spacingMm: spacing, affine }, dataType, warnings };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw corruptVolume(path, error instanceof Error ? error.message : String(error), error);
  }
}

/**
 * Writes a segmentation as .mgz, in bytes, or in 32-bit integers where a label needs them; or a map in 32-bit floating
 * point.
 */
export function encodeMgh({ data, sizeVoxels, affine }: ResultVolume): Uint8Array {
  const head = new Uint8Array(HEADER_BYTES);
  const view = new DataView(head.buffer);
  view.setInt32(FIELDS.version, 1);
  sizeVoxels.forEach((size, axis) => {
    view.setInt32(FIELDS.size + axis * 4, size);
  });
  view.setInt32(FIELDS.frames, 1);
  // 32-bit integers are what every version of FreeSurfer reads
  const isWide = data instanceof Uint16Array;
  view.setInt32(FIELDS.type, isWide ? 1 : data instanceof Float32Array ? 3 : 0);
  view.setInt16(FIELDS.goodRas, 1);
  const at = (row: number, column: number): number => affine[row * 4 + column]!;
  for (let axis = 0; axis < 3; axis++) {
    const length = Math.hypot(at(0, axis), at(1, axis), at(2, axis));
    view.setFloat32(FIELDS.spacing + axis * 4, length);
    for (let row = 0; row < 3; row++) view.setFloat32(FIELDS.cosines + axis * 12 + row * 4, at(row, axis) / length);
    const half = [0, 1, 2].reduce((sum, k) => sum + (at(axis, k) * sizeVoxels[k]!) / 2, 0);
    view.setFloat32(FIELDS.centre + axis * 4, at(axis, 3) + half);
  }
  if (!isWide) return gzip([head, resultBytes(data, false)]);
  const wide = new DataView(new ArrayBuffer(data.length * 4));
  data.forEach((label, voxel) => {
    wide.setInt32(voxel * 4, label);
  });
  return gzip([head, new Uint8Array(wide.buffer)]);
}
