/** PNG pictures as planes: sizes, samples, channels and place; and the pictures that are refused, by what they are. */
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import type { CaseFiles } from '../../../src/data/case-list.ts';
import { openDataset } from '../../../src/data/dataset.ts';
import { loadCase } from '../../../src/data/loaded-case.ts';
import { readVolume } from '../../../src/data/volume-file.ts';
import { readGrid } from '../../../src/data/volume-grid.ts';
import { decodePng } from '../../../src/volume/png.ts';
import { niftiOnly } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const WIDTH = 5;
const HEIGHT = 3;
const count = (channels: number): number => WIDTH * HEIGHT * channels;
const grey = encode({
  width: WIDTH,
  height: HEIGHT,
  channels: 1,
  data: Uint8Array.from({ length: count(1) }, (_, i) => i),
});

/** A copy with one byte of the first chunk replaced, and its checksum left as it was. */
const withByte = (at: number, value: number): Uint8Array => {
  const copy = grey.slice();
  copy[at] = value;
  return copy;
};

describe('PNG pictures', () => {
  it('are planes of 1 mm, first line first, with a warning', async () => {
    const files = memoryFiles({});
    files.contents.set('d/a.png', grey);
    const sources = { files, images: niftiOnly };
    const { volume, dataType, warnings, header } = await readVolume(sources, 'd/a.png');
    expect(volume).toMatchObject({
      sizeVoxels: [WIDTH, HEIGHT, 1],
      channels: 1,
      spacingMm: [1, 1, 1],
      isPlaced: false,
    });
    expect([...volume.data]).toEqual(Array.from({ length: count(1) }, (_, i) => i));
    expect(volume.affine).toEqual([-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    expect([dataType, header.sizeVoxels, warnings[0]?.code]).toEqual(['uint8', [WIDTH, HEIGHT, 1], 'W_SPACE_UNKNOWN']);
    expect(await readGrid(sources, 'd/a.png')).toMatchObject({ sizeVoxels: [WIDTH, HEIGHT, 1], spacingMm: [1, 1, 1] });
  });

  it('may have 16 bits, colours, and a transparency that hides nothing', () => {
    const wide = Uint16Array.from({ length: count(1) }, (_, i) => i * 4000);
    expect([
      ...decodePng(encode({ width: WIDTH, height: HEIGHT, depth: 16, channels: 1, data: wide }), 'w.png').volume.data,
    ]).toEqual([...wide]);
    const colours = Uint8Array.from({ length: count(3) }, (_, i) => i);
    const { volume } = decodePng(encode({ width: WIDTH, height: HEIGHT, channels: 3, data: colours }), 'c.png');
    expect(volume.channels).toBe(3);
    expect([...volume.data.subarray(0, 3)]).toEqual([0, 3, 6]);
    expect([...volume.data.subarray(count(1), count(1) + 3)]).toEqual([1, 4, 7]);
    const opaque = Uint8Array.from({ length: count(4) }, (_, i) => (i % 4 === 3 ? 255 : i));
    const four = decodePng(encode({ width: WIDTH, height: HEIGHT, channels: 4, data: opaque }), 'o.png').volume;
    expect([four.channels, ...four.data.subarray(0, 2)]).toEqual([3, 0, 4]);
  });

  it('are the cases of a data set, a picture in colour with all channels in one file', async () => {
    const files = memoryFiles({
      'd/dataset.json': JSON.stringify({
        channel_names: { 0: 'R', 1: 'G', 2: 'B' },
        labels: { background: 0, road: 1 },
        file_ending: '.png',
      }),
    });
    const data = Uint8Array.from({ length: count(3) }, (_, i) => i);
    const label = { width: WIDTH, height: HEIGHT, channels: 1, data: new Uint8Array(count(1)).fill(1, 0, 4) };
    files.contents.set('d/imagesTr/a_0000.png', encode({ width: WIDTH, height: HEIGHT, channels: 3, data }));
    files.contents.set('d/labelsTr/a.png', encode(label));
    const dataset = await openDataset(files, 'd');
    const loaded = await loadCase({ files, images: niftiOnly }, dataset, dataset.cases[0] as CaseFiles);
    expect([loaded.image.channels, [...(loaded.label?.data ?? [])].filter(value => value === 1).length]).toEqual([
      3, 4,
    ]);
    // two of three channels as files are not one picture
    files.contents.set('d/imagesTr/a_0001.png', encode(label));
    await expect(openDataset(files, 'd')).rejects.toThrow(/a_0002\.png/);
  });

  it.each([
    [
      'a palette',
      encode({ width: WIDTH, height: HEIGHT, channels: 1, data: new Uint8Array(count(1)), palette: [[1, 2, 3]] }),
      /E_VOLUME_TYPE.* has a palette/,
    ],
    ['1 bit', withByte(24, 1), /E_VOLUME_TYPE.* has samples of 1 bit/],
    [
      'holes',
      encode({ width: WIDTH, height: HEIGHT, channels: 4, data: new Uint8Array(count(4)) }),
      /E_VOLUME_TYPE.* is transparent in places/,
    ],
    ['no signature', withByte(0, 1), /E_VOLUME_CORRUPT.* does not begin as a PNG/],
    ['no pixels', withByte(19, 0), /E_VOLUME_CORRUPT.*its size is 0 x 3/],
    ['a wrong checksum', withByte(19, 4), /E_VOLUME_CORRUPT/],
    ['an end that is missing', grey.subarray(0, grey.length - 4), /E_VOLUME_CORRUPT.*before its end/],
    ['less than a header', grey.subarray(0, 20), /E_VOLUME_CORRUPT/],
  ])('with %s are refused', (_, bytes, reason) => {
    expect(() => {
      try {
        decodePng(bytes, 'x.png');
      } catch (error) {
        throw new Error(`${(error as { code: string }).code}: ${(error as Error).message}`);
      }
    }).toThrow(reason);
  });

  it('whose pixels unpack to more than they declare are refused', () => {
    const tall = encode({ width: WIDTH, height: 900, channels: 1, data: new Uint8Array(WIDTH * 900) });
    tall[22] = 0;
    tall[23] = 3;
    expect(() => decodePng(tall, 'x.png')).toThrow(/its pixels are more than the \d+ bytes that it declares/);
  });
});
