/**
 * The middle slice of a series drawn small, so that a person can distinguish series. Reads one file of the series, and
 * decodes one frame of it. Does not know colours or screens. Source: DICOM PS3.3, C.11.2 (window), C.7.6.3
 * (MONOCHROME1).
 */
import { InputError } from '../../core/errors.ts';
import { type Files, readStart } from '../../runtime/files.ts';
import type { FrameCodec } from '../../runtime/frame-codec.ts';
import { parseDicom } from './file.ts';
import { openFrames } from './pixels.ts';
import type { DicomSlice } from './slice.ts';

/** A small picture: one grey level from 0, black, to 255 per pixel, row by row. */
export interface Thumbnail {
  readonly width: number;
  readonly height: number;
  readonly grey: Uint8Array;
}

/** Values that are drawn black and white. */
interface GreyWindow {
  readonly low: number;
  readonly high: number;
}

/** A larger file or picture is not opened for the sake of a small one. */
const MOST_FILE_BYTES = 128e6;
const MOST_PIXELS = 2 ** 24;
/** Values that a window is chosen from. */
const SAMPLES = 4096;
/** Share of the darkest and of the brightest values that the window leaves out. */
const EXTREMES = 0.01;

const WINDOW_CENTRE = 'x00281050';
const WINDOW_WIDTH = 'x00281051';

/** The slice in the middle along the normal; by the order of the files where they do not say where they lie. */
export function middleSlice(slices: readonly DicomSlice[]): DicomSlice | undefined {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = slices[0]?.orientation ?? [];
  const normal = [b * f - c * e, c * d - a * f, a * e - b * d];
  const along = ({ position }: DicomSlice): number =>
    position.length === 3 ? position.reduce((sum, mm, axis) => sum + mm * normal[axis]!, 0) : Number.NaN;
  const placed = slices.map(slice => ({ slice, mm: along(slice) }));
  const isPlaced = placed.every(({ mm }) => Number.isFinite(mm));
  const sorted = isPlaced ? placed.toSorted((left, right) => left.mm - right.mm) : placed;
  return sorted[Math.floor(sorted.length / 2)]?.slice;
}

/** The values without the few darkest and brightest. */
function windowOf(values: Float32Array): GreyWindow {
  const step = Math.max(1, Math.floor(values.length / SAMPLES));
  const sample = values.filter((value, index) => index % step === 0 && Number.isFinite(value)).sort();
  const last = Math.max(0, sample.length - 1);
  const at = (share: number): number => sample[Math.round(share * last)] ?? 0;
  return { low: at(EXTREMES), high: at(1 - EXTREMES) };
}

/** Sides of the small picture in pixels, by the millimetres that a row and a column take. */
function sidesOf({ pixel, pixelSpacingMm }: DicomSlice, longest: number): readonly [width: number, height: number] {
  const [betweenRows = 1, betweenColumns = 1] = pixelSpacingMm;
  const ratio = (pixel.columns * betweenColumns) / (pixel.rows * betweenRows);
  const shape = ratio > 0 && Number.isFinite(ratio) ? ratio : 1;
  const side = (share: number): number => Math.max(1, Math.round(longest * Math.min(1, share)));
  return [side(shape), side(1 / shape)];
}

/** Means of the values that fall into each pixel of a smaller picture; the nearest value in a larger one. */
function shrunk(
  values: Float32Array,
  { rows, columns }: DicomSlice['pixel'],
  [width, height]: readonly [number, number],
): Float32Array {
  const small = new Float32Array(width * height);
  const ends = (index: number, count: number, size: number): readonly [number, number] => {
    const from = Math.floor((index * size) / count);
    return [from, Math.max(from + 1, Math.floor(((index + 1) * size) / count))];
  };
  for (let y = 0; y < height; y++) {
    const [top, bottom] = ends(y, height, rows);
    for (let x = 0; x < width; x++) {
      const [left, right] = ends(x, width, columns);
      let sum = 0;
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) sum += values[row * columns + column]!;
      }
      small[y * width + x] = sum / ((bottom - top) * (right - left));
    }
  }
  return small;
}

/** The window that the file asks for. */
function saidWindow(text: (tag: string) => string | undefined): GreyWindow | undefined {
  const [centre, width] = [WINDOW_CENTRE, WINDOW_WIDTH].map(tag => Number.parseFloat(text(tag) ?? ''));
  const isWindow = Number.isFinite(centre) && Number.isFinite(width) && width! > 0;
  return isWindow ? { low: centre! - width! / 2, high: centre! + width! / 2 } : undefined;
}

async function drawn(
  { files, images }: { readonly files: Files; readonly images: FrameCodec },
  slice: DicomSlice,
  longest: number,
): Promise<Thumbnail | undefined> {
  const { path, pixel } = slice;
  if (pixel.rows * pixel.columns > MOST_PIXELS) return undefined;
  const bytes = await readStart(files, path, MOST_FILE_BYTES + 1);
  if (bytes.length > MOST_FILE_BYTES) return undefined;
  const file = parseDicom(bytes, path);
  const frames = openFrames(file, slice, images);
  const values = new Float32Array(pixel.rows * pixel.columns);
  await frames.read(slice, values);
  const range = windowOf(values);
  const said = saidWindow(tag => file.tags.string(tag));
  // a window that shows nothing of this picture is of no use
  const { low, high } = said !== undefined && said.low < range.high && said.high > range.low ? said : range;
  const [width, height] = sidesOf(slice, longest);
  const scale = high > low ? 255 / (high - low) : 0;
  const isInverted = pixel.photometric === 'MONOCHROME1';
  const grey = Uint8Array.from(shrunk(values, pixel, [width, height]), value => {
    // what is not a number counts as the lowest
    const level = Math.min(255, Math.max(0, Math.round((value - low) * scale) || 0));
    return isInverted ? 255 - level : level;
  });
  return { width, height, grey };
}

/**
 * Draws the middle slice of a series small: in the window that its file asks for, or without the 1 % darkest and
 * brightest values.
 * @param slices of one series, as their tags say
 * @param longestPx of the picture's two sides, which keep the proportions in millimetres
 * @returns undefined where the file cannot be read or decoded, or is too large to be opened for that
 */
export async function seriesThumbnail(
  reading: { readonly files: Files; readonly images: FrameCodec },
  slices: readonly DicomSlice[],
  longestPx: number,
): Promise<Thumbnail | undefined> {
  const slice = middleSlice(slices);
  if (slice === undefined) return undefined;
  try {
    return await drawn(reading, slice, longestPx);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
