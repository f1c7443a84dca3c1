/**
 * NRRD files: headers of text with the voxels behind them or in a file beside them, and label volumes back. World
 * coordinates are those of the header's `space`; a file without one is read as in ITK, x to the left and y to the back,
 * with a warning.
 * Source: https://teem.sourceforge.net/nrrd/format.html; checked against SimpleITK 2.5.
 */

import { mapAxes } from '../core/axes.ts';
import { joinBytes } from '../core/bytes.ts';
import { InputError } from '../core/errors.ts';
import { lookUp } from '../core/look-up.ts';
import type { VolumeWarning } from './geometry.ts';
import { gzip } from './inflate.ts';
import { type LpsGeometry, lpsOfAffine } from './lps.ts';
import { type StoredEncoding, type StoredImage, voxelFileName } from './stored-image.ts';
import { type ResultArray, type ResultVolume, resultBytes, type VoxelType } from './stored-voxels.ts';
import { corruptVolume } from './voxel-file.ts';

const TYPES: Readonly<Record<string, VoxelType>> = {
  'signed char': 'int8',
  int8: 'int8',
  int8_t: 'int8',
  uchar: 'uint8',
  'unsigned char': 'uint8',
  uint8: 'uint8',
  uint8_t: 'uint8',
  short: 'int16',
  'short int': 'int16',
  'signed short': 'int16',
  'signed short int': 'int16',
  int16: 'int16',
  int16_t: 'int16',
  ushort: 'uint16',
  'unsigned short': 'uint16',
  'unsigned short int': 'uint16',
  uint16: 'uint16',
  uint16_t: 'uint16',
  int: 'int32',
  'signed int': 'int32',
  int32: 'int32',
  int32_t: 'int32',
  uint: 'uint32',
  'unsigned int': 'uint32',
  uint32: 'uint32',
  uint32_t: 'uint32',
  longlong: 'int64',
  'long long': 'int64',
  'long long int': 'int64',
  'signed long long': 'int64',
  'signed long long int': 'int64',
  int64: 'int64',
  int64_t: 'int64',
  ulonglong: 'uint64',
  'unsigned long long': 'uint64',
  'unsigned long long int': 'uint64',
  uint64: 'uint64',
  uint64_t: 'uint64',
  float: 'float32',
  double: 'float64',
};
const ENCODINGS: Readonly<Record<string, StoredEncoding>> = {
  raw: 'raw',
  txt: 'text',
  text: 'text',
  ascii: 'text',
  hex: 'hex',
  gz: 'gzip',
  gzip: 'gzip',
};
/**
 * Signs that turn the first two world axes to left and posterior, by the words of a space; a form with time has a
 * fourth axis.
 */
const SPACES: Readonly<Record<string, readonly [number, number]>> = {
  'right-anterior-superior': [-1, -1],
  ras: [-1, -1],
  'left-anterior-superior': [1, -1],
  las: [1, -1],
  'left-posterior-superior': [1, 1],
  lps: [1, 1],
};
/** Spaces that are not anatomical; ITK reads them as left-posterior-superior. */
const NO_ANATOMY = ['scanner-xyz', '3d-right-handed', '3d-left-handed'];
/** What an axis that is not of space may hold: numbers of their own, not parts of one. */
const CHANNEL_KINDS =
  /^(\?\?\?|none|list|vector|covariant-vector|normal|point|time|stub|scalar|[234]-vector|3-gradient|3-normal|4-vector)$/;
const SPATIAL_KINDS = /^(\?\?\?|none|domain|space)$/;

interface Header {
  readonly fields: ReadonlyMap<string, string>;
  /** Offset of the voxels; undefined if the file has no blank line and so no voxels. */
  readonly end: number | undefined;
}

/** The lines in front of the first blank one. */
function readHeader(bytes: Uint8Array, path: string): Header {
  const fields = new Map<string, string>();
  let [start, end]: [number, number | undefined] = [0, undefined];
  const decoder = new TextDecoder('latin1');
  for (let line = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const stop = newline < 0 ? bytes.length : newline;
    const text = decoder.decode(bytes.subarray(start, stop)).replace(/\r$/, '');
    if (line === 0 && !/^NRRD000\d/.test(text)) throw corruptVolume(path, 'it does not begin with NRRD and a version');
    start = stop + 1;
    if (text === '') {
      end = start;
      break;
    }
    const [, name, value] = /^([^:#][^:]*):(?!=)\s*(.*?)\s*$/.exec(text) ?? [];
    if (name !== undefined) fields.set(name.trim().toLowerCase().replace('datafile', 'data file'), value ?? '');
  }
  return { fields, end };
}

/** `(1,0,0)` as numbers, `none` as undefined. */
function vectorsOf(text: string, path: string): readonly (readonly number[] | undefined)[] {
  const parts = text.match(/none|\([^)]*\)/gi) ?? [];
  return parts.map(part => {
    if (/none/i.test(part)) return undefined;
    const numbers = part
      .slice(1, -1)
      .split(',')
      .map(value => (value.trim() === '' ? Number.NaN : Number(value)));
    if (!numbers.every(Number.isFinite)) throw corruptVolume(path, `its header has the vector ${part}`);
    return numbers;
  });
}

/** Position of the grid, and the axes of the file that span it. */
interface Place {
  readonly axes: readonly number[];
  readonly steps: readonly (readonly number[])[];
  readonly origin: readonly number[];
  readonly warnings: readonly VolumeWarning[];
}

/** A grid by a space and its directions; time axes have no place in it. */
function placeBySpace(header: Header, space: string, path: string): Place {
  const directions = vectorsOf(header.fields.get('space directions') ?? '', path);
  const isTimed = /-time$|^(rast|last|lpst)$/.test(space);
  const plain = isTimed ? space.replace(/-time$|t$/, '') : space;
  const signs = lookUp(SPACES, plain) ?? [1, 1];
  const turned = (vector: readonly number[]): readonly number[] => [
    (vector[0] ?? 0) * signs[0],
    (vector[1] ?? 0) * signs[1],
    vector[2] ?? 0,
  ];
  const spatial = directions.flatMap((vector, axis) =>
    vector?.slice(0, 3).some(value => value !== 0) ? [{ axis, step: turned(vector) }] : [],
  );
  const [origin = []] = vectorsOf(header.fields.get('space origin') ?? '', path);
  const isAnatomical = Object.hasOwn(SPACES, plain);
  if (!isAnatomical && !NO_ANATOMY.includes(plain) && !/^\d$/.test(plain)) {
    throw corruptVolume(path, `its header has the space "${space}", which NRRD does not know`);
  }
  const message =
    `${path}: the space "${space}" does not say where left and right are; x is taken to the left and y to the back, as ITK does. ` +
    'Look at the volume, and correct the header if that is wrong.';
  return {
    axes: spatial.map(({ axis }) => axis),
    steps: spatial.map(({ step }) => step),
    origin: turned(origin ?? []),
    warnings: isAnatomical ? [] : [{ code: 'W_SPACE_UNKNOWN', message }],
  };
}

/** A grid by spacings alone. */
function placeBySpacings(header: Header, sizes: readonly number[], kinds: readonly string[]): Place {
  const numbers = (name: string): readonly number[] =>
    (header.fields.get(name) ?? '').split(/\s+/).filter(Boolean).map(Number);
  const [spacings, mins, maxs] = [numbers('spacings'), numbers('axis mins'), numbers('axis maxs')];
  const centers = (header.fields.get('centers') ?? header.fields.get('centerings') ?? '').toLowerCase().split(/\s+/);
  const axes = sizes.flatMap((_, axis) => (SPATIAL_KINDS.test(kinds[axis] ?? 'none') ? [axis] : [])).slice(0, 3);
  const place = axes.map(axis => {
    const isNode = centers[axis] === 'node';
    const [min, max] = [mins[axis], maxs[axis]];
    const intervals = isNode ? sizes[axis]! - 1 : sizes[axis]!;
    const isSpanned = Number.isFinite(min) && Number.isFinite(max) && intervals > 0;
    const spacing = Number.isFinite(spacings[axis]) ? spacings[axis]! : isSpanned ? (max! - min!) / intervals : 1;
    const first = Number.isFinite(min) ? min! + (isNode ? 0 : spacing / 2) : 0;
    return { spacing, first };
  });
  return {
    axes,
    steps: place.map(({ spacing }, index) => [0, 1, 2].map(row => (row === index ? spacing : 0))),
    origin: place.map(({ first }) => first),
    warnings: [],
  };
}

/** Direction and length of one step along an axis. */
type Step = readonly number[];

/** Three axes of a grid: a missing one is 1 mm at a right angle to the others. */
function threeSteps(steps: readonly Step[]): readonly [Step, Step, Step] {
  const [x = [1, 0, 0], y, z] = steps;
  if (y === undefined) return [x, [0, 1, 0], [0, 0, 1]];
  if (z !== undefined) return [x, y, z];
  const normal = [x[1]! * y[2]! - x[2]! * y[1]!, x[2]! * y[0]! - x[0]! * y[2]!, x[0]! * y[1]! - x[1]! * y[0]!];
  const length = Math.hypot(...normal);
  return [x, y, normal.map(value => value / length)];
}

function refuseShape(path: string, sizes: readonly number[], what: string): InputError {
  return new InputError(
    'E_VOLUME_TYPE',
    `${path} has ${sizes.join('x')} voxels${what}. Only real numbers are read, with at most one dimension of channels beyond x, y, z. ` +
      'Convert it to one scalar volume per channel.',
  );
}

/** A field by its name; empty if it is missing. */
type Field = (...names: readonly string[]) => string;

function sizesOf(field: Field, path: string): readonly number[] {
  const sizes = field('sizes').split(/\s+/).filter(Boolean).map(Number);
  if (sizes.length === 0 || Number(field('dimension')) !== sizes.length) {
    throw corruptVolume(path, `its header has the dimension "${field('dimension')}" and the sizes "${field('sizes')}"`);
  }
  if (!sizes.every(size => Number.isSafeInteger(size) && size >= 1)) {
    throw corruptVolume(path, `its sizes are ${sizes.join('x')}`);
  }
  return sizes;
}

function placeOf(header: Header, sizes: readonly number[], options: { kinds: readonly string[]; path: string }): Place {
  const { kinds, path } = options;
  const space = (header.fields.get('space') ?? header.fields.get('space dimension') ?? '').toLowerCase();
  if (space === '') return placeBySpacings(header, sizes, kinds);
  if ((header.fields.get('space directions') ?? '') === '') {
    throw corruptVolume(path, 'its header names a space, but no space directions');
  }
  return placeBySpace(header, space, path);
}

/** The one axis that is not of space, if there is one of more than one number. */
function channelAxisOf(place: Place, sizes: readonly number[], options: { kinds: readonly string[]; path: string }) {
  const { kinds, path } = options;
  const beyond = sizes.flatMap((_, axis) => (place.axes.includes(axis) ? [] : [axis]));
  const channelAxes = beyond.filter(axis => sizes[axis]! > 1);
  const kind = beyond
    .map(axis => kinds[axis] ?? 'none')
    .find(name => !CHANNEL_KINDS.test(name) && !SPATIAL_KINDS.test(name));
  if (place.axes.length === 0 || place.axes.length > 3 || channelAxes.length > 1 || kind !== undefined) {
    throw refuseShape(path, sizes, kind === undefined ? '' : ` of ${kind}`);
  }
  return channelAxes[0];
}

function geometryOf(place: Place): LpsGeometry {
  const steps = threeSteps(place.steps);
  const spacing = mapAxes(axis => Math.hypot(...steps[axis]));
  const [x = 0, y = 0, z = 0] = place.origin;
  const direction = [0, 1, 2].flatMap(row => steps.map((step, axis) => step[row]! / spacing[axis]!));
  return { spacing, origin: [x, y, z], direction };
}

/**
 * Interprets a header.
 * @param path for messages
 * @throws {InputError} E_VOLUME_CORRUPT, E_VOLUME_TYPE, E_VOLUME_PARTS
 */
export function parseNrrd(bytes: Uint8Array, path: string): StoredImage {
  const header = readHeader(bytes, path);
  const field: Field = (...names) => names.map(name => header.fields.get(name)).find(Boolean) ?? '';
  const sizes = sizesOf(field, path);
  const dataType = lookUp(TYPES, field('type').toLowerCase());
  if (dataType === undefined) throw refuseShape(path, sizes, ` of the type "${field('type')}"`);
  const encoding = lookUp(ENCODINGS, field('encoding').toLowerCase());
  if (encoding === undefined) {
    throw new InputError(
      'E_VOLUME_TYPE',
      `${path} has the encoding "${field('encoding')}"; ${Object.keys(ENCODINGS).join(', ')} are read. Save it with gzip.`,
    );
  }
  const kinds = field('kinds').toLowerCase().match(/\S+/g) ?? sizes.map(() => 'none');
  const place = placeOf(header, sizes, { kinds, path });
  const channelAxis = channelAxisOf(place, sizes, { kinds, path });
  const file = header.fields.get('data file');
  return {
    sizeVoxels: mapAxes(axis => sizes[place.axes[axis] ?? -1] ?? 1),
    channels: channelAxis === undefined ? 1 : sizes[channelAxis]!,
    inner: sizes.slice(0, channelAxis).reduce((product, size) => product * size, 1),
    dataType,
    littleEndian: field('endian').toLowerCase() !== 'big',
    encoding,
    geometry: geometryOf(place),
    voxels:
      file === undefined
        ? { start: header.end ?? bytes.length }
        : { file: voxelFileName(file, /^list(\s|$)/i.test(file) || /%\d*d.*\s-?\d/.test(file), path) },
    skipLines: Number(field('line skip', 'lineskip')) || 0,
    skipBytes: Number(field('byte skip', 'byteskip')) || 0,
    warnings: place.warnings,
  };
}

/** The type of voxels in a header. */
function typeName(data: ResultArray): string {
  if (data instanceof Float32Array) return 'float';
  return data instanceof Uint16Array ? 'uint16' : 'uint8';
}

/**
 * Writes a segmentation or a map, compressed in one file.
 * @param pairs lines `key:=value` for the header
 */
export function encodeNrrd({ data, sizeVoxels, affine }: ResultVolume, pairs: readonly string[] = []): Uint8Array {
  const { spacing, origin, direction } = lpsOfAffine(affine);
  const step = (axis: number): string => {
    const along = [0, 1, 2].map(row => direction[row * 3 + axis]! * spacing[axis]!);
    return `(${along.join(',')})`;
  };
  const header = [
    'NRRD0004',
    `type: ${typeName(data)}`,
    'dimension: 3',
    'space: left-posterior-superior',
    `sizes: ${sizeVoxels.join(' ')}`,
    `space directions: ${[0, 1, 2].map(step).join(' ')}`,
    'kinds: domain domain domain',
    'endian: little',
    'encoding: gzip',
    `space origin: (${origin.join(',')})`,
    ...pairs,
    '',
    '',
  ];
  return joinBytes([new TextEncoder().encode(header.join('\n')), gzip([resultBytes(data, true)])]);
}
