/**
 * Slices as one regular stack: which lies where, decided from their tags before any decoder sees a voxel. A stack that
 * is not regular is refused with the file that does not fit, never evened out. Source: DICOM PS3.3, C.7.6.2 (image
 * plane).
 */
import { InputError } from '../../core/errors.ts';
import type { LpsGeometry } from '../../volume/lps.ts';
import type { Xyz } from '../../volume/volume.ts';
import type { DicomSlice } from './slice.ts';

/** Slices in their places. */
export interface SliceStack {
  readonly sizeVoxels: Xyz;
  readonly geometry: LpsGeometry;
  /** Frames at each place: 1, or the time points, echoes or b-values of a multi-frame file. */
  readonly channels: number;
  readonly places: readonly { readonly slice: DicomSlice; readonly z: number; readonly channel: number }[];
}

/** Largest deviation of a direction cosine; headers have six digits. */
const COSINE_TOLERANCE = 1e-3;
/** Largest deviation of a slice from its place, as a part of the distance between slices. */
const STEP_TOLERANCE = 0.02;
/** Rounding never excuses more than this part of the distance between slices. */
const LARGEST_ROUNDING = 0.25;
/** Slices that are nearer than this are in one place. */
const SMALLEST_STEP_MM = 1e-3;
/** Slices that shift sideways by more than this part of a pixel over the whole stack are not above each other. */
const SIDEWAYS_TOLERANCE = 0.5;

function refuse(source: string, reason: string): InputError {
  return new InputError(
    'E_DICOM_GEOMETRY',
    `the DICOM series in ${source} is not one regular stack of slices: ${reason}.`,
  );
}

/** A slice as people find it. */
function named({ path, frame, frames }: DicomSlice): string {
  return frames > 1 ? `frame ${frame + 1} of ${path}` : path;
}

function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, index) => sum + value * right[index]!, 0);
}

/** What all slices of a stack have alike; the bits in use, the rescale and the transfer syntax may differ. */
const COMMON = {
  columns: 'columns',
  rows: 'rows',
  bitsAllocated: 'bits per pixel (BitsAllocated)',
  signed: 'PixelRepresentation',
  photometric: 'PhotometricInterpretation',
  samplesPerPixel: 'SamplesPerPixel',
  pixelTag: 'kind of pixel data',
} as const;

function assertAlike(slices: readonly DicomSlice[], source: string): void {
  const [first] = slices as readonly [DicomSlice];
  for (const slice of slices) {
    for (const [key, name] of Object.entries(COMMON)) {
      const [here, there] = [slice.pixel[key as keyof typeof COMMON], first.pixel[key as keyof typeof COMMON]];
      if (here === there) continue;
      const difference = `${named(slice)} has ${name} ${Number(here) || here}, ${named(first)} has ${Number(there) || there}`;
      throw refuse(source, `${difference}; move what does not belong together into folders of its own`);
    }
  }
}

/** The normal of the slices, after checking that all lie the same way. */
function commonNormal(slices: readonly DicomSlice[], source: string): readonly number[] {
  const [first] = slices as readonly [DicomSlice];
  const [row, column] = [first.orientation.slice(0, 3), first.orientation.slice(3)];
  const errors = [dot(row, row) - 1, dot(column, column) - 1, dot(row, column)];
  if (first.orientation.length !== 6 || !errors.every(error => Math.abs(error) <= 2 * COSINE_TOLERANCE)) {
    const advice = 'radiographs and screenshots have no place in the patient and are not read';
    throw refuse(
      source,
      first.orientation.length === 0
        ? `${named(first)} has no direction cosines (ImageOrientationPatient); ${advice}`
        : `the direction cosines (ImageOrientationPatient) of ${named(first)} are ${first.orientation.join(', ')}`,
    );
  }
  for (const slice of slices) {
    const { orientation, position, pixelSpacingMm } = slice;
    if (position.length !== 3 || !position.every(Number.isFinite)) {
      throw refuse(source, `${named(slice)} has no position (ImagePositionPatient)`);
    }
    if (pixelSpacingMm.length !== 2 || !pixelSpacingMm.every(spacing => spacing > 0)) {
      throw refuse(source, `the pixel spacing of ${named(slice)} is ${pixelSpacingMm.join(' x ') || 'missing'}`);
    }
    const turned = first.orientation.some((cosine, index) => {
      const here = orientation[index];
      return here === undefined || !(Math.abs(cosine - here) <= COSINE_TOLERANCE);
    });
    const zoomed = pixelSpacingMm.some(
      (mm, index) => Math.abs(mm / first.pixelSpacingMm[index]! - 1) > COSINE_TOLERANCE,
    );
    if (turned || zoomed) {
      throw refuse(source, `${named(slice)} lies another way or has another spacing than ${named(first)}`);
    }
  }
  const [a = 0, b = 0, c = 0] = row;
  const [d = 0, e = 0, f = 0] = column;
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

type Placed = DicomSlice & { readonly along: number };

/** Slices of one place side by side, places in the order of the normal. */
function placesAlong(slices: readonly DicomSlice[], normal: readonly number[]): readonly (readonly Placed[])[] {
  const sorted = slices
    .map(slice => ({ ...slice, along: dot(slice.position, normal) }))
    .sort((left, right) => left.along - right.along);
  const places: Placed[][] = [];
  for (const slice of sorted) {
    const last = places.at(-1);
    if (last !== undefined && slice.along - last[0]!.along < SMALLEST_STEP_MM) last.push(slice);
    else places.push([slice]);
  }
  return places;
}

/**
 * Several frames at every place are channels in a file that numbers them; several files at one place are not one
 * volume.
 */
function assertOnePerPlace(places: readonly (readonly Placed[])[], source: string): void {
  const crowded = places.find(place => place.length > 1);
  if (crowded === undefined) return;
  const [one, two] = crowded as readonly [Placed, Placed, ...Placed[]];
  const apart = `${named(one)} and ${named(two)} lie 0.000 mm apart, in one place`;
  if (one.path !== two.path && one.instanceUid !== '' && one.instanceUid === two.instanceUid) {
    throw refuse(source, `${apart}, and say to be the same slice; remove one of them`);
  }
  const isFull = places.every(place => place.length === crowded.length);
  if (isFull && crowded.every(({ path, frames }) => frames > 1 && path === one.path)) return;
  throw refuse(
    source,
    `${apart}; remove one of them if it is a copy, or separate the time points or echoes of the series`,
  );
}

/** The distance from place to place, after checking that all are evenly spaced: a missing slice is named. */
function evenStep(places: readonly (readonly Placed[])[], source: string, roundingMm: number): number {
  const firsts = places.map(([first]) => first!);
  const gaps = firsts.slice(1).map(({ along }, index) => along - firsts[index]!.along);
  const usual = gaps.toSorted((a, b) => a - b)[(gaps.length - 1) >> 1]!;
  const tolerance = Math.max(STEP_TOLERANCE * usual, Math.min(roundingMm, LARGEST_ROUNDING * usual));
  const step = (firsts.at(-1)!.along - firsts[0]!.along) / gaps.length;
  const drift = firsts.map(({ along }, z) => Math.abs(along - firsts[0]!.along - z * step));
  if (Math.max(...drift) <= tolerance) return step;
  const odd = gaps.reduce((worst, gap, index) => {
    return Math.abs(gap - usual) > Math.abs(gaps[worst]! - usual) ? index : worst;
  }, 0);
  const [from, to] = [named(firsts[odd]!), named(firsts[odd + 1]!)];
  const apart = `${from} and ${to} are ${gaps[odd]!.toFixed(3)} mm apart, most others ${usual.toFixed(3)} mm`;
  const advice = gaps[odd]! < usual ? 'take out what does not belong to it' : 'add what is missing';
  throw refuse(source, `${apart}; ${advice}`);
}

function assertUpright(places: readonly (readonly Placed[])[], source: string, options: Upright): void {
  const { normal, roundingMm } = options;
  const [first, ...others] = places.flat() as [Placed, ...Placed[]];
  const sideways = others.map(({ position }) => {
    const moved = position.map((value, axis) => value - first.position[axis]!);
    return Math.sqrt(Math.max(0, dot(moved, moved) - dot(moved, normal) ** 2));
  });
  const largest = Math.max(0, ...sideways);
  if (largest <= Math.max(SIDEWAYS_TOLERANCE * Math.min(...first.pixelSpacingMm), 2 * roundingMm)) return;
  const advice = 'set it upright, for example by converting it with dcm2niix';
  throw refuse(source, `its slices shift sideways by ${largest.toFixed(2)} mm (a tilted gantry); ${advice}`);
}

interface Upright {
  readonly normal: readonly number[];
  readonly roundingMm: number;
}

/** Time points and the like by their numbers, then by their order in the file. */
function inOrder(place: readonly Placed[]): readonly Placed[] {
  return place.toSorted((left, right) => {
    const difference = left.dimensions
      .map((value, index) => value - (right.dimensions[index] ?? 0))
      .find(value => value !== 0);
    return difference ?? left.frame - right.frame;
  });
}

/**
 * Puts the slices of a series into a box: same size, type and orientation, evenly spaced, straight above each other.
 * Positions may be rounded as their decimals say.
 * @param source for messages
 * @throws {InputError} E_DICOM_GEOMETRY, naming the file that does not fit
 */
export function regularStack(slices: readonly DicomSlice[], source: string): SliceStack {
  assertAlike(slices, source);
  const normal = commonNormal(slices, source);
  const places = placesAlong(slices, normal);
  assertOnePerPlace(places, source);
  const unitMm = Math.min(...slices.map(({ positionUnitMm }) => positionUnitMm));
  const roundingMm = unitMm * normal.reduce((sum, cosine) => sum + Math.abs(cosine), 0);
  const [first] = slices as readonly [DicomSlice];
  const said = first.betweenSlicesMm;
  const alone = said !== undefined && said > 0 && Number.isFinite(said) ? said : 1;
  const step = places.length > 1 ? evenStep(places, source, roundingMm) : alone;
  assertUpright(places, source, { normal, roundingMm });
  const [row, column] = [first.orientation.slice(0, 3), first.orientation.slice(3)];
  const [betweenRows = 1, betweenColumns = 1] = first.pixelSpacingMm;
  const [x = 0, y = 0, z = 0] = places[0]![0]!.position;
  return {
    sizeVoxels: [first.pixel.columns, first.pixel.rows, places.length],
    geometry: {
      spacing: [betweenColumns, betweenRows, step],
      origin: [x, y, z],
      direction: [0, 1, 2].flatMap(axis => [row[axis]!, column[axis]!, normal[axis]!]),
    },
    channels: places[0]!.length,
    places: places.flatMap((place, at) => inOrder(place).map((slice, channel) => ({ slice, z: at, channel }))),
  };
}
