/**
 * A segmentation as outlines: a DICOM RT Structure Set with one region of interest per structure and closed polygons in
 * the planes of the series, on the edges of voxels. It is encoded without value representations, since an outline may
 * be longer than these allow. Source: DICOM PS3.3, A.19 and C.8.8.5, C.8.8.6, C.8.8.8.
 */
import { type DicomDataSet, encodeDicomFile, shortened } from './dicom-elements.ts';
import {
  algorithmType,
  codeItem,
  describeObject,
  dicomTime,
  frameOfReference,
  frameOfReferenceUid,
  imageReference,
  instanceReferences,
  madeBy,
  type SegmentedSeries,
  sliceAt,
  type UidOf,
} from './dicom-result.ts';
import { labelColour } from './label-colours.ts';
import { type Outline, outlinesOf } from './outlines.ts';
import { structureCodes } from './structure-codes.ts';

const STRUCTURE_SET_CLASS = '1.2.840.10008.5.1.4.1.1.481.3';
/** Study as a component of detached studies: the class that references to a study name. */
const STUDY_CLASS = '1.2.840.10008.3.1.2.3.1';
const SERIES_NUMBER = 301;
/** Decimals of coordinates in millimetres: a tenth of a micrometre. */
const DECIMALS = 4;

function rounded(mm: number): number {
  return Number(mm.toFixed(DECIMALS));
}

/** The corners of an outline in a plane, LPS millimetres, x, y, z one after the other. */
function contourData({ source }: SegmentedSeries, z: number, outline: Outline): number[] {
  const { position } = sliceAt(source, z);
  const [betweenRows = 1, betweenColumns = 1] = source.pixelSpacingMm;
  return outline.flatMap(([x, y]) => {
    // the position is the centre of the first voxel, half a voxel from its corner
    const [right, down] = [(x - 0.5) * betweenColumns, (y - 0.5) * betweenRows];
    return [0, 1, 2].map(axis =>
      rounded(position[axis]! + right * source.orientation[axis]! + down * source.orientation[axis + 3]!),
    );
  });
}

/** The contours of a label value in all planes. */
function contoursOf(series: SegmentedSeries, value: number): readonly DicomDataSet[] {
  const [width, height, depth] = series.labels.sizeVoxels;
  const { data } = series.labels;
  const contours: DicomDataSet[] = [];
  for (let z = 0; z < depth; z++) {
    const start = z * width * height;
    if (!data.subarray(start, start + width * height).includes(value)) continue;
    const mask = (x: number, y: number): boolean =>
      x >= 0 && y >= 0 && x < width && y < height && data[start + y * width + x] === value;
    for (const outline of outlinesOf(mask, { width, height })) {
      contours.push({
        ContourImageSequence: [imageReference(sliceAt(series.source, z))],
        ContourGeometricType: 'CLOSED_PLANAR',
        NumberOfContourPoints: outline.length,
        ContourData: contourData(series, z, outline),
      });
    }
  }
  return contours;
}

/** Encodes the outlines of a segmentation as a DICOM file. @param uidOf identifiers of this result, see uidsOf */
export function encodeStructureSet(series: SegmentedSeries, uidOf: UidOf): Uint8Array {
  const { source, structures, maker, labels } = series;
  const made = dicomTime(maker.time, source.attributes.TimezoneOffsetFromUTC);
  const frameUid = frameOfReferenceUid(source, uidOf);
  const values = new Set(labels.data);
  const regions = structures
    .map((structure, place) => ({ structure, place, number: place + 1 }))
    .filter(({ structure }) => values.has(structure.value));
  const dataSet: DicomDataSet = {
    ...describeObject(series, {
      classUid: STRUCTURE_SET_CLASS,
      modality: 'RTSTRUCT',
      seriesNumber: SERIES_NUMBER,
      description: madeBy('Outlines', maker),
      instanceUid: uidOf('structure set'),
      seriesUid: uidOf('structure set series'),
    }),
    ...frameOfReference(series, uidOf),
    OperatorsName: '',
    StructureSetLabel: shortened(maker.model, 'SH') || 'voxstill',
    StructureSetDate: made.date,
    StructureSetTime: made.time,
    ReferencedFrameOfReferenceSequence: [
      {
        FrameOfReferenceUID: frameUid,
        RTReferencedStudySequence: [
          {
            ReferencedSOPClassUID: STUDY_CLASS,
            ReferencedSOPInstanceUID: source.studyUid,
            RTReferencedSeriesSequence: [
              { SeriesInstanceUID: source.seriesUid, ContourImageSequence: instanceReferences(source) },
            ],
          },
        ],
      },
    ],
    StructureSetROISequence: regions.map(({ structure, number }) => ({
      ROINumber: number,
      ReferencedFrameOfReferenceUID: frameUid,
      ROIName: shortened(structure.name, 'LO'),
      ROIGenerationAlgorithm: algorithmType(maker),
    })),
    ROIContourSequence: regions.map(({ structure, place, number }) => ({
      ReferencedROINumber: number,
      ROIDisplayColor: labelColour(place + 1),
      ContourSequence: contoursOf(series, structure.value),
    })),
    RTROIObservationsSequence: regions.map(({ structure, number }) => ({
      ObservationNumber: number,
      ReferencedROINumber: number,
      RTROIIdentificationCodeSequence: [codeItem(structureCodes(structure.name, structure.code).type)],
      RTROIInterpretedType: '',
      ROIInterpreter: '',
    })),
  };
  return encodeDicomFile(dataSet, { syntax: 'implicit' });
}
