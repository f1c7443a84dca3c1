/**
 * The files of a segmentation as the program writes them: label maps, DICOM objects that refer to the series, and
 * surfaces. Loaded when the first of them is wanted.
 */
import { zipSync } from 'fflate';
import { invariant } from '../src/core/errors.ts';
import type { ReadVolume } from '../src/data/read-volume.ts';
import { type ResultFormat, resultFiles } from '../src/experiment/result-files.ts';
import { structureCodes } from '../src/results/structure-codes.ts';
import { hexSha256 } from './hex-sha256.ts';
import type { ResultKind } from './result-kinds.ts';
import type { Segmented } from './segmentations.ts';

/** What is written for each kind, by the stem of its names; the last files of the list are those that are wanted. */
const FORMATS: Readonly<Record<ResultKind, (stem: string) => ResultFormat & { readonly wanted: RegExp }>> = {
  nifti: stem => ({ path: `${stem}.nii.gz`, segmentationType: 'binary', handover: {}, wanted: /./ }),
  nrrd: stem => ({ path: `${stem}.seg.nrrd`, segmentationType: 'binary', handover: {}, wanted: /./ }),
  binary: stem => ({ path: `${stem}.dcm`, segmentationType: 'binary', handover: {}, wanted: /./ }),
  labelmap: stem => ({ path: `${stem}.dcm`, segmentationType: 'labelmap', handover: {}, wanted: /./ }),
  rtstruct: stem => ({
    path: `${stem}.nii.gz`,
    segmentationType: 'binary',
    handover: { structureSet: `${stem}_rtstruct.dcm` },
    wanted: /\.dcm$/,
  }),
  report: stem => ({
    path: `${stem}.dcm`,
    segmentationType: 'binary',
    handover: { measurements: `${stem}_report.dcm` },
    wanted: /\.dcm$/,
  }),
  obj: stem => ({
    path: `${stem}.nii.gz`,
    segmentationType: 'binary',
    handover: { surfaces: `${stem}.obj` },
    wanted: /\.obj$/,
  }),
  stl: stem => ({
    path: `${stem}.nii.gz`,
    segmentationType: 'binary',
    handover: { surfaces: `${stem}.stl` },
    wanted: /\.stl$/,
  }),
};

/** Largest number of files that are handed over one by one. */
const MOST_FILES = 2;

/** What is to be written, and of what. */
export interface SavingOptions {
  /** The image, for its grid and its series. */
  readonly read: ReadVolume;
  /** Start of the names. */
  readonly stem: string;
  readonly kind: ResultKind;
  /** Of voxstill. */
  readonly version: string;
}

/**
 * The files of a segmentation; many are one zip archive.
 * @throws {InputError} E_DICOM_SOURCE as resultFiles
 */
export function savedFiles(
  { labels, model, madeAt, correctedAt }: Segmented,
  { read, stem, kind, version }: SavingOptions,
): readonly { readonly path: string; readonly bytes: Uint8Array }[] {
  invariant(model !== undefined, 'only segmentations of models are written in every format');
  const { wanted, ...format } = FORMATS[kind](stem);
  const machine = {
    sha256: hexSha256,
    now: () => correctedAt ?? madeAt,
    provenance: { versions: { voxstill: version } },
    ...(correctedAt !== undefined && { isCorrected: true as const }),
  };
  const files = resultFiles(labels, format, { models: [model], machine, read }).filter(({ path }) => wanted.test(path));
  if (files.length <= MOST_FILES) return files;
  const archive = zipSync(Object.fromEntries(files.map(({ path, bytes }) => [path, bytes])));
  return [{ path: `${stem}_${kind}.zip`, bytes: archive }];
}

/** Kinds of files that say what a class is by a code. */
const CODED: readonly ResultKind[] = ['nrrd', 'binary', 'labelmap', 'rtstruct', 'report'];

/** What is to be known of a file whose classes have codes, where none is known of some. */
export function uncodedWarnings(
  { classes }: Pick<Segmented, 'classes'>,
  kind: ResultKind,
): readonly { readonly code: 'W_CLASS_CODE'; readonly message: string }[] {
  if (!CODED.includes(kind)) return [];
  const uncoded = classes.filter(({ value, name, code }) => value !== 0 && structureCodes(name, code).isUnknown);
  if (uncoded.length === 0) return [];
  const names = uncoded.map(({ name }) => name).join(', ');
  const message = `no code is known of ${names}: saved with its name, as an anatomical structure of unknown kind. A recipe says codes by labels: { codes }, and the model keeps them.`;
  return [{ code: 'W_CLASS_CODE', message }];
}
