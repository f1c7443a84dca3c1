/** A code for what a structure is, as DICOM has them: a value in a coding scheme, and its meaning for people. */

export interface StructureCode {
  readonly value: string;
  /** For example SCT for SNOMED CT, or DCM. */
  readonly scheme: string;
  readonly meaning: string;
}
