/**
 * A segmentation as a DICOM Segmentation: BINARY with one bit per voxel and a frame for every segment and slice in
 * which it is, or LABELMAP with the labels as they are. Frames refer to the images that they were made on. Source:
 * DICOM PS3.3, A.51 and C.8.20; supplement 243 for label maps.
 */
import { elementCount } from '../core/shape.ts';
import type { LabelArray } from '../volume/volume.ts';
import { type DicomDataSet, encodeDicomFile, shortened, tagOf } from './dicom-elements.ts';
import { dicomLab } from './dicom-lab.ts';
import {
  algorithmType,
  codeItem,
  dcm,
  describeObject,
  dicomTime,
  frameOfReference,
  imageReference,
  instanceReferences,
  madeBy,
  propertyCodes,
  type SegmentedSeries,
  type Structure,
  sliceAt,
  type UidOf,
} from './dicom-result.ts';
import { labelColour } from './label-colours.ts';

/** BINARY is what most systems read; LABELMAP is smaller and newer. */
export type SegmentationType = 'binary' | 'labelmap';

/** SOP classes of the two types. */
export const SEGMENTATION_CLASS: Readonly<Record<SegmentationType, string>> = {
  binary: '1.2.840.10008.5.1.4.1.1.66.4',
  labelmap: '1.2.840.10008.5.1.4.1.1.66.7',
};

/** A structure that was found, and the number that the object gives it. */
interface Segment {
  readonly structure: Structure;
  readonly number: number;
  /** Place in the list of the model's classes, for its colour. */
  readonly place: number;
}

/** A frame: a slice of one segment, or of all. */
interface Frame {
  readonly z: number;
  readonly segment?: Segment;
}

const SERIES_NUMBER = 300;

/** Which slices of each label value have voxels. */
function occupiedSlices(data: LabelArray, plane: number): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, number[]>();
  for (let start = 0; start < data.length; start += plane) {
    const values = new Set(data.subarray(start, start + plane));
    for (const value of values) {
      const slices = found.get(value);
      if (slices === undefined) found.set(value, [start / plane]);
      else slices.push(start / plane);
    }
  }
  return found;
}

/**
 * The segments of a segmentation: the structures that were found, numbered from 1 in the order of the model; in a label
 * map by their values. Where none was found all are named.
 */
export function segmentsOf({ labels, structures }: SegmentedSeries, type: SegmentationType): readonly Segment[] {
  const values = new Set(labels.data);
  const all = structures.map((structure, place) => ({ structure, place }));
  const found = all.filter(({ structure }) => values.has(structure.value));
  return (found.length > 0 ? found : all).map((segment, index) => ({
    ...segment,
    number: type === 'binary' ? index + 1 : segment.structure.value,
  }));
}

function framesOf(series: SegmentedSeries, segments: readonly Segment[], type: SegmentationType): readonly Frame[] {
  const { sizeVoxels, data } = series.labels;
  const all = Array.from({ length: sizeVoxels[2] }, (_, z) => ({ z }));
  if (type === 'labelmap') return all;
  const occupied = occupiedSlices(data, sizeVoxels[0] * sizeVoxels[1]);
  const frames = segments.flatMap(segment => (occupied.get(segment.structure.value) ?? []).map(z => ({ z, segment })));
  const [first] = segments;
  return frames.length > 0 || first === undefined ? frames : all.map(({ z }) => ({ z, segment: first }));
}

/** The voxels of frames, one bit each, the lowest bit first, without a gap between frames. */
function packedBits(data: LabelArray, plane: number, frames: readonly Frame[]): Uint8Array {
  const bits = new Uint8Array(Math.ceil((frames.length * plane) / 8));
  frames.forEach(({ z, segment }, index) => {
    const value = segment?.structure.value;
    const start = index * plane;
    for (let pixel = 0; pixel < plane; pixel++) {
      if (data[z * plane + pixel] === value) bits[(start + pixel) >> 3]! |= 1 << ((start + pixel) & 7);
    }
  });
  return bits;
}

/** The labels as they are, two bytes in little-endian order where a value is above 255. */
function labelBytes(data: LabelArray): Uint8Array {
  if (data instanceof Uint8Array) return data;
  const view = new DataView(new ArrayBuffer(data.length * 2));
  for (let index = 0; index < data.length; index++) view.setUint16(index * 2, data[index]!, true);
  return new Uint8Array(view.buffer);
}

function segmentItem(
  { structure, number, place }: Segment,
  maker: SegmentedSeries['maker'],
  uidOf: UidOf,
): DicomDataSet {
  return {
    SegmentNumber: number,
    SegmentLabel: shortened(structure.name, 'LO'),
    SegmentAlgorithmType: algorithmType(maker),
    SegmentAlgorithmName: shortened(maker.model, 'LO'),
    RecommendedDisplayCIELabValue: dicomLab(labelColour(place + 1)),
    TrackingID: structure.name,
    TrackingUID: uidOf(`segment ${structure.value}`),
    ...propertyCodes(structure),
  };
}

function frameItem({ source }: SegmentedSeries, { z, segment }: Frame): DicomDataSet {
  const slice = sliceAt(source, z);
  return {
    DerivationImageSequence: [
      {
        SourceImageSequence: [
          {
            ...imageReference(slice),
            PurposeOfReferenceCodeSequence: [codeItem(dcm('121322', 'Source image for image processing operation'))],
            SpatialLocationsPreserved: 'YES',
          },
        ],
        DerivationCodeSequence: [codeItem(dcm('113076', 'Segmentation'))],
      },
    ],
    FrameContentSequence: [{ DimensionIndexValues: segment === undefined ? [z + 1] : [segment.number, z + 1] }],
    PlanePositionSequence: [{ ImagePositionPatient: slice.position }],
    ...(segment && { SegmentIdentificationSequence: [{ ReferencedSegmentNumber: segment.number }] }),
  };
}

/** What distinguishes frames: the segment, and the place. */
function dimensions(type: SegmentationType, uidOf: UidOf): DicomDataSet {
  const organization = { DimensionOrganizationUID: uidOf('dimensions') };
  const bySegment = {
    ...organization,
    DimensionIndexPointer: tagOf('ReferencedSegmentNumber'),
    FunctionalGroupPointer: tagOf('SegmentIdentificationSequence'),
    DimensionDescriptionLabel: 'Segment Number',
  };
  const byPlace = {
    ...organization,
    DimensionIndexPointer: tagOf('ImagePositionPatient'),
    FunctionalGroupPointer: tagOf('PlanePositionSequence'),
    DimensionDescriptionLabel: 'Image Position Patient',
  };
  return {
    DimensionOrganizationSequence: [organization],
    DimensionIndexSequence: type === 'binary' ? [bySegment, byPlace] : [byPlace],
  };
}

/** How the pixels of each type are stored. */
function pixelFormat(type: SegmentationType, data: LabelArray): DicomDataSet {
  const bits = type === 'binary' ? 1 : 8 * data.BYTES_PER_ELEMENT;
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: bits,
    BitsStored: bits,
    HighBit: bits - 1,
    PixelRepresentation: 0,
    ...(type === 'labelmap' && { PixelPaddingValue: 0, PresentationLUTShape: 'IDENTITY' }),
  };
}

/**
 * Encodes a segmentation as a DICOM file.
 * @param options.uidOf identifiers of this result, see uidsOf
 */
export function encodeSegmentation(
  series: SegmentedSeries,
  { type, uidOf }: { readonly type: SegmentationType; readonly uidOf: UidOf },
): Uint8Array {
  const { source, labels, maker } = series;
  const [columns, rows] = labels.sizeVoxels;
  const segments = segmentsOf(series, type);
  const frames = framesOf(series, segments, type);
  const made = dicomTime(maker.time, source.attributes.TimezoneOffsetFromUTC);
  const plane = elementCount([columns, rows]);
  const dataSet: DicomDataSet = {
    ...describeObject(series, {
      classUid: SEGMENTATION_CLASS[type],
      modality: 'SEG',
      seriesNumber: SERIES_NUMBER,
      description: madeBy('Segmentation', maker),
      instanceUid: uidOf('segmentation'),
      seriesUid: uidOf('segmentation series'),
    }),
    ...frameOfReference(series, uidOf),
    ...dimensions(type, uidOf),
    ...pixelFormat(type, labels.data),
    ImageType: ['DERIVED', 'PRIMARY'],
    ContentDate: made.date,
    ContentTime: made.time,
    ContentLabel: 'SEGMENTATION',
    ContentDescription: shortened(segments.map(({ structure }) => structure.name).join(', '), 'LO'),
    ContentCreatorName: '',
    SegmentationType: type.toUpperCase(),
    SegmentsOverlap: 'NO',
    SegmentSequence: segments.map(segment => segmentItem(segment, maker, uidOf)),
    LossyImageCompression: '00',
    Rows: rows,
    Columns: columns,
    NumberOfFrames: frames.length,
    ReferencedSeriesSequence: [
      { SeriesInstanceUID: source.seriesUid, ReferencedInstanceSequence: instanceReferences(source) },
    ],
    SharedFunctionalGroupsSequence: [
      {
        PixelMeasuresSequence: [
          {
            SliceThickness: labels.spacingMm[2],
            SpacingBetweenSlices: labels.spacingMm[2],
            PixelSpacing: source.pixelSpacingMm,
          },
        ],
        PlaneOrientationSequence: [{ ImageOrientationPatient: source.orientation }],
      },
    ],
    PerFrameFunctionalGroupsSequence: frames.map(frame => frameItem(series, frame)),
    PixelData: type === 'binary' ? packedBits(labels.data, plane, frames) : labelBytes(labels.data),
  };
  return encodeDicomFile(dataSet, { syntax: 'explicit' });
}
