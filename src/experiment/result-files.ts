/**
 * The files of a segmentation: labels in the format of their name, and what is handed over beside them, outlines,
 * measurements and surfaces. DICOM objects refer to the series that was segmented, so there must be one.
 */
import { InputError } from '../core/errors.ts';
import type { DicomSource } from '../data/dicom/source.ts';
import type { ReadVolume } from '../data/read-volume.ts';
import { encodeLabels } from '../data/volume-file.ts';
import { isDicomName, SEGMENT_ENDING } from '../data/volume-name.ts';
import { type SegmentedSeries, type Structure, type UidOf, uidsOf } from '../results/dicom-result.ts';
import { encodeMeasurementReport } from '../results/measurement-report.ts';
import { segmentFields } from '../results/segment-fields.ts';
import { encodeSegmentation, type SegmentationType } from '../results/segmentation-object.ts';
import { encodeStructureSet } from '../results/structure-set.ts';
import { surfaceOf } from '../results/surface.ts';
import { encodeObj, encodeStl } from '../results/surface-file.ts';
import { encodeNrrd } from '../volume/nrrd.ts';
import type { LabelVolume } from '../volume/volume.ts';
import type { Machine, Provenance } from './machine.ts';
import type { ModelFile } from './model-file.ts';

/** Files beside the labels of a single volume. */
export interface Handover {
  /** DICOM RT Structure Set with the outlines. */
  readonly structureSet?: string | undefined;
  /** DICOM report with the volumes; needs labels in DICOM, which it refers to. */
  readonly measurements?: string | undefined;
  /** Surfaces: one .obj, or a .stl for each class, `<name>_<class>.stl`. */
  readonly surfaces?: string | undefined;
}

/** How a result is written. */
export interface ResultFormat {
  readonly path: string;
  readonly segmentationType: SegmentationType;
  readonly handover: Handover;
}

/** What results say of where they were made. */
interface MakingMachine extends Pick<Machine, 'sha256' | 'now'> {
  readonly provenance: Pick<Provenance, 'versions'>;
  /** Whether a person has corrected what the models made; left out where nobody did. */
  readonly isCorrected?: true;
}

/** What results say of a model: its name and hash, and its classes. */
export type MakingModel = Pick<ModelFile, 'path'> & {
  readonly info: Pick<ModelFile['info'], 'labels'>;
} & (Pick<ModelFile, 'bytes'> | { readonly sha256: string });

/** A file to write. */
interface ResultFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const OBJ = /\.obj$/i;
const STL = /\.stl$/i;

/**
 * Refuses names that do not say what is to be written.
 * @throws {InputError} E_OUTPUT_NAME
 */
export function assertHandoverNames({ structureSet, measurements, surfaces }: Handover, output: string): void {
  for (const [flag, path] of [
    ['--rtstruct', structureSet],
    ['--measurements', measurements],
  ] as const) {
    if (path === undefined || isDicomName(path)) continue;
    throw new InputError('E_OUTPUT_NAME', `${flag} writes a DICOM file, so its name must end with .dcm, not ${path}.`);
  }
  if (measurements !== undefined && !isDicomName(output)) {
    throw new InputError(
      'E_OUTPUT_NAME',
      `--measurements refers to a DICOM segmentation, so --output must be one too (.dcm), not ${output}.`,
    );
  }
  if (surfaces === undefined || OBJ.test(surfaces) || STL.test(surfaces)) return;
  throw new InputError('E_OUTPUT_NAME', `surfaces are written as .obj or .stl, not as ${surfaces}.`);
}

/** Whether any of the files is DICOM. */
function asksForDicom({ path, handover }: ResultFormat): boolean {
  return isDicomName(path) || handover.structureSet !== undefined;
}

/**
 * The series that DICOM results refer to; undefined if none is asked for.
 * @param input for messages
 * @throws {InputError} E_DICOM_SOURCE if the input is no DICOM series or lacks what a result must refer to
 */
export function neededSource({ dicom }: ReadVolume, format: ResultFormat, input: string): DicomSource | undefined {
  if (!asksForDicom(format)) return undefined;
  const instead = 'Give the DICOM series, or write the result as .nii.gz, .seg.nrrd, .mha or .mgz';
  if (dicom === undefined) {
    throw new InputError(
      'E_DICOM_SOURCE',
      `${input} is not DICOM, and a result in DICOM refers to the images that it was made on. ${instead}.`,
    );
  }
  const { studyUid, seriesUid, slices } = dicom;
  const lacking = [
    ...(studyUid === '' ? ['StudyInstanceUID'] : []),
    ...(seriesUid === '' ? ['SeriesInstanceUID'] : []),
    ...(slices.some(({ instanceUid }) => instanceUid === '') ? ['SOPInstanceUID'] : []),
    ...(slices.some(({ classUid }) => classUid === '') ? ['SOPClassUID'] : []),
  ];
  if (lacking.length === 0) return dicom;
  throw new InputError(
    'E_DICOM_SOURCE',
    `${input} lacks ${lacking.join(' and ')}, so a result in DICOM cannot refer to it. ${instead}.`,
  );
}

/** Who made a segmentation: the program, and its models. */
function makerOf(models: readonly MakingModel[], machine: MakingMachine): SegmentedSeries['maker'] {
  const hashes = models.map(model => ('sha256' in model ? model.sha256 : machine.sha256(model.bytes)));
  return {
    version: machine.provenance.versions['voxstill'] ?? 'unknown',
    model: models.map(({ path }) => path.split('/').slice(-2).join('/')).join(', '),
    modelHash: hashes.length === 1 ? hashes[0]! : machine.sha256(new TextEncoder().encode(hashes.join())),
    time: machine.now(),
    ...(machine.isCorrected && { isCorrected: true }),
  };
}

/** Names of structures as parts of names of files; where two would be the same on some disk, all have their value. */
function fileNamesOf(structures: readonly Structure[]): readonly string[] {
  const names = structures.map(({ name }) => name.replace(/[^\p{L}\p{N}-]+/gu, '_'));
  const isClear = new Set(names.map(name => name.toLowerCase())).size === names.length;
  return isClear ? names : structures.map(({ value }, index) => `${names[index]}_${value}`);
}

function surfaceFiles(labels: LabelVolume, structures: readonly Structure[], path: string): readonly ResultFile[] {
  const surfaces = structures.map(structure => surfaceOf(labels, structure));
  if (OBJ.test(path)) return [{ path, bytes: encodeObj(surfaces.filter(surface => surface !== undefined)) }];
  return fileNamesOf(structures).flatMap((name, index) => {
    const surface = surfaces[index];
    return surface === undefined ? [] : [{ path: path.replace(STL, `_${name}.stl`), bytes: encodeStl(surface) }];
  });
}

function dicomFiles(series: SegmentedSeries, format: ResultFormat, uidOf: UidOf): readonly ResultFile[] {
  const { path, segmentationType: type, handover } = format;
  const { structureSet, measurements } = handover;
  return [
    ...(isDicomName(path) ? [{ path, bytes: encodeSegmentation(series, { type, uidOf }) }] : []),
    ...(structureSet === undefined ? [] : [{ path: structureSet, bytes: encodeStructureSet(series, uidOf) }]),
    ...(measurements === undefined
      ? []
      : [{ path: measurements, bytes: encodeMeasurementReport(series, { type, uidOf }) }]),
  ];
}

/**
 * All files of a segmentation, labels first.
 * @param read the input, for its grid and its series
 */
export function resultFiles(
  labels: LabelVolume,
  format: ResultFormat,
  {
    models,
    machine,
    read,
  }: { readonly models: readonly MakingModel[]; readonly machine: MakingMachine; readonly read: ReadVolume },
): readonly ResultFile[] {
  const { path, handover } = format;
  const structures = models[0]!.info.labels.filter(({ value }) => value !== 0);
  const source = neededSource(read, format, path);
  const series = source && { source, labels, structures, maker: makerOf(models, machine) };
  const dicom = series
    ? dicomFiles(
        series,
        format,
        uidsOf(series, bytes => machine.sha256(bytes)),
      )
    : [];
  const surfaces = handover.surfaces === undefined ? [] : surfaceFiles(labels, structures, handover.surfaces);
  if (isDicomName(path)) return [...dicom, ...surfaces];
  const bytes = SEGMENT_ENDING.test(path)
    ? encodeNrrd(labels, segmentFields(structures, labels.sizeVoxels))
    : encodeLabels(labels, { path, header: read.header });
  return [{ path, bytes }, ...dicom, ...surfaces];
}
