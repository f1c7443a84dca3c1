/**
 * DICOM files as series: which files belong together, and whether they are one regular stack of slices. Reads tags only; voxels are
 * ITK's affair. ITK itself reads a stack with missing slices as if they were evenly spaced, so that is refused here.
 * Source: DICOM PS3.3, C.7.6.2 (image plane), C.7.3.1 (series).
 */
import dicomParser from 'dicom-parser';
import { InputError } from '../core/errors.ts';

/** A DICOM file with an image, by what places it in its series. */
export interface DicomSlice {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly seriesUid: string;
  /** For people; may be empty. */
  readonly description: string;
  readonly frames: number;
  readonly samplesPerPixel: number;
  /** As written: slope and intercept from stored to real values. */
  readonly rescale: string;
  /** Millimetres between rows, then between columns; empty where not said. */
  readonly pixelSpacingMm: readonly number[];
  /** Unit vectors along a row and along a column, LPS; empty where not said. */
  readonly orientation: readonly number[];
  /** Centre of the first voxel, LPS millimetres; empty where not said. */
  readonly position: readonly number[];
}

const TAGS = {
  seriesUid: 'x0020000e',
  seriesDescription: 'x0008103e',
  frames: 'x00280008',
  samplesPerPixel: 'x00280002',
  pixelSpacing: 'x00280030',
  slope: 'x00281053',
  intercept: 'x00281052',
  orientation: 'x00200037',
  position: 'x00200032',
  pixelData: 'x7fe00010',
} as const;

/** Largest deviation of a direction cosine; headers have six digits. */
const COSINE_TOLERANCE = 1e-3;
/** Largest deviation of a slice from its place, as a part of the distance between slices. */
const STEP_TOLERANCE = 0.02;
/** Slices that are nearer than this are in one place. */
const SMALLEST_STEP_MM = 1e-3;
const LISTED_IN_MESSAGES = 5;

/** Whether bytes are a DICOM file (part 10: `DICM` after a preamble of 128 bytes). */
export function isDicom(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(128, 132)) === 'DICM';
}

function corrupt(path: string, reason: string, cause?: unknown): InputError {
  const message = `${path} is not a readable DICOM file: ${reason}. Copy it again from its source.`;
  return new InputError('E_DICOM_CORRUPT', message, { cause });
}

/**
 * Reads the tags of a DICOM file.
 * @returns undefined where it holds no image, like a DICOMDIR or a report
 * @throws {InputError} E_DICOM_CORRUPT
 */
export function readDicomSlice(bytes: Uint8Array, path: string): DicomSlice | undefined {
  let tags: dicomParser.DataSet;
  try {
    tags = dicomParser.parseDicom(bytes, { untilTag: TAGS.pixelData });
  } catch (cause) {
    const reason = typeof cause === 'string' ? cause : cause instanceof Error ? cause.message : 'its tags are damaged';
    throw corrupt(path, reason, cause);
  }
  // ITK fills what is missing at the end without a word
  const pixels = tags.elements[TAGS.pixelData];
  if (pixels !== undefined && pixels.hadUndefinedLength !== true && pixels.dataOffset + pixels.length > bytes.length) {
    throw corrupt(path, `its voxels end after ${bytes.length - pixels.dataOffset} of ${pixels.length} bytes`);
  }
  const text = (tag: string): string => tags.string(tag) ?? '';
  const numbers = (tag: string): number[] => (text(tag) === '' ? [] : text(tag).split('\\').map(Number));
  if (text(TAGS.seriesUid) === '' || pixels === undefined) return undefined;
  return {
    path,
    bytes,
    seriesUid: text(TAGS.seriesUid),
    description: text(TAGS.seriesDescription),
    frames: numbers(TAGS.frames)[0] ?? 1,
    samplesPerPixel: tags.uint16(TAGS.samplesPerPixel) ?? 1,
    rescale: `${text(TAGS.slope)} ${text(TAGS.intercept)}`,
    pixelSpacingMm: numbers(TAGS.pixelSpacing),
    orientation: numbers(TAGS.orientation),
    position: numbers(TAGS.position),
  };
}

/**
 * The only series among files.
 * @param source the folder, for messages
 * @throws {InputError} E_DICOM_SERIES if there are several
 */
export function onlySeries(slices: readonly DicomSlice[], source: string): readonly DicomSlice[] {
  const series = new Map<string, DicomSlice[]>();
  for (const slice of slices) series.set(slice.seriesUid, [...(series.get(slice.seriesUid) ?? []), slice]);
  if (series.size <= 1) return slices;
  const listed = [...series.values()].slice(0, LISTED_IN_MESSAGES).map(([first, ...others]) => {
    const name = first!.description === '' ? '' : ` "${first!.description}"`;
    return `${first!.seriesUid}${name} (${others.length + 1} files, for example ${first!.path})`;
  });
  const more = series.size > LISTED_IN_MESSAGES ? ` and ${series.size - LISTED_IN_MESSAGES} more` : '';
  throw new InputError(
    'E_DICOM_SERIES',
    `${source} holds ${series.size} series: ${listed.join('; ')}${more}. Give one file of the series that you want, or a folder of one.`,
  );
}

function refuse(source: string, reason: string): InputError {
  return new InputError(
    'E_DICOM_GEOMETRY',
    `the DICOM series in ${source} is not one regular stack of slices: ${reason}.`,
  );
}

function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, index) => sum + value * right[index]!, 0);
}

/** The normal of the slices, after checking that all lie the same way. */
function commonNormal(slices: readonly DicomSlice[], source: string): readonly number[] {
  const [first] = slices as readonly [DicomSlice];
  const [row, column] = [first.orientation.slice(0, 3), first.orientation.slice(3)];
  const errors = [dot(row, row) - 1, dot(column, column) - 1, dot(row, column)];
  if (first.orientation.length !== 6 || !errors.every(error => Math.abs(error) <= 2 * COSINE_TOLERANCE)) {
    throw refuse(source, `the direction cosines of ${first.path} are ${first.orientation.join(', ') || 'missing'}`);
  }
  for (const { path, orientation, position, pixelSpacingMm } of slices) {
    if (position.length !== 3 || !position.every(Number.isFinite)) throw refuse(source, `${path} has no position`);
    if (pixelSpacingMm.length !== 2 || !pixelSpacingMm.every(spacing => spacing > 0)) {
      throw refuse(source, `the pixel spacing of ${path} is ${pixelSpacingMm.join(' x ') || 'missing'}`);
    }
    const turned = orientation.some((cosine, index) => Math.abs(cosine - first.orientation[index]!) > COSINE_TOLERANCE);
    const zoomed = pixelSpacingMm.some(
      (mm, index) => Math.abs(mm / first.pixelSpacingMm[index]! - 1) > COSINE_TOLERANCE,
    );
    if (turned || zoomed) throw refuse(source, `${path} lies another way or has another spacing than ${first.path}`);
  }
  const [a = 0, b = 0, c = 0] = row;
  const [d = 0, e = 0, f = 0] = column;
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

/**
 * Checks that the files of a series are the slices of one box: same orientation, evenly spaced, straight above each other.
 * @param source for messages
 * @returns them in the order in which ITK stacks them
 * @throws {InputError} E_DICOM_GEOMETRY; E_VOLUME_TYPE for colour and for several frames in a file
 */
export function regularStack(slices: readonly DicomSlice[], source: string): readonly DicomSlice[] {
  const odd = slices.find(({ frames, samplesPerPixel }) => frames > 1 || samplesPerPixel > 1);
  if (odd !== undefined) {
    const what = odd.frames > 1 ? `${odd.frames} frames in one file` : 'colour';
    throw new InputError(
      'E_VOLUME_TYPE',
      `${odd.path} has ${what}; DICOM is read with one grey slice per file. Convert it to NIfTI.`,
    );
  }
  const normal = commonNormal(slices, source);
  const sorted = slices
    .map(slice => ({ ...slice, along: dot(slice.position, normal) }))
    .sort((left, right) => left.along - right.along);
  const [first, ...others] = sorted as [(typeof sorted)[number], ...typeof sorted];
  if (others.length === 0) return sorted;
  const step = others.map(({ along }, index) => along - sorted[index]!.along).sort((a, b) => a - b)[
    others.length >> 1
  ]!;
  if (!(step > SMALLEST_STEP_MM))
    throw refuse(source, 'its slices lie in one place; separate its time points or echoes');
  others.forEach((slice, index) => {
    const gap = slice.along - sorted[index]!.along;
    if (Math.abs(gap - step) <= STEP_TOLERANCE * step) return;
    const [from, to] = [sorted[index]!.path, slice.path];
    const places = `${from} and ${to} are ${gap.toFixed(3)} mm apart, most others ${step.toFixed(3)} mm`;
    const advice = gap < step / 2 ? 'separate its time points or echoes' : 'add what is missing';
    throw refuse(source, `${places}; ${advice}`);
  });
  const sideways = others.map(({ position }) => {
    const moved = position.map((value, axis) => value - first.position[axis]!);
    return Math.sqrt(Math.max(0, dot(moved, moved) - dot(moved, normal) ** 2));
  });
  const largest = Math.max(...sideways);
  if (largest > STEP_TOLERANCE * step * others.length) {
    throw refuse(
      source,
      `its slices shift sideways by ${largest.toFixed(2)} mm (a tilted gantry); resample it upright`,
    );
  }
  return sorted;
}
