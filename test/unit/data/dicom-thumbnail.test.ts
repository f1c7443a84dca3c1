/** The middle slice of a series as a small picture, and when there is none. */
import { describe, expect, it } from 'vitest';
import { parseDicom } from '../../../src/data/dicom/file.ts';
import { slicesOf } from '../../../src/data/dicom/slice.ts';
import { middleSlice, seriesThumbnail } from '../../../src/data/dicom/thumbnail.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { type DicomElements, type SliceOptions, SYNTAX, sliceFile } from '../../support/dicom-files.ts';

type Contents = Readonly<Record<string, Uint8Array>>;

function slicesIn(contents: Contents) {
  return Object.entries(contents).flatMap(([path, bytes]) => slicesOf(parseDicom(bytes, path)));
}

/** Draws a series, and tells which files were read for that. */
async function drawn(contents: Contents, slices = slicesIn(contents), longestPx = 4) {
  const opened: string[] = [];
  const { images } = createNodeSources();
  const files = {
    read: async (path: string) => {
      opened.push(path);
      return contents[path]!;
    },
  } as unknown as Parameters<typeof seriesThumbnail>[0]['files'];
  return { opened, picture: await seriesThumbnail({ files, images }, slices, longestPx) };
}

/** One slice with square pixels, so that its small picture has a pixel for each. */
function square(elements: DicomElements, options: SliceOptions = {}): Contents {
  return { only: sliceFile(0, { ...options, elements: { '00280030 DS': '1\\1', ...elements } }) };
}

describe('the picture of a series', () => {
  it('is of the slice in the middle by its place, and one file is read for it', async () => {
    // in the order of names the slices lie at 10, 0, 5, 20 and 15 mm
    const contents = Object.fromEntries([10, 0, 5, 20, 15].map((z, index) => [`${index}`, sliceFile(index, { z })]));
    const { opened, picture } = await drawn(contents);
    expect(opened).toEqual(['0']);
    // 3 rows 0.8 mm apart and 4 columns 1.1 mm apart
    expect(picture).toMatchObject({ width: 4, height: 2 });
    const [first] = slicesIn(contents);
    const apart = slicesIn(contents).map(slice => ({ ...slice, position: [] }));
    expect(middleSlice([first!])).toBe(first);
    expect(middleSlice(apart)?.path).toBe('2');
    expect(middleSlice([])).toBeUndefined();
  });

  it('shows the window of its file, or all values but the extremes, dark to bright', async () => {
    // values -1024, -1023, ... -1013
    const plain = (await drawn(square({}))).picture!;
    expect([...plain.grey]).toEqual(Array.from({ length: 12 }, (_, index) => Math.round((index * 255) / 11)));
    const said = (await drawn(square({ '00281050 DS': '-1020\\40', '00281051 DS': '4\\400' }))).picture!;
    expect([...said.grey]).toEqual([0, 0, 0, 64, 128, 191, 255, 255, 255, 255, 255, 255]);
    // bone, where there is only air
    const useless = (await drawn(square({ '00281050 DS': '400', '00281051 DS': '1800' }))).picture!;
    expect(useless.grey).toEqual(plain.grey);
    const inverted = (await drawn(square({ '00280004 CS': 'MONOCHROME1' }))).picture!;
    expect([...inverted.grey]).toEqual([...plain.grey].map(level => 255 - level));
    const even = (await drawn(square({}, { pixels: new Uint8Array(24) }))).picture!;
    expect(new Set(even.grey)).toEqual(new Set([0]));
  });

  it('is the mean of the pixels that fall together, with the longest side that is wanted', async () => {
    const contents = square({ '00281050 DS': '-1018.5', '00281051 DS': '11' });
    const { picture } = await drawn(contents, undefined, 2);
    expect(picture).toMatchObject({ width: 2, height: 2 });
    // rows 0 and 1 to 2 of values 0 to 11, two columns each
    const means = [0.5, 2.5, (4 + 5 + 8 + 9) / 4, (6 + 7 + 10 + 11) / 4];
    expect([...picture!.grey]).toEqual(means.map(mean => Math.round((mean * 255) / 11)));
  });

  it.each<[string, (contents: Contents) => { contents: Contents; elements?: object }]>([
    ['is cut off', ({ only }) => ({ contents: { only: only!.subarray(0, only!.length - 8) } })],
    ['is something else by now', () => ({ contents: { only: new Uint8Array(600) } })],
    [
      'is too large for a small picture',
      ({ only }) => ({ contents: { only: only! }, elements: { rows: 65_535, columns: 65_535 } }),
    ],
    [
      'is in a form that is not read',
      () => ({ contents: square({}, { syntax: SYNTAX.mpeg2, pixels: [new Uint8Array(8)] }) }),
    ],
  ])('is not there where the file %s', async (_name, damage) => {
    const whole = square({});
    const { contents, elements } = damage(whole);
    const slices = slicesIn(whole).map(slice => ({ ...slice, pixel: { ...slice.pixel, ...elements } }));
    expect((await drawn(contents, slices)).picture).toBeUndefined();
  });
});
