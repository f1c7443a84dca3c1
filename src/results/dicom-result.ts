/**
 * What all DICOM objects that describe a result have in common: patient and study of the series that was segmented, the
 * program and the model, and identifiers. Source: DICOM PS3.3, C.7 (patient, study, equipment) and C.12.1 (SOP common).
 */

import { invariant } from '../core/errors.ts';
import type { DicomSource, SourceSlice } from '../data/dicom/source.ts';
import type { StructureCode } from '../data/structure-code.ts';
import type { LabelVolume } from '../volume/volume.ts';
import { type DicomDataSet, shortened, uidOfHash } from './dicom-elements.ts';
import { structureCodes } from './structure-codes.ts';

/** A class of a segmentation. */
export interface Structure {
  /** The value of its voxels. */
  readonly value: number;
  readonly name: string;
  /** What it is, where the model says it; otherwise its name decides. */
  readonly code?: StructureCode | undefined;
}

/** A segmentation of a DICOM series, and who made it. */
export interface SegmentedSeries {
  readonly source: DicomSource;
  /** On the grid of the series: z as its slices, x along rows. */
  readonly labels: LabelVolume;
  /** The classes but the background, in the order of the model. */
  readonly structures: readonly Structure[];
  readonly maker: {
    readonly version: string;
    /** Name of the model for people. */
    readonly model: string;
    /** SHA-256 of the model's file in hexadecimal. */
    readonly modelHash: string;
    /** When the segmentation was made, ISO 8601. */
    readonly time: string;
    /** Whether a person has corrected what the model made; left out where nobody did. */
    readonly isCorrected?: true | undefined;
  };
}

/** How a result came about, in the terms of DICOM. */
export function algorithmType({ isCorrected }: SegmentedSeries['maker']): 'AUTOMATIC' | 'SEMIAUTOMATIC' {
  return isCorrected === true ? 'SEMIAUTOMATIC' : 'AUTOMATIC';
}

/** Who made a result, after what it is: `Outlines by student/model.onnx`. */
export function madeBy(what: string, { model, isCorrected }: SegmentedSeries['maker']): string {
  const text = `${what} by ${model}`;
  return isCorrected === true ? `Corrected by hand: ${text}` : text;
}

/** Gives the identifier of a part of a result; the same for the same part of the same result. */
export type UidOf = (part: string) => string;

/**
 * Identifiers of the parts of a result. They follow from the series, the model, the voxels and the time, so that files
 * that refer to each other may be written one at a time.
 * @param sha256 of bytes, in hexadecimal
 */
export function uidsOf({ source, labels, maker }: SegmentedSeries, sha256: (bytes: Uint8Array) => string): UidOf {
  const { data } = labels;
  const voxels = sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const images = source.slices.map(({ instanceUid, frame }) => `${instanceUid}#${frame}`);
  const seed = JSON.stringify([source.seriesUid, images, maker, voxels]);
  return part => uidOfHash(sha256(new TextEncoder().encode(`${part} of ${seed}`)));
}

/** A code as an item of a sequence. */
export function codeItem({ value, scheme, meaning }: StructureCode): DicomDataSet {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning };
}

/** A code of DICOM's own scheme. */
export function dcm(value: string, meaning: string): StructureCode {
  return { value, scheme: 'DCM', meaning };
}

/** Date and time as DICOM writes them, in the time zone of the series or, where it names none, of this machine. */
export function dicomTime(time: string, offset: string | undefined): { readonly date: string; readonly time: string } {
  const moment = new Date(time);
  const [, sign, hours, minutes] = /^([-+])(\d\d)(\d\d)$/.exec(offset ?? '') ?? [];
  const ahead =
    sign === undefined ? -moment.getTimezoneOffset() : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  const local = new Date(moment.getTime() + ahead * 60_000).toISOString();
  return { date: local.slice(0, 10).replaceAll('-', ''), time: local.slice(11, 19).replaceAll(':', '') };
}

/** What an object is, beside its content. */
interface Described {
  readonly classUid: string;
  readonly modality: 'SEG' | 'RTSTRUCT' | 'SR';
  readonly seriesNumber: number;
  readonly description: string;
  readonly instanceUid: string;
  readonly seriesUid: string;
}

/** Attributes that must be there, even without a value. */
const ALWAYS = {
  AccessionNumber: '',
  ReferringPhysicianName: '',
  StudyDate: '',
  StudyTime: '',
  StudyID: '',
  PatientName: '',
  PatientID: '',
  PatientBirthDate: '',
  PatientSex: '',
} as const;

/** Patient, study, series, equipment and identity of an object. */
export function describeObject({ source, maker }: SegmentedSeries, what: Described): DicomDataSet {
  const { classUid, modality, seriesNumber, description, instanceUid, seriesUid } = what;
  const { PositionReferenceIndicator: _, ...attributes } = source.attributes;
  const made = dicomTime(maker.time, attributes.TimezoneOffsetFromUTC);
  return {
    ...ALWAYS,
    ...attributes,
    SOPClassUID: classUid,
    SOPInstanceUID: instanceUid,
    InstanceCreationDate: made.date,
    InstanceCreationTime: made.time,
    SeriesDate: made.date,
    SeriesTime: made.time,
    StudyInstanceUID: source.studyUid,
    SeriesInstanceUID: seriesUid,
    SeriesNumber: seriesNumber,
    SeriesDescription: shortened(description, 'LO'),
    InstanceNumber: 1,
    Modality: modality,
    Manufacturer: 'voxstill',
    ManufacturerModelName: shortened(maker.model, 'LO'),
    DeviceSerialNumber: maker.modelHash.slice(0, 32),
    SoftwareVersions: maker.version,
  };
}

/** Frame of reference of the series; of the result alone where the series names none. */
export function frameOfReference({ source }: SegmentedSeries, uidOf: UidOf): DicomDataSet {
  return {
    FrameOfReferenceUID: frameOfReferenceUid(source, uidOf),
    PositionReferenceIndicator: source.attributes.PositionReferenceIndicator ?? '',
  };
}

/** The identifier of the frame of reference. */
export function frameOfReferenceUid({ frameOfReferenceUid: own }: DicomSource, uidOf: UidOf): string {
  return own === '' ? uidOf('frame of reference') : own;
}

/** A reference to an image. */
export function imageReference({
  classUid,
  instanceUid,
  frame,
}: Pick<SourceSlice, 'classUid' | 'instanceUid' | 'frame'>): DicomDataSet {
  return {
    ReferencedSOPClassUID: classUid,
    ReferencedSOPInstanceUID: instanceUid,
    ...(frame !== undefined && { ReferencedFrameNumber: frame }),
  };
}

/** References to all files of the series, each once. */
export function instanceReferences({ slices }: DicomSource): readonly DicomDataSet[] {
  const known = new Map(slices.map(({ classUid, instanceUid }) => [instanceUid, classUid]));
  return [...known].map(([instanceUid, classUid]) => imageReference({ classUid, instanceUid }));
}

/** What a segment is, in the terms of a segmentation and of a report. */
export function propertyCodes({ name, code }: Structure): DicomDataSet {
  const { category, type, side } = structureCodes(name, code);
  return {
    SegmentedPropertyCategoryCodeSequence: [codeItem(category)],
    SegmentedPropertyTypeCodeSequence: [
      { ...codeItem(type), ...(side && { SegmentedPropertyTypeModifierCodeSequence: [codeItem(side)] }) },
    ],
  };
}

/** The slice at a place of the volume. */
export function sliceAt({ slices }: DicomSource, z: number): SourceSlice {
  const slice = slices[z];
  invariant(slice !== undefined, `the series has no slice ${z}`);
  return slice;
}
