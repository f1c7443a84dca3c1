/**
 * What results of a DICOM series must say of it: patient, study, frame of reference, and the images that a result
 * refers to, plane by plane. It stands apart from its reader, so that the types of the package do not need those of the
 * parser. Source: DICOM PS3.3, C.7.1 to C.7.4.
 */

/** Attributes that a result takes over as they are, by keyword. */
export const TAKEN_OVER = {
  AccessionNumber: 'x00080050',
  ReferringPhysicianName: 'x00080090',
  StudyDate: 'x00080020',
  StudyTime: 'x00080030',
  StudyDescription: 'x00081030',
  StudyID: 'x00200010',
  TimezoneOffsetFromUTC: 'x00080201',
  PatientName: 'x00100010',
  PatientID: 'x00100020',
  IssuerOfPatientID: 'x00100021',
  PatientBirthDate: 'x00100030',
  PatientSex: 'x00100040',
  PatientAge: 'x00101010',
  PatientIdentityRemoved: 'x00120062',
  DeidentificationMethod: 'x00120063',
  PositionReferenceIndicator: 'x00201040',
} as const;

/** One plane of a volume, as a result refers to it. */
export interface SourceSlice {
  /** File that it is in. */
  readonly path: string;
  readonly classUid: string;
  readonly instanceUid: string;
  /** Number of its frame, from 1; absent in a file of one image. */
  readonly frame?: number;
  /** Centre of its first voxel, LPS millimetres. */
  readonly position: readonly number[];
}

/** A series that a volume was read from. */
export interface DicomSource {
  readonly studyUid: string;
  readonly seriesUid: string;
  /** Empty where the files name none. */
  readonly frameOfReferenceUid: string;
  readonly modality: string;
  /** Texts of patient and study; those that the files lack are missing. */
  readonly attributes: { readonly [keyword in keyof typeof TAKEN_OVER]?: string };
  /** Millimetres between rows, then between columns. */
  readonly pixelSpacingMm: readonly number[];
  /** Unit vectors along a row and along a column, LPS. */
  readonly orientation: readonly number[];
  /** The planes in the order of the volume's z. */
  readonly slices: readonly SourceSlice[];
  /** The planes of the second, third, ... frame at every place, where there are several; `slices` has the first. */
  readonly laterFrames?: readonly (readonly SourceSlice[])[];
}
