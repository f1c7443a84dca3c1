/**
 * The header of a NIfTI-1 or NIfTI-2 file: its meaning, and its bytes exactly as they were, so that a result can be
 * written with the geometry of its input unchanged. Fields are read by nifti-reader-js; the affine is built here,
 * because the library ignores the qform of NIfTI-2 and prefers a qform to an sform by the order of their codes.
 * Source: nifti1.h and nifti2.h, https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
 */
import { NIFTI1, NIFTI2 } from 'nifti-reader-js';
import { mapAxes } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { sixDigits } from '../core/format.ts';
import { affineDeterminant } from './determinant.ts';
import type { VolumeWarning } from './geometry.ts';
import { FIELDS, HEADER_BYTES, headerWriter, NIFTI_TYPES } from './nifti-fields.ts';
import type { VoxelType } from './stored-voxels.ts';
import type { Affine, Xyz } from './volume.ts';

/** Types of the standard that are refused, by code. */
const REFUSED_TYPES: Readonly<Record<number, string>> = {
  1: 'one bit',
  32: 'complex64',
  128: 'RGB24',
  1536: 'float128',
  1792: 'complex128',
  2048: 'complex256',
  2304: 'RGBA32',
};

export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** The header as it stands in the file: 348 or 540 bytes. */
  readonly bytes: Uint8Array;
  readonly dataType: VoxelType;
  readonly sizeVoxels: Xyz;
  /** Size of the fourth dimension, 1 without one. */
  readonly channels: number;
  /** Spacing from pixdim, in millimetres whatever unit the file uses. */
  readonly spacingMm: Xyz;
  /** The affine: the sform if its code is set, otherwise the qform, otherwise nibabel's default; in millimetres. */
  readonly affine: Affine;
  /** False if the file does not state its position, and the affine is nibabel's default. */
  readonly isPlaced: boolean;
  /** Warnings about repaired or assumed values. */
  readonly warnings: readonly VolumeWarning[];
  /** Offset of the voxels in the file, bytes. */
  readonly voxelOffset: number;
  /** Scaling: value = stored * slope + intercept; a slope of 0 in the file means 1 and 0. */
  readonly slope: number;
  readonly intercept: number;
}

/** Number of bytes that contain either header. */
export const LARGEST_HEADER_BYTES = 540;

/** Intent codes of CIFTI-2 files. */
const CIFTI = { first: 3000, last: 3099 } as const;
/** Millimetres per unit of length, by the lowest three bits of xyzt_units. */
const METRE = 1;
const MICROMETRE = 3;

function corrupt(path: string, reason: string): InputError {
  return new InputError(
    'E_NIFTI_CORRUPT',
    `${path} is not a readable NIfTI file: ${reason}. Copy it again from its source, or convert it again.`,
  );
}

/** Whether a header without a NIfTI signature is one of Analyze 7.5, which begins with its size. */
function isAnalyze(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = HEADER_BYTES[1];
  return bytes.length >= size && (view.getInt32(0, true) === size || view.getInt32(0, false) === size);
}

/** What is wrong with a file that has not the signature of its name. */
function withoutSignature(bytes: Uint8Array, path: string, { isPair, found }: Kind & { found: string }): InputError {
  if (bytes.length === 0) return corrupt(path, 'it is empty');
  if (found === 'ni1' || found === 'ni2')
    return corrupt(path, 'it is the header of a pair; name it .hdr, beside its .img');
  if (found !== '') return corrupt(path, 'its signature says that the voxels are in the same file; name it .nii');
  if (!isPair || !isAnalyze(bytes)) return corrupt(path, 'it has no NIfTI signature');
  return new InputError(
    'E_NIFTI_TYPE',
    `${path} is an Analyze 7.5 header, which does not say where left and right are: programs differ. ` +
      'Convert it to NIfTI with a program that knows where it came from, such as SPM or FSL, and check a side that you know.',
  );
}

/** Where the voxels are. */
interface Kind {
  /** In a file of their own, .img beside .hdr. */
  readonly isPair: boolean;
}

function readFields(bytes: Uint8Array, path: string, { isPair }: Kind): AffineSource {
  const magicAt = (offset: number): string => String.fromCharCode(...bytes.subarray(offset, offset + 3));
  const found = [magicAt(344), magicAt(4)].find(magic => /^n[+i][12]$/.test(magic)) ?? '';
  if (found !== (isPair ? 'ni1' : 'n+1') && found !== (isPair ? 'ni2' : 'n+2')) {
    throw withoutSignature(bytes, path, { isPair, found });
  }
  const version = found.endsWith('1') ? 1 : 2;
  if (bytes.length < HEADER_BYTES[version]) throw corrupt(path, 'it ends within the header');
  const header = bytes.slice(0, HEADER_BYTES[version]);
  const fields = version === 1 ? new NIFTI1() : new NIFTI2();
  try {
    fields.readHeader(header.buffer);
  } catch {
    throw corrupt(path, 'its first four bytes do not hold the size of the header');
  }
  return { fields, version, header };
}

function readDimensions(dims: readonly number[], path: string): { sizeVoxels: Xyz; channels: number; rank: number } {
  const rank = dims[0] ?? 0;
  if (!(rank >= 1 && rank <= 7)) throw corrupt(path, `its number of dimensions is ${rank}`);
  const sizes = dims.slice(1, rank + 1);
  if (!sizes.every(size => Number.isSafeInteger(size) && size >= 1)) {
    throw corrupt(path, `its dimensions are ${sizes.join('x')}`);
  }
  const beyond = sizes.slice(3).filter(size => size > 1);
  if (beyond.length > 1) {
    throw new InputError(
      'E_NIFTI_TYPE',
      `${path} has ${rank} dimensions (${sizes.join('x')}). Only x, y, z and one dimension of channels are read; split the file.`,
    );
  }
  return { sizeVoxels: [sizes[0] ?? 1, sizes[1] ?? 1, sizes[2] ?? 1], channels: beyond[0] ?? 1, rank };
}

function readSpacing(pixDims: readonly number[], rank: number): Xyz {
  const along = (axis: number): number => {
    const spacing = pixDims[axis] ?? 0;
    return axis > rank && !(spacing > 0) ? 1 : spacing;
  };
  return [along(1), along(2), along(3)];
}

function isSpacing(value: number): boolean {
  return Number.isFinite(value) && value > 0;
}

function lengthsOf(affine: Affine): Xyz {
  const length = (column: number): number => Math.hypot(affine[column]!, affine[4 + column]!, affine[8 + column]!);
  return [length(0), length(1), length(2)];
}

function isUsable(affine: Affine): boolean {
  return affine.every(Number.isFinite) && affineDeterminant(affine) !== 0;
}

/** Method 2 of nifti1.h: rotation by a unit quaternion, spacing, offset. */
function qformAffine(fields: NIFTI1 | NIFTI2, spacing: Xyz): Affine {
  let [b, c, d] = [fields.quatern_b, fields.quatern_c, fields.quatern_d];
  const square = b * b + c * c + d * d;
  let a = Math.sqrt(Math.max(0, 1 - square));
  if (1 - square < 1e-7) {
    const norm = Math.sqrt(square);
    [a, b, c, d] = [0, b / norm, c / norm, d / norm];
  }
  const [x, y] = spacing;
  const z = (fields.pixDims[0] ?? 0) < 0 ? -spacing[2] : spacing[2];
  return [
    ...[(a * a + b * b - c * c - d * d) * x, 2 * (b * c - a * d) * y, 2 * (b * d + a * c) * z, fields.qoffset_x],
    ...[2 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2 * (c * d - a * b) * z, fields.qoffset_y],
    ...[2 * (b * d - a * c) * x, 2 * (c * d + a * b) * y, (a * a + d * d - c * c - b * b) * z, fields.qoffset_z],
    ...[0, 0, 0, 1],
  ];
}

interface AffineSource {
  readonly fields: NIFTI1 | NIFTI2;
  readonly version: 1 | 2;
  readonly header: Uint8Array;
}

/** The sform, if its code is set and it is a matrix of full rank. */
function readSform({ fields, version, header }: AffineSource): Affine | undefined {
  if (!(fields.sform_code > 0)) return undefined;
  const view = new DataView(header.buffer);
  const { sform } = FIELDS[version];
  const rows = Array.from({ length: 12 }, (_, index) =>
    version === 1
      ? view.getFloat32(sform + index * 4, fields.littleEndian)
      : view.getFloat64(sform + index * 8, fields.littleEndian),
  );
  const affine = [...rows, 0, 0, 0, 1];
  return isUsable(affine) ? affine : undefined;
}

function readQform({ fields }: AffineSource, spacing: Xyz): Affine | undefined {
  if (!(fields.qform_code > 0)) return undefined;
  const affine = qformAffine(fields, spacing);
  return isUsable(affine) ? affine : undefined;
}

/** nibabel's default affine: x to the left, y to the front, the middle of the volume at the origin. */
function unplacedAffine(spacing: Xyz, sizeVoxels: Xyz): Affine {
  const [x, y, z] = spacing;
  const half = (axis: 0 | 1 | 2): number => ((sizeVoxels[axis] - 1) / 2) * spacing[axis];
  return [-x, 0, 0, half(0), 0, y, 0, -half(1), 0, 0, z, -half(2), 0, 0, 0, 1];
}

/** Position of a file, with warnings about repaired or assumed values. */
interface Placement {
  readonly spacing: Xyz;
  readonly affine: Affine;
  readonly isPlaced: boolean;
  readonly warnings: readonly VolumeWarning[];
}

/** @throws {InputError} E_NIFTI_SPACING */
function readPlacement(source: AffineSource, grid: { sizeVoxels: Xyz; rank: number }, path: string): Placement {
  const said = readSpacing(source.fields.pixDims, grid.rank);
  const sform = readSform(source);
  const warnings: VolumeWarning[] = [];
  let spacing = said;
  if (!said.every(isSpacing)) {
    if (sform === undefined) {
      throw new InputError(
        'E_NIFTI_SPACING',
        `${path} has the voxel spacing ${said.join(' x ')}; each must be a positive number. Correct pixdim[1..3] in the header.`,
      );
    }
    const lengths = lengthsOf(sform);
    spacing = mapAxes(axis => (isSpacing(said[axis]) ? said[axis] : lengths[axis]));
    const message = `${path}: its spacing (pixdim) is ${said.join(' x ')}; ${spacing.map(sixDigits).join(' x ')} is taken from its sform.`;
    warnings.push({ code: 'W_NIFTI_SPACING', message });
  }
  const placed = sform ?? readQform(source, spacing);
  if (placed === undefined) {
    const message =
      `${path}: its header does not say where left and right are (sform_code and qform_code are 0, or the matrices unusable); ` +
      'x is taken to the left and y to the front, as nibabel does. Look at the volume, and set a code if that is right.';
    warnings.push({ code: 'W_NIFTI_CODES', message });
  }
  return {
    spacing,
    affine: placed ?? unplacedAffine(spacing, grid.sizeVoxels),
    isPlaced: placed !== undefined,
    warnings,
  };
}

function millimetresPerUnit(units: number): number {
  const length = units & 7;
  return length === METRE ? 1000 : length === MICROMETRE ? 0.001 : 1;
}

/**
 * Reads a header. The affine is the sform if its code is set, else the qform, else what nibabel takes, with a warning:
 * x to the left, y to the front. A matrix that is singular or not finite is ignored. A spacing that is not positive is
 * replaced by that of a usable sform.
 * @param bytes the start of the file; 540 bytes are enough
 * @param path for messages
 * @param kind whether the voxels are in a file of their own; if not given, they are in the same file
 * @throws {InputError} E_NIFTI_CORRUPT, E_NIFTI_TYPE (complex, colour, 128-bit, five real dimensions, Analyze),
 * E_NIFTI_SPACING
 */
export function readNiftiHeader(bytes: Uint8Array, path: string, kind: Kind = { isPair: false }): NiftiHeader {
  const source = readFields(bytes, path, kind);
  const { fields, version, header } = source;
  const dataType = (Object.keys(NIFTI_TYPES) as VoxelType[]).find(
    name => NIFTI_TYPES[name].code === fields.datatypeCode,
  );
  if (dataType === undefined) {
    throw new InputError(
      'E_NIFTI_TYPE',
      `${path} has voxels of NIfTI type ${fields.datatypeCode} (${REFUSED_TYPES[fields.datatypeCode] ?? 'unknown'}). ` +
        `Only real numbers are read; convert it to one of ${Object.keys(NIFTI_TYPES).join(', ')}.`,
    );
  }
  if (fields.intent_code >= CIFTI.first && fields.intent_code <= CIFTI.last) {
    throw new InputError(
      'E_NIFTI_TYPE',
      `${path} is a CIFTI file, of surfaces or connections, not a volume. Take its volume out, for example with wb_command -cifti-separate.`,
    );
  }
  const { sizeVoxels, channels, rank } = readDimensions(fields.dims, path);
  const voxelOffset = fields.vox_offset;
  if (!Number.isSafeInteger(voxelOffset) || voxelOffset < (kind.isPair ? 0 : HEADER_BYTES[version])) {
    throw corrupt(path, `its header places the voxels at byte ${voxelOffset}`);
  }
  const { spacing, affine, isPlaced, warnings } = readPlacement(source, { sizeVoxels, rank }, path);
  const unitMm = millimetresPerUnit(fields.xyzt_units);
  const scaled = fields.scl_slope !== 0 && Number.isFinite(fields.scl_slope);
  if (scaled && !Number.isFinite(fields.scl_inter)) throw corrupt(path, `its intercept is ${fields.scl_inter}`);
  return {
    version,
    littleEndian: fields.littleEndian,
    bytes: warnings.some(({ code }) => code === 'W_NIFTI_SPACING') ? withSpacing(source, spacing) : header,
    dataType,
    sizeVoxels,
    channels,
    spacingMm: [spacing[0] * unitMm, spacing[1] * unitMm, spacing[2] * unitMm],
    affine: affine.map((value, index) => (index < 12 ? value * unitMm : value)),
    isPlaced,
    warnings,
    voxelOffset,
    slope: scaled ? fields.scl_slope : 1,
    intercept: scaled ? fields.scl_inter : 0,
  };
}

/** A header with another spacing, so that results of a repaired file are valid. */
function withSpacing({ fields, version, header }: AffineSource, spacing: Xyz): Uint8Array {
  const bytes = header.slice();
  const { pixdim } = FIELDS[version];
  headerWriter(bytes, version, fields.littleEndian).reals(pixdim + (version === 1 ? 4 : 8), spacing);
  return bytes;
}
