/**
 * NRRD, MetaImage and MGH files of every kind that the formats know: the right voxels in the right place, or refused by
 * name.
 */
import { readFileSync } from 'node:fs';
import { gzipSync, zlibSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { encodeLabels, readLabels, readVolume } from '../../../src/data/volume-file.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const { images } = createNodeSources();
const COUNT = 24;
const values = Int16Array.from({ length: COUNT }, (_, i) => 3 * i);
const raw = new Uint8Array(values.buffer);
const whole = Array.from(values);

function joined(header: string, voxels: Uint8Array | string): Uint8Array {
  const [head, body] = [header, voxels].map(part => (typeof part === 'string' ? new TextEncoder().encode(part) : part));
  const bytes = new Uint8Array(head!.length + body!.length);
  bytes.set(head!);
  bytes.set(body!, head!.length);
  return bytes;
}

function read(name: string, bytes: Uint8Array, beside: Readonly<Record<string, Uint8Array>> = {}) {
  const files = memoryFiles();
  files.contents.set(`d/${name}`, bytes);
  for (const [other, content] of Object.entries(beside)) files.contents.set(`d/${other}`, content);
  return readVolume({ files, images }, `d/${name}`);
}

async function code(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof InputError)) throw new Error(`no InputError but ${String(error)}`);
  expect(error.message).toContain('d/');
  return error.code;
}

const NRRD = 'NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: little\nencoding: raw\n';
const PLACE = 'space directions: (2,0,0) (0,3,0) (0,0,4)\nspace origin: (10,20,30)\n';
const nrrd = (fields: string, voxels: Uint8Array | string = raw): Uint8Array => joined(`${NRRD}${fields}\n`, voxels);
const nrrd4 = (fields: string): Uint8Array =>
  joined(`${NRRD.replace('dimension: 3', 'dimension: 4').replace('4 3 2', '4 3 2 1')}${fields}\n`, raw);

describe('NRRD', () => {
  /** RAS affine of voxels with these signs of x and y in the file's own space. */
  const placed = (x: number, y: number): number[] => [
    2 * x,
    0,
    0,
    10 * x,
    0,
    3 * y,
    0,
    20 * y,
    0,
    0,
    4,
    30,
    0,
    0,
    0,
    1,
  ];

  test.each([
    ['right-anterior-superior', 1, 1],
    ['RAS', 1, 1],
    ['left-anterior-superior', -1, 1],
    ['LAS', -1, 1],
    ['left-posterior-superior', -1, -1],
    ['LPS', -1, -1],
  ])('%s lies where its words say, with and without time', async (space, x, y) => {
    const { volume, warnings } = await read('a.nrrd', nrrd(`space: ${space}\n${PLACE}`));
    expect(volume.affine).toEqual(placed(x, y));
    expect(Array.from(volume.data)).toEqual(whole);
    expect(warnings).toEqual([]);
    const timed = space.length > 3 ? `${space}-time` : `${space}T`;
    const place = 'space directions: (2,0,0,0) (0,3,0,0) (0,0,4,0) (0,0,0,1)\nspace origin: (10,20,30,0)\n';
    expect((await read('a.nrrd', nrrd4(`space: ${timed}\n${place}`))).volume.affine).toEqual(placed(x, y));
  });

  test.each(['scanner-xyz', '3D-right-handed', '3D-left-handed'])(
    '%s is taken as ITK takes it, with a warning',
    async space => {
      const { volume, warnings } = await read('a.nrrd', nrrd(`space: ${space}\n${PLACE}`));
      expect(volume.affine).toEqual(placed(-1, -1));
      expect(warnings).toMatchObject([{ code: 'W_SPACE_UNKNOWN' }]);
    },
  );

  test.each([
    ['spacings', 'spacings: 2 3 4\n', [2, 3, 4], [0, 0, 0]],
    ['nothing', '', [1, 1, 1], [0, 0, 0]],
    ['spacings and mins of cells', 'spacings: 2 3 4\naxis mins: 1 2 3\n', [2, 3, 4], [2, 3.5, 5]],
    ['mins and maxs of cells', 'axis mins: 1 2 3\naxis maxs: 9 11 11\n', [2, 3, 4], [2, 3.5, 5]],
    ['mins and maxs of nodes', 'axis mins: 1 2 3\naxis maxs: 7 8 7\ncenters: node node node\n', [2, 3, 4], [1, 2, 3]],
  ])('a grid by %s', async (_, fields, spacing, [x = 0, y = 0, z = 0]) => {
    const { volume } = await read('a.nrrd', nrrd(fields));
    expect(volume.spacingMm).toEqual(spacing);
    expect([3, 7, 11].map(at => volume.affine[at]! + 0)).toEqual([-x + 0, -y + 0, z]);
  });

  test.each([
    ['gzip', nrrd('', gzipSync(raw)), 'gzip'],
    ['text', nrrd('', whole.join(' ')), 'ascii'],
    ['hexadecimal', nrrd('', Buffer.from(raw).toString('hex')), 'hex'],
    ['bytes to pass over', nrrd('byte skip: 4\n', joined('abcd', raw)), 'raw'],
    ['voxels at the end', nrrd('byte skip: -1\n', joined('abcdefg', raw)), 'raw'],
    ['a line to pass over', nrrd('line skip: 1\n', joined('abc\n', raw)), 'raw'],
    ['a header of 100 KB', nrrd(`note:=${'x'.repeat(1e5)}\n`), 'raw'],
    ['a header with CRLF', joined(`${NRRD}\n`.replaceAll('\n', '\r\n'), raw), 'raw'],
  ])('voxels as %s', async (_, bytes, encoding) => {
    const text = Buffer.from(bytes).toString('latin1').replace('encoding: raw', `encoding: ${encoding}`);
    const { volume } = await read('a.nrrd', new Uint8Array(Buffer.from(text, 'latin1')));
    expect(Array.from(volume.data)).toEqual(whole);
  });

  test.each([
    ['first', '2 4 3 1', 'list domain domain domain', 'none (2,0,0) (0,3,0) (0,0,4)', [0, 6, 12]],
    ['second', '4 2 3 1', 'domain list domain domain', '(2,0,0) none (0,3,0) (0,0,4)', [0, 3, 6]],
    ['last', '4 3 1 2', 'domain domain domain list', '(2,0,0) (0,3,0) (0,0,4) none', [0, 3, 6]],
    ['of time', '4 3 1 2', 'domain domain domain time', '(2,0,0) (0,3,0) (0,0,4) none', [0, 3, 6]],
    ['without a kind', '4 3 1 2', '??? ??? ??? ???', '(2,0,0) (0,3,0) (0,0,4) none', [0, 3, 6]],
  ])('an axis of channels may be the %s', async (_, sizes, kinds, directions, first) => {
    const fields = `${NRRD.replace('dimension: 3', 'dimension: 4').replace('4 3 2', sizes)}space: LPS\nkinds: ${kinds}\nspace directions: ${directions}\n\n`;
    const { volume } = await read('a.nrrd', joined(fields, raw));
    expect(volume).toMatchObject({ channels: 2, sizeVoxels: [4, 3, 1], spacingMm: [2, 3, 4] });
    expect(Array.from(volume.data.subarray(0, 3))).toEqual(first);
  });

  test.each(['b c (50%).raw', './v.raw', 'below/v.raw', 'list-of-voxels.raw'])('voxels in the file %s', async name => {
    const bytes = nrrd(`space: LPS\n${PLACE}data file: ${name}\n`, '');
    const { volume } = await read('a.nhdr', bytes, { [name.replace('./', '')]: raw });
    expect(Array.from(volume.data)).toEqual(whole);
  });

  test.each([
    ['a list of files', 'data file: LIST\n', 'E_VOLUME_PARTS'],
    ['a pattern of files', 'data file: v%03d.raw 1 2 1\n', 'E_VOLUME_PARTS'],
    ['a file elsewhere', 'data file: ../v.raw\n', 'E_VOLUME_PARTS'],
    ['an absolute name', 'data file: /v.raw\n', 'E_VOLUME_PARTS'],
    ['a space that nobody knows', `space: upside-down\n${PLACE}`, 'E_VOLUME_CORRUPT'],
    ['a space without directions', 'space: LPS\nspacings: 1 1 1\n', 'E_VOLUME_CORRUPT'],
    ['axes in one plane', 'space: LPS\nspace directions: (1,0,0) (0,1,0) (1,1,0)\n', 'E_VOLUME_CORRUPT'],
    ['a vector of words', 'space: LPS\nspace directions: (1,x,0) (0,1,0) (0,0,1)\n', 'E_VOLUME_CORRUPT'],
  ])('refuses %s', async (_, fields, expected) => {
    expect(await code(read('a.nrrd', nrrd(fields)))).toBe(expected);
  });

  test('refuses what is compressed in a way that is not read, by its name', async () => {
    const bytes = joined(`${NRRD.replace('raw', 'bzip2')}\n`, raw);
    expect(await code(read('a.nrrd', bytes))).toBe('E_VOLUME_TYPE');
  });
});

const META = 'ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n';
const meta = (fields: string, voxels: Uint8Array | string = raw, type = 'MET_SHORT', file = 'LOCAL'): Uint8Array =>
  joined(`${META}${fields}DimSize = 4 3 2\nElementType = ${type}\nElementDataFile = ${file}\n`, voxels);
const packed = zlibSync(raw);

describe('names that every object has', () => {
  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    '%s is no type, encoding or space',
    async name => {
      const header = `${NRRD}space: left-posterior-superior\n${PLACE}\n`;
      for (const part of ['short', 'raw', 'left-posterior-superior']) {
        expect(await code(read('a.nrrd', joined(header.replace(part, name), raw)))).toMatch(
          /^E_VOLUME_(TYPE|CORRUPT)$/,
        );
      }
      const meta = `NDims = 3\nDimSize = 4 3 2\nElementSpacing = 1 1 1\nElementType = ${name}\nElementDataFile = LOCAL\n`;
      expect(await code(read('a.mha', joined(meta, raw)))).toBe('E_VOLUME_TYPE');
    },
  );
});

describe('MetaImage', () => {
  test.each([
    ['MET_CHAR', Int8Array, 'int8'],
    ['MET_UCHAR', Uint8Array, 'uint8'],
    ['MET_SHORT', Int16Array, 'int16'],
    ['MET_USHORT', Uint16Array, 'uint16'],
    ['MET_INT', Int32Array, 'int32'],
    ['MET_UINT', Uint32Array, 'uint32'],
    ['MET_LONG', Int32Array, 'int32'],
    ['MET_ULONG', Uint32Array, 'uint32'],
    ['MET_FLOAT', Float32Array, 'float32'],
    ['MET_DOUBLE', Float64Array, 'float64'],
  ] as const)('%s has the size of MetaIO', async (type, Stored, dataType) => {
    const bytes = new Uint8Array(Stored.from(whole).buffer);
    const read1 = await read('a.mha', meta('', bytes, type));
    expect(Array.from(read1.volume.data)).toEqual(whole);
    expect(read1.dataType).toBe(dataType);
  });

  test.each([
    ['compressed with a size', meta(`CompressedData = True\nCompressedDataSize = ${packed.length}\n`, packed)],
    ['compressed without a size', meta('CompressedData = True\n', packed)],
    [
      'text',
      joined(META.replace('BinaryData = True', 'BinaryData = False'), meta('', whole.join(' ')).subarray(META.length)),
    ],
    ['at the end', meta('HeaderSize = -1\n', joined('abcdefg', raw))],
  ])('voxels that are %s', async (_, bytes) => {
    expect(Array.from((await read('a.mha', bytes)).volume.data)).toEqual(whole);
  });

  test.each(['b c.raw', 'below/v.raw', './v.raw', 'LOCAL.raw'])('voxels in the file %s', async name => {
    const { volume } = await read('a.mhd', meta('', '', 'MET_SHORT', name), { [name.replace('./', '')]: raw });
    expect(Array.from(volume.data)).toEqual(whole);
  });

  test('words for one thing are one, as in MetaIO', async () => {
    const one = await read(
      'a.mha',
      meta('Offset = 1 2 3\nTransformMatrix = 0 1 0 1 0 0 0 0 -1\nElementSpacing = 2 3 4\n'),
    );
    const two = await read('a.mha', meta('Origin = 1 2 3\nOrientation = 0 1 0 1 0 0 0 0 -1\nElementSize = 2 3 4\n'));
    const three = await read('a.mha', meta('Position: 1 2 3\nRotation: 0 1 0 1 0 0 0 0 -1\nElementSpacing=2 3 4\n'));
    expect(two.volume).toEqual(one.volume);
    expect(three.volume).toEqual(one.volume);
    expect(one.volume.affine).toEqual([0, -3, 0, -1, -2, 0, 0, -2, 0, 0, -4, 3, 0, 0, 0, 1]);
  });

  test('one flipped bit of compressed voxels is an error, never other voxels', async () => {
    for (let bit = 0; bit < packed.length * 8; bit += 3) {
      const damaged = packed.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const bytes = meta(`CompressedData = True\nCompressedDataSize = ${packed.length}\n`, damaged);
      const result = await read('a.mha', bytes).then(
        ({ volume }) => Array.from(volume.data),
        (error: unknown) => error,
      );
      if (!(result instanceof InputError)) expect(result).toEqual(whole);
    }
  });

  test.each([
    ['too few voxels', meta('', raw.subarray(0, -2)), 'E_VOLUME_CORRUPT'],
    [
      'a claim that no file of its size can keep',
      meta('CompressedData = True\nDimSize = 900 900 900\n', packed).subarray(0),
      'E_VOLUME_CORRUPT',
    ],
    ['a type that is no number', meta('', raw, 'MET_STRING'), 'E_VOLUME_TYPE'],
    ['axes in one plane', meta('TransformMatrix = 1 0 0 0 1 0 0 0 0\n'), 'E_VOLUME_CORRUPT'],
    ['a list of files', meta('', '', 'MET_SHORT', 'LIST'), 'E_VOLUME_PARTS'],
    ['a file elsewhere', meta('', '', 'MET_SHORT', '../v.raw'), 'E_VOLUME_PARTS'],
  ])('refuses %s', async (_, bytes, expected) => {
    const text = Buffer.from(bytes).toString('latin1');
    const own = text.includes('900 900') ? text.replace('DimSize = 4 3 2\n', '') : text;
    expect(await code(read('a.mha', new Uint8Array(Buffer.from(own, 'latin1'))))).toBe(expected);
  });
});

const PICTURES = new URL('../../fixtures/pictures/', import.meta.url);
interface MghGolden {
  readonly affine: readonly number[];
  readonly values: readonly number[];
}
const goldens: Readonly<Record<string, MghGolden>> = JSON.parse(
  readFileSync(new URL('expected.json', PICTURES), 'utf8'),
);

describe('MGH', () => {
  test.each(['u1.mgz', 'i2.mgh', 'i4.mgz', 'f4.mgz', 'frames.mgz'])('%s is read as nibabel reads it', async name => {
    const { volume, warnings } = await read(name, new Uint8Array(readFileSync(new URL(name, PICTURES))));
    expect(volume).toMatchObject({ sizeVoxels: [4, 3, 2], channels: name === 'frames.mgz' ? 2 : 1 });
    expect(Array.from(volume.data)).toEqual(goldens[name]!.values.map(Math.fround));
    goldens[name]!.affine.forEach((value, index) => {
      expect(volume.affine[index]).toBeCloseTo(value, 5);
    });
    expect(warnings.filter(warning => warning.code !== 'W_AXES_SHEARED')).toEqual([]);
  });

  test('a file that does not say where it lies is coronal, with a warning', async () => {
    const bytes = new Uint8Array(readFileSync(new URL('i2.mgh', PICTURES)));
    bytes.fill(0, 28, 90);
    const { volume, warnings } = await read('a.mgh', bytes);
    expect(volume.affine).toEqual([-1, 0, 0, 2, 0, 0, 1, -1, 0, -1, 0, 1.5, 0, 0, 0, 1]);
    expect(warnings).toMatchObject([{ code: 'W_SPACE_UNKNOWN' }]);
  });

  test('labels are written and read back on the grid of an oblique volume', async () => {
    const files = memoryFiles();
    files.contents.set('f4.mgz', new Uint8Array(readFileSync(new URL('f4.mgz', PICTURES))));
    const { volume, header } = await readVolume({ files, images }, 'f4.mgz');
    const labels = { ...volume, data: Uint8Array.from({ length: COUNT }, (_, i) => i % 3) };
    files.contents.set('o.mgz', encodeLabels(labels, { path: 'o.mgz', header }));
    const back = await readLabels({ files, images }, 'o.mgz');
    expect(back.data).toEqual(labels.data);
    volume.affine.forEach((value, index) => {
      expect(back.affine[index]).toBeCloseTo(value, 5);
    });
  });

  test.each([
    ['a version that is unknown', 3, 2],
    ['an unknown type', 23, 9],
    ['a size of 0', 7, 0],
  ])('refuses %s', async (_, at, value) => {
    const bytes = new Uint8Array(readFileSync(new URL('i2.mgh', PICTURES)));
    bytes[at] = value;
    expect(await code(read('a.mgh', bytes))).toMatch(/E_VOLUME_(CORRUPT|TYPE)/);
    expect(await code(read('a.mgh', bytes.subarray(0, 100)))).toBe('E_VOLUME_CORRUPT');
  });
});
