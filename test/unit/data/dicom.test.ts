/** DICOM series as scanners, archives and people leave them: read as pydicom and ITK read them, or refused by name. */
import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { frameOf } from '../../../src/data/frame.ts';
import { readVolume } from '../../../src/data/volume-file.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import {
  COLUMNS,
  type DicomElements,
  dicomFile,
  encodeElements,
  otherSlice,
  pictureSlice,
  pixelsOf,
  ROWS,
  type SliceOptions,
  SYNTAX,
  sliceElements,
  sliceFile,
} from '../../support/dicom-files.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const { images } = createNodeSources();
const PICTURES = new URL('../../fixtures/pictures/', import.meta.url);
const goldens: Readonly<Record<string, readonly number[]>> = JSON.parse(
  readFileSync(new URL('expected.json', PICTURES), 'utf8'),
);
const picture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, PICTURES)));
/** Rows of the golden pictures. */
const HEIGHT = 9;
const PLANE = ROWS * COLUMNS;

function inMemory(contents: Readonly<Record<string, Uint8Array | string>>) {
  const files = memoryFiles();
  for (const [path, content] of Object.entries(contents)) {
    files.contents.set(path, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  }
  return { files, images };
}

/** Slices of one series as `s/0`, `s/1`, ... */
function series(options: readonly SliceOptions[], more: Readonly<Record<string, Uint8Array | string>> = {}) {
  const files = options.map((one, k) => [`s/${k}`, sliceFile(k, one)] as const);
  return inMemory({ ...Object.fromEntries(files), ...more });
}

/** Stored values of slice k. */
const stored = (k: number): number[] => Array.from({ length: PLANE }, (_, i) => 100 * k + i);

async function refused(sources: ReturnType<typeof inMemory>, path = 's', uid?: string): Promise<InputError> {
  const error = await readVolume(sources, path, { series: uid }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof InputError) return error;
  throw new Error(`no InputError but ${String(error)}`);
}

describe('what makes slices one stack', () => {
  test('three slices have the grid of their tags', async () => {
    const { volume, dataType, warnings } = await readVolume(series([{}, {}, {}]), 's');
    expect(volume.sizeVoxels).toEqual([COLUMNS, ROWS, 3]);
    expect(volume.spacingMm).toEqual([1.1, 0.8, 2.5]);
    expect(volume.affine).toEqual([-1.1, 0, 0, 50, 0, -0.8, 0, 60, 0, 0, 2.5, 0, 0, 0, 0, 1]);
    expect(Array.from(volume.data)).toEqual([0, 1, 2].flatMap(k => stored(k).map(value => value - 1024)));
    expect(dataType).toBe('uint16');
    expect(warnings).toEqual([]);
  });

  const wide = { '00280011 US': [COLUMNS + 1], '7fe00010 OW': new Uint8Array(ROWS * (COLUMNS + 1) * 2) };
  const unlike: readonly (readonly [string, DicomElements])[] = [
    ['columns', wide],
    ['rows', { '00280010 US': [ROWS - 1] }],
    ['BitsAllocated', { '00280100 US': [8], '00280101 US': [8], '00280102 US': [7] }],
    ['PixelRepresentation', { '00280103 US': [1] }],
    ['PhotometricInterpretation', { '00280004 CS': 'MONOCHROME1' }],
    ['another spacing', { '00280030 DS': '0.8\\1.2' }],
    ['lies another way', { '00200037 DS': '0.8\\0.6\\0\\-0.6\\0.8\\0' }],
  ];
  test.each(unlike)(
    'a slice with other %s is refused with its name, before anything is decoded',
    async (what, elements) => {
      const { code, message } = await refused(series([{}, {}, { elements }, {}]));
      expect(code).toBe('E_DICOM_GEOMETRY');
      expect(message).toContain('s/2');
      expect(message).toContain(what);
    },
  );

  test.each([
    ['a tenth of a millimetre', 1.25, 1],
    ['a hundredth', 0.625, 2],
    ['a tenth, thin slices', 0.625, 1],
    ['whole millimetres', 2.5, 0],
  ])('positions rounded to %s are one stack, as in ITK', async (_, step, decimals) => {
    const places = Array.from({ length: 8 }, (__, k) => Number((100 + step * k).toFixed(decimals)));
    const { volume } = await readVolume(series(places.map(z => ({ z }))), 's');
    expect(volume.spacingMm[2]).toBeCloseTo((places[7]! - places[0]!) / 7, 9);
    expect(Math.abs(volume.spacingMm[2] - step)).toBeLessThanOrEqual(10 ** -decimals / 7 + 1e-9);
  });

  test.each([
    ['in whole steps', 2.5, 1],
    ['where positions are rounded', 1.25, 1],
    ['where thin slices are rounded', 0.625, 1],
  ])('a missing slice is named %s', async (_, step, decimals) => {
    const places = [0, 1, 2, 3, 5, 6, 7].map(k => Number((100 + step * k).toFixed(decimals)));
    const { code, message } = await refused(series(places.map(z => ({ z }))));
    expect(code).toBe('E_DICOM_GEOMETRY');
    expect(message).toMatch(/s\/3 and s\/4 are .* mm apart.*add what is missing/);
  });

  test('a copy of a slice is left out with a warning; another slice in its place is refused', async () => {
    const copied = series([{}, {}, {}], { 's/copy': sliceFile(1) });
    const { volume, warnings } = await readVolume(copied, 's');
    expect(volume.sizeVoxels[2]).toBe(3);
    expect(warnings).toMatchObject([{ code: 'W_DICOM_COPY', message: expect.stringContaining('s/copy') }]);
    const changed = sliceFile(1, { pixels: pixelsOf(7) });
    expect((await refused(series([{}, {}, {}], { 's/other': changed }))).message).toMatch(/same slice; remove one/);
    const echo = sliceFile(1, { elements: { '00080018 UI': '1.9' } });
    expect((await refused(series([{}, {}, {}], { 's/echo': echo }))).message).toMatch(/time points or echoes/);
  });

  test('a picture without a place in the patient is refused by what it lacks', async () => {
    const { message } = await refused(series([{ elements: { '00200037 DS': '' } }]));
    expect(message).toContain('no direction cosines');
  });
});

describe('a tilted gantry', () => {
  /** Slices that move along y by a part of their step, as a gantry tilted by this angle makes them. */
  const tilted = (degrees: number): readonly SliceOptions[] =>
    Array.from({ length: 12 }, (_, k) => {
      const y = -60 + 2.5 * k * Math.tan((degrees * Math.PI) / 180);
      return { elements: { '00200032 DS': `-50\\${y.toFixed(4)}\\${2.5 * k}` } };
    });

  test('is refused, also where each slice moves by less than a tenth of a pixel', async () => {
    for (const degrees of [15, 1]) {
      const { code, message } = await refused(series(tilted(degrees)));
      expect(code).toBe('E_DICOM_GEOMETRY');
      expect(message).toMatch(/shift sideways by .* mm \(a tilted gantry\); set it upright, .*dcm2niix/);
    }
  });

  test('of less than half a pixel over all slices is upright', async () => {
    // 27.5 mm of slices move by 0.34 mm, pixels have 0.8
    expect((await readVolume(series(tilted(0.7)), 's')).volume.sizeVoxels[2]).toBe(12);
  });
});

describe('values, slice by slice', () => {
  test('slopes, intercepts and bits in use that vary are each slice by its own, as pydicom gives them', async () => {
    const elements: readonly DicomElements[] = [
      { '00281053 DS': '0.5', '00281052 DS': '0' },
      { '00281053 DS': '2', '00281052 DS': '10' },
      { '00280101 US': [12], '00280102 US': [11], '00281053 DS': '1', '00281052 DS': '-5' },
    ];
    const { volume } = await readVolume(series(elements.map(one => ({ elements: one }))), 's');
    expect(Array.from(volume.data)).toEqual([
      ...stored(0).map(value => value * 0.5),
      ...stored(1).map(value => value * 2 + 10),
      ...stored(2).map(value => value - 5),
    ]);
  });

  test('MONOCHROME1 is a matter of display: its values are not inverted', async () => {
    const elements = { '00280004 CS': 'MONOCHROME1' };
    const { volume } = await readVolume(series([{ elements }, { elements }]), 's');
    expect(volume.data[1]).toBe(1 - 1024);
  });

  test.each([
    ['unsigned', 12, 11, 0, 0xf123, 0x123],
    ['signed', 12, 11, 1, 0x0823, 0x823 - 4096],
    ['signed, with bits above', 12, 11, 1, 0xf823, 0x823 - 4096],
    ['at the high end', 12, 15, 1, 0x1230, 0x123],
    ['all 16, signed', 16, 15, 1, 0xffff, -1],
  ])('bits that are not in use are masked: %s', async (_, bits, high, sign, value, expected) => {
    const pixels = new Uint8Array(Uint16Array.from({ length: PLANE }, () => value).buffer);
    const elements = {
      '00280101 US': [bits],
      '00280102 US': [high],
      '00280103 US': [sign],
      '00281052 DS': '0',
    };
    const { volume } = await readVolume(series([{ elements, pixels }]), 's');
    expect(volume.data[0]).toBe(expected);
  });

  test('32 bits, and float pixel data', async () => {
    const bits = { '00280100 US': [32], '00280101 US': [32], '00280102 US': [31], '00281052 DS': '0' };
    const whole = new Uint8Array(Uint32Array.from({ length: PLANE }, (_, i) => 2 ** 31 + 256 * i).buffer);
    expect((await readVolume(series([{ elements: bits, pixels: whole }]), 's')).volume.data[1]).toBe(2 ** 31 + 256);
    const real = new Uint8Array(Float32Array.from({ length: PLANE }, (_, i) => i / 3).buffer);
    const float = { ...bits, '7fe00010 OW': '', '7fe00008 OF': real };
    expect((await readVolume(series([{ elements: float }]), 's')).volume.data[1]).toBe(Math.fround(1 / 3));
  });

  test('colour, palettes and single bits are refused by what they are', async () => {
    const colour = { '00280002 US': [3], '00280004 CS': 'RGB', '7fe00010 OW': new Uint8Array(6 * PLANE) };
    expect((await refused(series([{ elements: colour }]))).message).toContain('colour (RGB)');
    const palette = { '00280004 CS': 'PALETTE COLOR' };
    expect((await refused(series([{ elements: palette }]))).message).toContain('colour (PALETTE COLOR)');
    const bit = { '00280100 US': [1], '00280101 US': [1], '00280102 US': [0] };
    expect((await refused(series([{ elements: bit }]))).message).toContain('1 bit per pixel');
  });

  test.each<readonly [string, DicomElements, RegExp]>([
    [
      'a fractional segmentation',
      { '00080016 UI': '1.2.840.10008.5.1.4.1.1.66.4', '00280100 US': [8], '00280101 US': [8], '00280102 US': [7] },
      /is a DICOM segmentation, not an image\. Give the images/,
    ],
    ['a label map', { '00080016 UI': '1.2.840.10008.5.1.4.1.1.66.7' }, /is a DICOM segmentation, not an image/],
    ['a mosaic of slices', { '00080008 CS': 'ORIGINAL\\PRIMARY\\M\\MOSAIC' }, /is a mosaic: .* Convert it .* dcm2niix/],
    ['a table of colours', { '00280004 CS': 'PALETTE COLOR' }, /table of colours, not intensities\. Give the images/],
    [
      'a modality LUT',
      { '00283000 SQ': [{ '00283002 US': [2, 0, 16], '00283006 US': [0, 1] }] },
      /table of values \(modality LUT\)/,
    ],
    ['packed bits', { '00280100 US': [12], '00280101 US': [12], '00280102 US': [11] }, /packs 12 bits per pixel/],
  ])('%s is refused by what it is, with what to do', async (_, elements, message) => {
    const error = await refused(series([{ elements }, { elements }]));
    expect(error.code).toBe('E_VOLUME_TYPE');
    expect(error.message).toMatch(message);
  });

  test('a segmentation beside the series that it was made on does not disturb it', async () => {
    const elements = { '00080016 UI': '1.2.840.10008.5.1.4.1.1.66.4', '0020000e UI': '1.2.3.8' };
    const { volume, warnings } = await readVolume(series([{}, {}], { 's/seg': sliceFile(0, { elements }) }), 's');
    expect(volume.sizeVoxels[2]).toBe(2);
    expect(warnings).toMatchObject([{ message: expect.stringMatching(/s\/seg is a DICOM segmentation/) }]);
  });
});

/** A JPEG 2000 picture whose main header asks for the block coder of part 15; the code blocks are of part 1. */
function withCapabilities(bytes: Uint8Array): Uint8Array {
  const after = 4 + bytes[4]! * 256 + bytes[5]!;
  const capabilities = [0xff, 0x50, 0, 8, 0, 2, 0, 0, 0, 0];
  return Uint8Array.from([...bytes.subarray(0, after), ...capabilities, ...bytes.subarray(after)]);
}

describe('transfer syntaxes', () => {
  test('deflated and big-endian files have the values of plain ones', async () => {
    const plain = (await readVolume(series([{}, {}]), 's')).volume;
    const deflated = [0, 1].map(k => dicomFile(SYNTAX.deflated, deflateRawSync(encodeElements(sliceElements(k)))));
    expect((await readVolume(inMemory({ 's/0': deflated[0]!, 's/1': deflated[1]! }), 's')).volume).toEqual(plain);
    const big = { syntax: SYNTAX.bigEndian, littleEndian: false };
    expect((await readVolume(series([big, big]), 's')).volume).toEqual(plain);
  });

  test('big-endian files of 8 and 32 bits', async () => {
    const big = { syntax: SYNTAX.bigEndian, littleEndian: false };
    const wide = new Uint8Array(PLANE * 4);
    for (let i = 0; i < PLANE; i++) new DataView(wide.buffer).setUint32(4 * i, 70000 + i);
    const bits = { '00280100 US': [32], '00280101 US': [32], '00280102 US': [31], '00281052 DS': '0' };
    expect((await readVolume(series([{ ...big, elements: bits, pixels: wide }]), 's')).volume.data[3]).toBe(70003);
    // bytes lie in words, so pairs of them are exchanged
    const narrow = Uint8Array.from({ length: PLANE }, (_, i) => i ^ 1);
    const byte = { '00280100 US': [8], '00280101 US': [8], '00280102 US': [7], '00281052 DS': '0' };
    const { data } = (await readVolume(series([{ ...big, elements: byte, pixels: narrow }]), 's')).volume;
    expect(Array.from(data)).toEqual(Array.from({ length: PLANE }, (_, i) => i));
  });

  const compressed = (name: string, syntax: string, elements: DicomElements = {}): SliceOptions =>
    pictureSlice(name, { bytes: picture(name), syntax, elements });

  test.each([
    ['baseline-8.jpg', SYNTAX.jpeg],
    ['lossless-8.jpg', SYNTAX.lossless],
    ['lossless-12.jpg', SYNTAX.lossless],
    ['lossless-16.jpg', SYNTAX.lossless],
    ['ls-8.jls', SYNTAX.jpegLs],
    ['ls-16.jls', SYNTAX.jpegLs],
    ['2000-8.j2k', SYNTAX.jpeg2000],
    ['2000-16.j2k', SYNTAX.jpeg2000],
    ['rle-8', SYNTAX.rle],
    ['rle-16', SYNTAX.rle],
  ])('%s has the values of its encoder', async (name, syntax) => {
    const { volume } = await readVolume(series([compressed(name, syntax)]), 's');
    expect(Array.from(volume.data)).toEqual(goldens[name]);
  });

  test('a signed picture has its sign where the tags have one', async () => {
    const signed = { '00280103 US': [1] };
    const { volume } = await readVolume(series([compressed('2000-signed.j2k', SYNTAX.jpeg2000, signed)]), 's');
    expect(Array.from(volume.data)).toEqual(goldens['2000-signed.j2k']);
  });

  test.each([
    ['12-bit JPEG', compressed('extended-12.jpg', SYNTAX.extended), 'JPEG Extended of 12 bits'],
    ['High-Throughput JPEG 2000', compressed('2000-16.j2k', SYNTAX.htj2k), 'High-Throughput JPEG 2000 Lossless'],
    [
      'the block coder of part 15 in other JPEG 2000',
      pictureSlice('2000-16.j2k', { bytes: withCapabilities(picture('2000-16.j2k')), syntax: SYNTAX.jpeg2000 }),
      'JPEG 2000 Lossless, high-throughput',
    ],
    ['video', compressed('rle-8', SYNTAX.mpeg2), 'MPEG2 Main Profile'],
    ['what nobody knows', compressed('rle-8', '1.2.3.4'), '1.2.3.4'],
  ])('%s is refused by the name of its transfer syntax', async (_, options, name) => {
    const { code, message } = await refused(series([options]));
    expect(code).toBe('E_DICOM_SYNTAX');
    expect(message).toContain(name);
  });

  test.each([
    [
      'another size',
      compressed('2000-16.j2k', SYNTAX.jpeg2000, { '00280010 US': [HEIGHT + 1] }),
      /11x9 of 1 x 16 bits/,
    ],
    [
      'far more pixels than can be',
      compressed('ls-16.jls', SYNTAX.jpegLs, { '00280010 US': [65535], '00280011 US': [65535] }),
      /65535x65535 in/,
    ],
    [
      'the end cut off',
      { ...compressed('ls-16.jls', SYNTAX.jpegLs), pixels: [picture('ls-16.jls').subarray(0, 60)] },
      /JPEG-LS Lossless voxels cannot be decoded/,
    ],
    [
      'bytes of another kind',
      { ...compressed('ls-16.jls', SYNTAX.jpegLs), pixels: [Uint8Array.of(1, 2, 3, 4)] },
      /not JPEG-LS/,
    ],
  ] as const)('a compressed picture with %s is damaged', async (_, options, message) => {
    const error = await refused(series([options]));
    expect(error.code).toBe('E_DICOM_CORRUPT');
    expect(error.message).toMatch(message);
  });
});

describe('enhanced multi-frame files', () => {
  const frame = (k: number, { z = 2.5 * k, slope = '1', index = [1, k + 1] } = {}): DicomElements => ({
    '00209113 SQ': [{ '00200032 DS': `-50\\-60\\${z}` }],
    '00289145 SQ': [{ '00281052 DS': '-1024', '00281053 DS': slope }],
    '00209111 SQ': [{ '00209157 UL': index }],
  });
  const enhanced = (frames: readonly DicomElements[], elements: DicomElements = {}): Uint8Array =>
    sliceFile(0, {
      pixels: Uint8Array.from(frames.flatMap((_, k) => Array.from(pixelsOf(k)))),
      elements: {
        '00080016 UI': '1.2.840.10008.5.1.4.1.1.2.1',
        '00200032 DS': '',
        '00200037 DS': '',
        '00280030 DS': '',
        '00281052 DS': '',
        '00281053 DS': '',
        '00280008 IS': String(frames.length),
        '52009229 SQ': [
          {
            '00209116 SQ': [{ '00200037 DS': '1\\0\\0\\0\\1\\0' }],
            '00289110 SQ': [{ '00280030 DS': '0.8\\1.1', '00180050 DS': '2.5' }],
          },
        ],
        '52009230 SQ': frames,
        ...elements,
      },
    });

  test('each frame has its own place and rescale, in whatever order they come', async () => {
    const file = enhanced([frame(0, { z: 5, slope: '2' }), frame(1, { z: 0 }), frame(2, { z: 2.5, slope: '0.5' })]);
    const { volume } = await readVolume(inMemory({ 's/e.dcm': file }), 's/e.dcm');
    expect(volume.sizeVoxels).toEqual([COLUMNS, ROWS, 3]);
    expect(volume.affine).toEqual([-1.1, 0, 0, 50, 0, -0.8, 0, 60, 0, 0, 2.5, 0, 0, 0, 0, 1]);
    expect(Array.from(volume.data)).toEqual([
      ...stored(1).map(value => value - 1024),
      ...stored(2).map(value => value * 0.5 - 1024),
      ...stored(0).map(value => value * 2 - 1024),
    ]);
  });

  test('time points are channels, in the order of their numbers', async () => {
    const frames = [frame(0, { z: 0, index: [1, 2] }), frame(1, { z: 0, index: [1, 1] })];
    const more = [frame(2, { z: 2.5, index: [2, 2] }), frame(3, { z: 2.5, index: [2, 1] })];
    // the first dimension is the position, the second the time point
    const dimensions = [{ '00209165 AT': [0x00200032] }, { '00209165 AT': [0x00209128] }];
    const file = enhanced([...frames, ...more], { '00209222 SQ': dimensions });
    const read = await readVolume(inMemory({ 's/e.dcm': file }), 's');
    const { volume } = read;
    expect(volume).toMatchObject({ sizeVoxels: [COLUMNS, ROWS, 2], channels: 2 });
    expect([0, 1, 2, 3].map(part => volume.data[part * PLANE]! + 1024)).toEqual([100, 300, 0, 200]);
    // a result of one of them refers to its own pictures
    const pictures = [1, 2].map(number => frameOf(read, number, 's').dicom?.slices.map(slice => slice.frame));
    expect(pictures).toEqual([
      [2, 4],
      [1, 3],
    ]);
    const second = frameOf(read, 2, 's').volume;
    expect(second.channels).toBe(1);
    expect([0, 1].map(part => second.data[part * PLANE]! + 1024)).toEqual([0, 200]);
  });

  test('a missing frame is named, and so is one without a place', async () => {
    const gap = enhanced([0, 1, 2, 4].map(k => frame(k)));
    expect((await refused(inMemory({ 's/e': gap }))).message).toMatch(
      /frame 3 of s\/e and frame 4 of s\/e are 5\.000 mm/,
    );
    const { '00209113 SQ': _, ...nowhere } = frame(1);
    const lost = enhanced([frame(0), nowhere]);
    expect((await refused(inMemory({ 's/e': lost }))).message).toMatch(/frame 2 of s\/e has no position/);
  });

  test('frames that are not described, and frames that are not there, are damage', async () => {
    const few = enhanced([frame(0), frame(1)], { '52009230 SQ': [frame(0)] });
    expect((await refused(inMemory({ 's/e': few }))).message).toContain('describes 1 of 2 frames');
    const many = enhanced(
      [0, 1, 2].map(k => frame(k)),
      { '7fe00010 OW': pixelsOf(0) },
    );
    expect((await refused(inMemory({ 's/e': many }))).message).toMatch(/end after 24 of 72 bytes/);
  });
});

describe('folders', () => {
  test('patient, study and series may be nested; several series are listed, and one is chosen by its UID', async () => {
    const sources = inMemory({
      'p/study/a/0': sliceFile(0),
      'p/study/a/1': sliceFile(1),
      'p/study/b/0': otherSlice(0),
      'p/study/b/1': otherSlice(1),
      'p/study/b/2': otherSlice(2),
    });
    const { code, message } = await refused(sources, 'p');
    expect(code).toBe('E_DICOM_SERIES');
    expect(message).toMatch(/1\.2\.3\.1 "phantom" \(2 files of 4x3.*1\.2\.3\.9 "bone" \(3 files of 4x3.*--series/);
    expect((await readVolume(sources, 'p', { series: '1.2.3.9' })).volume.sizeVoxels[2]).toBe(3);
    expect((await readVolume(sources, 'p/study/a')).volume.sizeVoxels[2]).toBe(2);
    expect((await refused(sources, 'p', '1.2.3')).message).toMatch(/has no series 1\.2\.3; it holds 2 series/);
    expect((await refused(sources, 'p/study/a/0.dcm', '1.2')).code).toBe('E_FILE_MISSING');
  });

  test('files without a SeriesInstanceUID are one series, with a warning', async () => {
    const elements = { '0020000e UI': '' };
    const { volume, warnings } = await readVolume(series([{ elements }, { elements }]), 's');
    expect(volume.sizeVoxels[2]).toBe(2);
    expect(warnings).toMatchObject([{ code: 'W_DICOM_SERIES_UID' }]);
  });

  test('a damaged file of another series and a foreign one are warnings that name them', async () => {
    const cut = otherSlice(0).subarray(0, -10);
    const sources = series([{}, {}], {
      's/cut': cut,
      's/notes.txt': 'hello',
      's/no.dcm': 'no DICOM',
      's/DICOMDIR': '',
    });
    for (const path of ['s', 's/0']) {
      const { volume, warnings } = await readVolume(
        path === 's' ? sources : renamed(sources),
        path === 's' ? 's' : 's/0.dcm',
      );
      expect(volume.sizeVoxels[2]).toBe(2);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatchObject({ code: 'W_DICOM_PASSED_OVER' });
      for (const name of ['s/cut', 's/notes.txt', 's/no.dcm']) expect(warnings[0]!.message).toContain(name);
    }
  });

  const renamed = (sources: ReturnType<typeof inMemory>) => {
    sources.files.contents.set('s/0.dcm', sources.files.contents.get('s/0')!);
    sources.files.contents.delete('s/0');
    return sources;
  };

  test('a damaged file of the series itself is an error', async () => {
    const { code, message } = await refused(series([{}, {}, {}], { 's/cut': sliceFile(3).subarray(0, -10) }));
    expect(code).toBe('E_DICOM_CORRUPT');
    expect(message).toMatch(/s\/cut .*end after 14 of 24 bytes/);
  });

  test('a first element without a type, whose length leads behind the file, is damage', async () => {
    const bytes = sliceFile(0);
    const at = new TextDecoder('latin1').decode(bytes).indexOf('\x08\0\x16\0UI');
    // where no type is, the length is: the parser goes on behind the file without a word
    bytes.set([0x55, 0, 0x60, 0], at + 4);
    const { code, message } = await refused(inMemory({ 's/a': bytes }), 's');
    expect([code, message]).toEqual(['E_DICOM_CORRUPT', expect.stringContaining('s/a')]);
  });

  test('a file that is cut off anywhere is refused by a code', async () => {
    const whole = sliceFile(0, { elements: { '00081140 SQ': [{ '00081155 UI': '1.2.3.4' }] } });
    for (let length = 0; length < whole.length; length++) {
      const { code } = await refused(inMemory({ 's/cut': whole.slice(0, length) }), 's');
      expect([length, code]).toEqual([length, expect.stringMatching(/^E_/)]);
    }
  });

  test('a file of another name than its letters say, or without an image, says what it is', async () => {
    expect((await refused(inMemory({ 's/a.dcm': 'text' }), 's/a.dcm')).message).toContain('letters DICM');
    const report = sliceFile(0, { elements: { '7fe00010 OW': '' } });
    expect((await refused(inMemory({ 's/r.dcm': report }), 's/r.dcm')).code).toBe('E_DICOM_IMAGE');
  });
});
