/**
 * DICOM images as slices: what a file says of each of its planes, whether it has one or, in enhanced multi-frame files,
 * hundreds. Reads tags only. What an enhanced file says per frame counts before what it says once for all of them, and
 * that before its top level.
 * Source: DICOM PS3.3, C.7.6.2 (image plane), C.7.6.3 (pixels), C.7.6.16 (functional groups), C.8.8.3 (dose); C.11.1
 * (rescale).
 */
import type { DataSet } from 'dicom-parser';
import { InputError } from '../../core/errors.ts';
import { corruptDicom, type DicomFile } from './file.ts';

/** How the values of a picture are stored; alike in all slices of a stack but for the bits in use. */
export interface PixelFormat {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  /** MONOCHROME1 is a matter of display; its values are not inverted. */
  readonly photometric: string;
  /** 1, 8, 16, 32 or 64. */
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  /** Pixel data (7FE0,0010), float pixel data (0008), double float pixel data (0009). */
  readonly pixelTag: 'x7fe00010' | 'x7fe00008' | 'x7fe00009';
}

/** One plane of a file. */
export interface DicomSlice {
  readonly path: string;
  /** Its place in the file, from 0. */
  readonly frame: number;
  /** Planes in the file. */
  readonly frames: number;
  readonly seriesUid: string;
  readonly classUid: string;
  readonly instanceUid: string;
  /** For people; may be empty. */
  readonly description: string;
  readonly syntaxUid: string;
  readonly pixel: PixelFormat;
  /** value = stored * slope + intercept */
  readonly slope: number;
  readonly intercept: number;
  /** Millimetres between rows, then between columns; empty where not said. */
  readonly pixelSpacingMm: readonly number[];
  /** Unit vectors along a row and along a column, LPS; empty where not said. */
  readonly orientation: readonly number[];
  /** Centre of the first voxel, LPS millimetres; empty where not said. */
  readonly position: readonly number[];
  /** The unit of the last decimal that positions are written with, millimetres. */
  readonly positionUnitMm: number;
  /** Millimetres from slice to slice as the file says; undefined where it does not. */
  readonly betweenSlicesMm: number | undefined;
  /** What numbers the frame within its file other than its place: time point, echo, b-value. */
  readonly dimensions: readonly number[];
}

const TAGS = {
  imageType: 'x00080008',
  classUid: 'x00080016',
  instanceUid: 'x00080018',
  modality: 'x00080060',
  seriesDescription: 'x0008103e',
  seriesUid: 'x0020000e',
  position: 'x00200032',
  orientation: 'x00200037',
  betweenSlices: 'x00180088',
  samplesPerPixel: 'x00280002',
  photometric: 'x00280004',
  frames: 'x00280008',
  rows: 'x00280010',
  columns: 'x00280011',
  pixelSpacing: 'x00280030',
  bitsAllocated: 'x00280100',
  bitsStored: 'x00280101',
  highBit: 'x00280102',
  signed: 'x00280103',
  intercept: 'x00281052',
  slope: 'x00281053',
  modalityLut: 'x00283000',
  frameOffsets: 'x3004000c',
  doseScaling: 'x3004000e',
  sharedGroups: 'x52009229',
  frameGroups: 'x52009230',
  dimensionSequence: 'x00209222',
  dimensionPointer: 'x00209165',
  dimensionValues: 'x00209157',
} as const;
/** Sequences in which functional groups keep what others have at the top level. */
const GROUPS = {
  position: 'x00209113',
  orientation: 'x00209116',
  measures: 'x00289110',
  rescale: 'x00289145',
  content: 'x00209111',
} as const;
/** Dimensions that say where a frame lies: image position, stack, place in the stack. */
const PLACE_DIMENSIONS = ['x00200032', 'x00209056', 'x00209057', 'x00209241'];
const PIXEL_TAGS = ['x7fe00010', 'x7fe00008', 'x7fe00009'] as const;

/** A file whose frames are more than can be meant. */
const LARGEST_FRAMES = 1e6;
const BITS = [1, 8, 16, 32, 64];
/** Segmentation and label map segmentation: their values are shares or numbers of segments, not intensities. */
const SEGMENTATION_CLASSES = ['1.2.840.10008.5.1.4.1.1.66.4', '1.2.840.10008.5.1.4.1.1.66.7'];

function numbersOf(set: DataSet | undefined, tag: string): readonly number[] {
  const text = set?.string(tag) ?? '';
  return text === '' ? [] : text.split('\\').map(part => (part.trim() === '' ? Number.NaN : Number(part)));
}

/** The unit of the last decimal of numbers as they are written. */
function unitOf(set: DataSet | undefined, tag: string): number {
  const decimals = (set?.string(tag) ?? '').split('\\').map(part => {
    const [, digits = '', exponent = '0'] = /^\s*[-+]?\d*\.?(\d*)(?:[eE]([-+]?\d+))?\s*$/.exec(part) ?? [];
    return digits.length - Number(exponent);
  });
  return 10 ** -Math.max(0, ...decimals);
}

function itemsOf(set: DataSet | undefined, tag: string): readonly DataSet[] {
  return (set?.elements[tag]?.items ?? []).flatMap(({ dataSet }) => dataSet ?? []);
}

const TO_NIFTI = 'Convert it to NIfTI';

function unlikeVolume(path: string, what: string, advice: string): InputError {
  return new InputError('E_VOLUME_TYPE', `${path} ${what}. ${advice}.`);
}

function pixelFormat({ path, tags }: DicomFile, pixelTag: PixelFormat['pixelTag']): PixelFormat {
  const [rows = 0, columns = 0] = [tags.uint16(TAGS.rows), tags.uint16(TAGS.columns)];
  if (rows < 1 || columns < 1) throw corruptDicom(path, `it has ${columns} columns and ${rows} rows`);
  const bitsAllocated = tags.uint16(TAGS.bitsAllocated) ?? 0;
  const bitsStored = tags.uint16(TAGS.bitsStored) ?? bitsAllocated;
  const highBit = tags.uint16(TAGS.highBit) ?? bitsStored - 1;
  const isPossible = bitsStored >= 1 && bitsStored <= highBit + 1 && highBit < bitsAllocated;
  if (isPossible && !BITS.includes(bitsAllocated)) {
    throw unlikeVolume(path, `packs ${bitsAllocated} bits per pixel; ${BITS.slice(1).join(', ')} are read`, TO_NIFTI);
  }
  if (!isPossible) {
    throw corruptDicom(path, `it stores ${bitsStored} bits up to bit ${highBit} in ${bitsAllocated}`);
  }
  return {
    rows,
    columns,
    samplesPerPixel: tags.uint16(TAGS.samplesPerPixel) ?? 1,
    photometric: tags.string(TAGS.photometric) ?? 'MONOCHROME2',
    bitsAllocated,
    bitsStored,
    highBit,
    signed: tags.uint16(TAGS.signed) === 1,
    pixelTag,
  };
}

/** Refuses what is no volume of real numbers, by what it is. */
function assertGrey(path: string, { samplesPerPixel, photometric, bitsAllocated }: PixelFormat): void {
  if (photometric === 'PALETTE COLOR') {
    const what = 'has colour (PALETTE COLOR): its values are places in a table of colours, not intensities';
    throw unlikeVolume(path, what, 'Give the images that it was made from');
  }
  if (samplesPerPixel !== 1 || !/^MONOCHROME[12]$/.test(photometric)) {
    const what = `has colour (${photometric}); DICOM is read with one grey value per pixel`;
    throw unlikeVolume(path, what, 'Give the grey images, or convert it to NIfTI');
  }
  if (bitsAllocated > 1) return;
  throw unlikeVolume(path, 'has 1 bit per pixel, as masks have; DICOM is read with one grey value per pixel', TO_NIFTI);
}

/** Refuses images whose pixels mean something else than intensities at places, by what they are. */
function assertIntensities({ path, tags }: DicomFile): void {
  if (SEGMENTATION_CLASSES.includes(tags.string(TAGS.classUid) ?? '')) {
    const advice = 'Give the images that it was made on, or convert it, for example with segimage2itkimage of dcmqi';
    throw unlikeVolume(path, 'is a DICOM segmentation, not an image', advice);
  }
  if ((tags.string(TAGS.imageType) ?? '').split('\\').includes('MOSAIC')) {
    const what = 'is a mosaic: slices of a volume side by side in one picture, as Siemens scanners write them';
    throw unlikeVolume(path, what, 'Convert it to NIfTI, for example with dcm2niix');
  }
  if (itemsOf(tags, TAGS.modalityLut).length === 0) return;
  throw unlikeVolume(path, 'has a table of values (modality LUT); only slope and intercept are read', TO_NIFTI);
}

/** Slope and intercept, both or neither. */
function rescaleOf(path: string, sets: readonly (DataSet | undefined)[]): readonly [number, number] {
  for (const set of sets) {
    const [slope, intercept] = [numbersOf(set, TAGS.slope)[0], numbersOf(set, TAGS.intercept)[0]];
    if (slope === undefined || intercept === undefined) continue;
    if (!Number.isFinite(slope) || !Number.isFinite(intercept)) {
      throw corruptDicom(path, `its rescale is ${set?.string(TAGS.slope)} and ${set?.string(TAGS.intercept)}`);
    }
    return [slope, intercept];
  }
  return [1, 0];
}

/** Places of the dimension values that do not say where a frame lies. */
function otherDimensions(tags: DataSet): readonly number[] {
  const pointers = itemsOf(tags, TAGS.dimensionSequence).map(item => item.attributeTag(TAGS.dimensionPointer));
  return pointers.flatMap((pointer, index) => (PLACE_DIMENSIONS.includes(pointer ?? '') ? [] : [index]));
}

/** Positions of the planes of a dose, which lie at offsets from the first. */
function dosePositions(tags: DataSet): readonly (readonly number[])[] {
  const [origin, cosines] = [numbersOf(tags, TAGS.position), numbersOf(tags, TAGS.orientation)];
  if (origin.length !== 3 || cosines.length !== 6) return [];
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = cosines;
  const normal = [b * f - c * e, c * d - a * f, a * e - b * d];
  const offsets = numbersOf(tags, TAGS.frameOffsets);
  // they begin at 0, or at the first plane's place along z
  return offsets.map(offset => origin.map((mm, axis) => mm + normal[axis]! * (offset - offsets[0]!)));
}

/**
 * The planes of a file.
 * @returns none where it holds no image, like a DICOMDIR or a report
 * @throws {InputError} E_DICOM_CORRUPT; E_VOLUME_TYPE for colour, single bits, packed bits, segmentations, mosaics and
 * tables of values
 */
export function slicesOf(file: DicomFile): readonly DicomSlice[] {
  const { path, tags, syntaxUid } = file;
  const pixelTag = PIXEL_TAGS.find(tag => tags.elements[tag] !== undefined);
  if (pixelTag === undefined) return [];
  assertIntensities(file);
  const pixel = pixelFormat(file, pixelTag);
  assertGrey(path, pixel);
  const frames = Number.parseInt(tags.string(TAGS.frames) ?? '1', 10);
  if (!(frames >= 1 && frames <= LARGEST_FRAMES)) throw corruptDicom(path, `it says to have ${frames} frames`);
  const [shared] = itemsOf(tags, TAGS.sharedGroups);
  const perFrame = itemsOf(tags, TAGS.frameGroups);
  if (perFrame.length > 0 && perFrame.length !== frames) {
    throw corruptDicom(path, `it describes ${perFrame.length} of ${frames} frames`);
  }
  const isDose = tags.string(TAGS.modality) === 'RTDOSE';
  const doseScaling = isDose ? numbersOf(tags, TAGS.doseScaling)[0] : undefined;
  const dose = isDose && frames > 1 ? dosePositions(tags) : [];
  const others = otherDimensions(tags);
  return Array.from({ length: frames }, (_, frame) => {
    const own = perFrame[frame];
    const group = (tag: string): readonly (DataSet | undefined)[] => [itemsOf(own, tag)[0], itemsOf(shared, tag)[0]];
    const firstWith = (sets: readonly (DataSet | undefined)[], tag: string): DataSet | undefined =>
      sets.find(set => (set?.string(tag) ?? '') !== '');
    const place = firstWith([...group(GROUPS.position), ...(frames > 1 ? [] : [tags])], TAGS.position);
    const measures = [...group(GROUPS.measures), tags];
    const [content] = group(GROUPS.content);
    const [slope, intercept] = rescaleOf(path, [...group(GROUPS.rescale), tags]);
    return {
      path,
      frame,
      frames,
      seriesUid: tags.string(TAGS.seriesUid) ?? '',
      classUid: tags.string(TAGS.classUid) ?? '',
      instanceUid: tags.string(TAGS.instanceUid) ?? '',
      description: tags.string(TAGS.seriesDescription) ?? '',
      syntaxUid,
      pixel,
      slope: doseScaling ?? slope,
      intercept: doseScaling === undefined ? intercept : 0,
      pixelSpacingMm: numbersOf(firstWith(measures, TAGS.pixelSpacing), TAGS.pixelSpacing),
      orientation: numbersOf(firstWith([...group(GROUPS.orientation), tags], TAGS.orientation), TAGS.orientation),
      position: dose[frame] ?? numbersOf(place, TAGS.position),
      positionUnitMm: unitOf(dose.length > 0 ? tags : place, TAGS.position),
      betweenSlicesMm: numbersOf(firstWith(measures, TAGS.betweenSlices), TAGS.betweenSlices)[0],
      dimensions: others.map(index => content?.uint32(TAGS.dimensionValues, index) ?? 0),
    };
  });
}
