/**
 * MetaImage files (.mha; .mhd with the voxels beside it), and label volumes back. Words and sizes are those of MetaIO,
 * ITK's library: a MET_LONG has 4 bytes on every machine. World coordinates are LPS millimetres.
 * Source: https://itk.org/Wiki/ITK/MetaIO/Documentation; checked against SimpleITK 2.5.
 */

import { joinBytes } from '../core/bytes.ts';
import { InputError } from '../core/errors.ts';
import { lookUp } from '../core/look-up.ts';
import { zlib } from './inflate.ts';
import { type LpsGeometry, lpsOfAffine } from './lps.ts';
import { type StoredImage, voxelFileName } from './stored-image.ts';
import { type ResultArray, type ResultVolume, resultBytes, type VoxelType } from './stored-voxels.ts';
import type { Xyz } from './volume.ts';
import { corruptVolume } from './voxel-file.ts';

const TYPES: Readonly<Record<string, VoxelType>> = {
  MET_CHAR: 'int8',
  MET_ASCII_CHAR: 'int8',
  MET_UCHAR: 'uint8',
  MET_SHORT: 'int16',
  MET_USHORT: 'uint16',
  MET_INT: 'int32',
  MET_UINT: 'uint32',
  MET_LONG: 'int32',
  MET_ULONG: 'uint32',
  MET_LONG_LONG: 'int64',
  MET_ULONG_LONG: 'uint64',
  MET_FLOAT: 'float32',
  MET_DOUBLE: 'float64',
};
const LARGEST_RANK = 10;

/** The fields of a header up to the keyword that ends it. */
function readHeader(bytes: Uint8Array, path: string): { fields: ReadonlyMap<string, string>; end: number } {
  const fields = new Map<string, string>();
  const decoder = new TextDecoder('latin1');
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(10, start);
    const stop = newline < 0 ? bytes.length : newline;
    const text = decoder.decode(bytes.subarray(start, stop));
    start = stop + 1;
    const [, name, value] = /^\s*(\w+)\s*[=:]\s*(.*?)\s*$/.exec(text) ?? [];
    if (name === undefined) {
      if (text.trim() === '' && fields.size > 0) continue;
      break;
    }
    fields.set(name, value ?? '');
    if (name === 'ElementDataFile') return { fields, end: Math.min(start, bytes.length) };
  }
  throw corruptVolume(path, 'it has no header of a MetaImage that ends with ElementDataFile');
}

function axesOf(matrix: readonly number[], rank: number, axis: number): readonly number[] {
  return [0, 1, 2].map(row => (axis < rank && row < rank ? matrix[axis * rank + row]! : axis === row ? 1 : 0));
}

/** Values of a header by the names that MetaIO knows a word by. */
class Words {
  readonly #fields: ReadonlyMap<string, string>;

  constructor(fields: ReadonlyMap<string, string>) {
    this.#fields = fields;
  }

  text(...names: readonly string[]): string {
    return names.map(name => this.#fields.get(name)).find(Boolean) ?? '';
  }

  numbers(...names: readonly string[]): readonly number[] {
    return this.text(...names)
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(Number);
  }

  isTrue(...names: readonly string[]): boolean {
    return /^(true|1|t)/i.test(this.text(...names));
  }
}

function vector(values: readonly number[], missing: number): Xyz {
  return [values[0] ?? missing, values[1] ?? missing, values[2] ?? missing];
}

/** The sizes of all axes. */
function sizesOf(words: Words, path: string): readonly number[] {
  const rank = Number(words.text('NDims'));
  const sizes = words.numbers('DimSize');
  if (!(rank >= 1 && rank <= LARGEST_RANK) || sizes.length !== rank) {
    throw corruptVolume(path, `its header has NDims = ${words.text('NDims')} and DimSize = ${words.text('DimSize')}`);
  }
  if (!sizes.every(size => Number.isSafeInteger(size) && size >= 1)) {
    throw corruptVolume(path, `its DimSize is ${sizes.join(' ')}`);
  }
  return sizes;
}

function geometryOf(words: Words, rank: number, path: string): LpsGeometry {
  const matrix = words.numbers('TransformMatrix', 'Rotation', 'Orientation');
  const isGiven = matrix.length === rank * rank;
  if (matrix.length > 0 && !(isGiven && matrix.every(Number.isFinite))) {
    throw corruptVolume(path, `its TransformMatrix is ${matrix.join(' ')}`);
  }
  const columns = [0, 1, 2].map(axis => axesOf(matrix, isGiven ? rank : 0, axis));
  const origin = vector(words.numbers('Offset', 'Position', 'Origin'), 0);
  if (!origin.every(Number.isFinite)) throw corruptVolume(path, `its Offset is ${origin.join(' ')}`);
  return {
    spacing: vector(words.numbers('ElementSpacing', 'ElementSize'), 1),
    origin,
    direction: [0, 1, 2].flatMap(row => columns.map(column => column[row]!)),
  };
}

/** Encoding and location of the voxels. */
function storageOf(words: Words, end: number, path: string) {
  const isPacked = words.isTrue('CompressedData');
  const packedBytes = Number(words.text('CompressedDataSize')) || 0;
  const file = words.text('ElementDataFile');
  const isLocal = /^local$/i.test(file);
  const before = headerSize(words.text('HeaderSize'));
  return {
    littleEndian: !words.isTrue('BinaryDataByteOrderMSB', 'ElementByteOrderMSB'),
    encoding: isPacked ? ('zlib' as const) : words.isTrue('BinaryData') ? ('raw' as const) : ('text' as const),
    voxels: isLocal
      ? { start: end }
      : { file: voxelFileName(file, /^list(\s|$)/i.test(file) || /%\d*[di]/.test(file), path) },
    skipLines: 0,
    skipBytes: isLocal && !isPacked ? Math.min(0, before) : before,
    ...(isPacked && packedBytes > 0 && { packedBytes }),
  };
}

/**
 * Interprets a header.
 * @param path for messages
 * @throws {InputError} E_VOLUME_CORRUPT, E_VOLUME_TYPE, E_VOLUME_PARTS
 */
export function parseMetaImage(bytes: Uint8Array, path: string): StoredImage {
  const { fields, end } = readHeader(bytes, path);
  const words = new Words(fields);
  const sizes = sizesOf(words, path);
  const components = Number(words.text('ElementNumberOfChannels') || 1);
  if (!(Number.isSafeInteger(components) && components >= 1)) {
    throw corruptVolume(path, `its ElementNumberOfChannels is ${words.text('ElementNumberOfChannels')}`);
  }
  const beyond = sizes.slice(3).filter(size => size > 1);
  const dataType = lookUp(TYPES, words.text('ElementType').replace(/_ARRAY$/, ''));
  if (dataType === undefined || beyond.length > 1 || (beyond.length === 1 && components > 1)) {
    throw new InputError(
      'E_VOLUME_TYPE',
      `${path} has ${sizes.join('x')} voxels of ${components} x ${words.text('ElementType') || 'no ElementType'}. Only real numbers ` +
        'are read, with at most one dimension of channels beyond x, y, z. Convert it to one scalar volume per channel.',
    );
  }
  return {
    sizeVoxels: vector(sizes, 1),
    channels: components * (beyond[0] ?? 1),
    inner: components > 1 ? 1 : sizes.slice(0, 3).reduce((product, size) => product * size, 1),
    dataType,
    geometry: geometryOf(words, sizes.length, path),
    ...storageOf(words, end, path),
    warnings: [],
  };
}

/** Bytes before the voxels; -1 means that the voxels are at the end of the file. */
function headerSize(text: string): number {
  const size = Number(text || 0);
  return Number.isSafeInteger(size) ? size : 0;
}

/** The type of voxels in a header. */
function typeName(data: ResultArray): string {
  if (data instanceof Float32Array) return 'MET_FLOAT';
  return data instanceof Uint16Array ? 'MET_USHORT' : 'MET_UCHAR';
}

/** Writes a segmentation or a map, compressed in one file. */
export function encodeMetaImage({ data, sizeVoxels, affine }: ResultVolume): Uint8Array {
  const { spacing, origin, direction } = lpsOfAffine(affine);
  const packed = zlib(resultBytes(data, true));
  const axes = [0, 1, 2].flatMap(axis => [0, 1, 2].map(row => direction[row * 3 + axis]!));
  const header = [
    'ObjectType = Image',
    'NDims = 3',
    'BinaryData = True',
    'BinaryDataByteOrderMSB = False',
    'CompressedData = True',
    `CompressedDataSize = ${packed.length}`,
    `TransformMatrix = ${axes.join(' ')}`,
    `Offset = ${origin.join(' ')}`,
    'CenterOfRotation = 0 0 0',
    `ElementSpacing = ${spacing.join(' ')}`,
    `DimSize = ${sizeVoxels.join(' ')}`,
    `ElementType = ${typeName(data)}`,
    'ElementDataFile = LOCAL',
    '',
  ];
  return joinBytes([new TextEncoder().encode(header.join('\n')), packed]);
}
