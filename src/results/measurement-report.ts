/**
 * The volumes of a segmentation as a DICOM report (Comprehensive 3D would do too; Enhanced SR is read more widely):
 * template TID 1500 with one group of measurements per segment, which refers to the Segmentation and to the series.
 * Source: DICOM PS3.16, TID 1500 and TID 1411; PS3.3, A.35.2.
 */
import type { StructureCode } from '../data/structure-code.ts';
import { type DicomDataSet, encodeDicomFile } from './dicom-elements.ts';
import {
  codeItem,
  dcm,
  describeObject,
  dicomTime,
  imageReference,
  instanceReferences,
  madeBy,
  type SegmentedSeries,
  type UidOf,
} from './dicom-result.ts';
import { SEGMENTATION_CLASS, type SegmentationType, segmentsOf } from './segmentation-object.ts';
import { structureCodes } from './structure-codes.ts';

const ENHANCED_SR_CLASS = '1.2.840.10008.5.1.4.1.1.88.22';
const SERIES_NUMBER = 302;

type Relationship = 'CONTAINS' | 'HAS OBS CONTEXT' | 'HAS CONCEPT MOD';

/** A content item: its relation to the one above, its kind, what it is, and its value. */
function content(relation: Relationship, type: string, name: StructureCode, value: DicomDataSet): DicomDataSet {
  return { RelationshipType: relation, ValueType: type, ConceptNameCodeSequence: [codeItem(name)], ...value };
}

function container(name: StructureCode, items: readonly DicomDataSet[], template?: string): DicomDataSet {
  return content('CONTAINS', 'CONTAINER', name, {
    ContinuityOfContent: 'SEPARATE',
    ...(template !== undefined && {
      ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: template }],
    }),
    ContentSequence: items,
  });
}

function coded(relation: Relationship, name: StructureCode, value: StructureCode): DicomDataSet {
  return content(relation, 'CODE', name, { ConceptCodeSequence: [codeItem(value)] });
}

/** Millimetres cubed of every label value. */
function volumesMm3({ labels }: SegmentedSeries): ReadonlyMap<number, number> {
  const voxelMm3 = labels.spacingMm[0] * labels.spacingMm[1] * labels.spacingMm[2];
  const counts = new Map<number, number>();
  for (const value of labels.data) counts.set(value, (counts.get(value) ?? 0) + 1);
  return new Map([...counts].map(([value, count]) => [value, count * voxelMm3]));
}

/**
 * Encodes the volumes of a segmentation as a DICOM file.
 * @param options.type the type of the Segmentation that the report refers to
 * @param options.uidOf identifiers of this result, as for that Segmentation
 */
export function encodeMeasurementReport(
  series: SegmentedSeries,
  { type, uidOf }: { readonly type: SegmentationType; readonly uidOf: UidOf },
): Uint8Array {
  const { source, maker } = series;
  const made = dicomTime(maker.time, source.attributes.TimezoneOffsetFromUTC);
  const volumes = volumesMm3(series);
  const segmentation = {
    ReferencedSOPClassUID: SEGMENTATION_CLASS[type],
    ReferencedSOPInstanceUID: uidOf('segmentation'),
  };
  const groups = segmentsOf(series, type).map(({ structure, number }) => {
    const { type: kind, side } = structureCodes(structure.name, structure.code);
    return container(
      dcm('125007', 'Measurement Group'),
      [
        content('HAS OBS CONTEXT', 'TEXT', dcm('112039', 'Tracking Identifier'), { TextValue: structure.name }),
        content('HAS OBS CONTEXT', 'UIDREF', dcm('112040', 'Tracking Unique Identifier'), {
          UID: uidOf(`segment ${structure.value}`),
        }),
        coded('CONTAINS', dcm('121071', 'Finding'), kind),
        ...(side === undefined
          ? []
          : [coded('CONTAINS', { value: '272741003', scheme: 'SCT', meaning: 'Laterality' }, side)]),
        content('CONTAINS', 'IMAGE', dcm('121191', 'Referenced Segment'), {
          ReferencedSOPSequence: [{ ...segmentation, ReferencedSegmentNumber: number }],
        }),
        content('CONTAINS', 'UIDREF', dcm('121232', 'Source series for segmentation'), { UID: source.seriesUid }),
        content(
          'CONTAINS',
          'NUM',
          { value: '118565006', scheme: 'SCT', meaning: 'Volume' },
          {
            MeasuredValueSequence: [
              {
                MeasurementUnitsCodeSequence: [codeItem({ value: 'mm3', scheme: 'UCUM', meaning: 'cubic millimeter' })],
                NumericValue: volumes.get(structure.value) ?? 0,
              },
            ],
          },
        ),
      ],
      '1411',
    );
  });
  const images = new Map(source.slices.map(slice => [slice.instanceUid, slice]));
  const library = [...images.values()].map(({ classUid, instanceUid }) =>
    content('CONTAINS', 'IMAGE', dcm('121112', 'Source of Measurement'), {
      ReferencedSOPSequence: [imageReference({ classUid, instanceUid })],
    }),
  );
  const { RelationshipType: _, ...root } = container(
    dcm('126000', 'Imaging Measurement Report'),
    [
      coded('HAS CONCEPT MOD', dcm('121049', 'Language of Content Item and Descendants'), {
        value: 'en-US',
        scheme: 'RFC5646',
        meaning: 'English (United States)',
      }),
      coded('HAS OBS CONTEXT', dcm('121005', 'Observer Type'), dcm('121007', 'Device')),
      content('HAS OBS CONTEXT', 'UIDREF', dcm('121012', 'Device Observer UID'), { UID: uidOf('device') }),
      content('HAS OBS CONTEXT', 'TEXT', dcm('121013', 'Device Observer Name'), {
        TextValue: `voxstill, ${maker.model}`,
      }),
      coded('HAS CONCEPT MOD', dcm('121058', 'Procedure reported'), {
        value: '363679005',
        scheme: 'SCT',
        meaning: 'Imaging procedure',
      }),
      container(dcm('111028', 'Image Library'), [container(dcm('126200', 'Image Library Group'), library)]),
      container(dcm('126010', 'Imaging Measurements'), groups),
    ],
    '1500',
  );
  const dataSet: DicomDataSet = {
    ...describeObject(series, {
      classUid: ENHANCED_SR_CLASS,
      modality: 'SR',
      seriesNumber: SERIES_NUMBER,
      description: madeBy('Volumes', maker),
      instanceUid: uidOf('report'),
      seriesUid: uidOf('report series'),
    }),
    ...root,
    ContentDate: made.date,
    ContentTime: made.time,
    CompletionFlag: 'COMPLETE',
    VerificationFlag: 'UNVERIFIED',
    ReferencedPerformedProcedureStepSequence: [],
    PerformedProcedureCodeSequence: [],
    CurrentRequestedProcedureEvidenceSequence: [
      {
        StudyInstanceUID: source.studyUid,
        ReferencedSeriesSequence: [
          { SeriesInstanceUID: source.seriesUid, ReferencedSOPSequence: instanceReferences(source) },
          { SeriesInstanceUID: uidOf('segmentation series'), ReferencedSOPSequence: [segmentation] },
        ],
      },
    ],
  };
  return encodeDicomFile(dataSet, { syntax: 'explicit' });
}
