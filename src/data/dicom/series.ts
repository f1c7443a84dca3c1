/**
 * DICOM files in folders: which belong together, and which of them is wanted. Patients, studies and series may be
 * nested; what is no image, or damaged, is told by name and stops nobody who asks for something else. Source: DICOM
 * PS3.3, C.7.3.1 (series).
 */
import { InputError } from '../../core/errors.ts';
import { type Files, readStart } from '../../runtime/files.ts';
import type { FrameCodec } from '../../runtime/frame-codec.ts';
import { isImageName } from '../volume-name.ts';
import { type DicomFile, isDicom, parseDicom } from './file.ts';
import { openFrames } from './pixels.ts';
import { type DicomSlice, slicesOf } from './slice.ts';

/** Files with one SeriesInstanceUID. */
export interface DicomSeries {
  /** Empty for files that do not say. */
  readonly uid: string;
  readonly slices: readonly DicomSlice[];
  /** What is wrong with files of the series. */
  readonly faults: readonly InputError[];
  /** These files, in the same order. */
  readonly faultPaths: readonly string[];
}

/** A file that is of no series. */
interface Other {
  readonly path: string;
  /** Why, for people. */
  readonly reason: string;
  /** Where it is a damaged DICOM file. */
  readonly fault?: InputError;
}

/** What a folder holds. */
export interface DicomContents {
  readonly series: readonly DicomSeries[];
  /** Files that are none, or whose tags cannot be read. */
  readonly others: readonly Other[];
}

interface Reading {
  readonly files: Files;
  readonly images: FrameCodec;
}

const SERIES_UID = 'x0020000e';
const DICOMDIR_CLASS = '1.2.840.10008.1.3.10';
/** Folders below a folder that are looked into: patient, study, series and what archives put around them. */
const DEEPEST = 8;
const LISTED = 8;
/** As far as the tags of most files go; voxels follow. */
const HEAD_BYTES = 65_536;
/** Endings that DICOM files never have, so that nobody reads a data set to find out. */
const FOREIGN =
  /\.(json|csv|tsv|txt|md|html?|js|mjs|ts|py|sh|ya?ml|xml|pdf|png|jpe?g|gif|bmp|tiff?|webp|zip|gz|tgz|tar|7z|onnx|safetensors|npy|npz|mat|h5|hdf5|keras|pt|pth|log|docx?|xlsx?|exe|dll|db|ini|img|hdr|mgh|mgz|zraw|raw)$/i;
const EMPTY_FOLDER = 'an empty folder';
/** What operating systems leave in folders. */
export const LITTER = /^(\.|__MACOSX$|(thumbs\.db|desktop\.ini)$)/i;

/** A file as it is looked at: its slices, or what it is instead. */
interface Looked {
  readonly path: string;
  readonly uid?: string;
  readonly slices?: readonly DicomSlice[];
  readonly fault?: InputError;
  /** Why it is none of a series. */
  readonly reason?: string;
}

/** Which files are looked at, and how. */
interface Look {
  /** Whether the folders below count too. */
  readonly nested: boolean;
  /** Whether the tags are enough: voxels that are missing are then found by whoever reads them. */
  readonly headsOnly?: boolean;
}

/** The tags of a file from its first bytes; undefined where they do not hold them all. */
function parsedHead(head: Uint8Array, path: string): DicomFile | undefined {
  try {
    const file = parseDicom(head, path);
    return slicesOf(file).length > 0 ? file : undefined;
  } catch {
    return undefined;
  }
}

async function lookAt({ files, images }: Reading, path: string, { headsOnly = false }: Look): Promise<Looked> {
  if (FOREIGN.test(path)) return { path, reason: 'no DICOM file' };
  let uid: string | undefined;
  try {
    if (headsOnly) {
      const head = await readStart(files, path, HEAD_BYTES);
      if (!isDicom(head)) return { path, reason: 'no DICOM file' };
      const start = parsedHead(head, path);
      if (start !== undefined) return { path, uid: start.tags.string(SERIES_UID) ?? '', slices: slicesOf(start) };
    }
    const bytes = await files.read(path);
    if (!isDicom(bytes)) return { path, reason: 'no DICOM file' };
    const file = parseDicom(bytes, path);
    uid = file.tags.string(SERIES_UID) ?? '';
    const slices = slicesOf(file);
    if (slices.length > 0) {
      openFrames(file, slices[0]!, images);
      return { path, uid, slices };
    }
    return file.tags.string('x00080016') === DICOMDIR_CLASS || /(^|\/)DICOMDIR$/i.test(path)
      ? { path }
      : { path, reason: 'DICOM without an image' };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (error.code === 'E_FILE_UNREADABLE' && /it is a folder/.test(error.message))
      return { path, reason: EMPTY_FOLDER };
    return uid === undefined ? { path, reason: error.message, fault: error } : { path, uid, fault: error };
  }
}

async function* lookInto(
  reading: Reading,
  folder: string,
  look: Look,
  depth = look.nested ? DEEPEST : 0,
): AsyncGenerator<Looked> {
  for (const name of await reading.files.list(folder)) {
    const path = `${folder}/${name}`;
    if (LITTER.test(name) || isImageName(name)) continue;
    const isFolder = (await reading.files.list(path)).length > 0;
    if (!isFolder) yield lookAt(reading, path, look);
    else if (depth > 0) yield* lookInto(reading, path, look, depth - 1);
  }
}

/** Looks through a folder. */
export async function dicomContents(reading: Reading, folder: string, look: Look): Promise<DicomContents> {
  const series = new Map<string, { slices: DicomSlice[]; faults: InputError[]; faultPaths: string[] }>();
  const others: Other[] = [];
  for await (const { path, uid, slices, fault, reason } of lookInto(reading, folder, look)) {
    if (reason !== undefined) others.push({ path, reason, ...(fault && { fault }) });
    if (uid === undefined || (slices === undefined && fault === undefined)) continue;
    const known = series.get(uid) ?? { slices: [], faults: [], faultPaths: [] };
    known.slices.push(...(slices ?? []));
    if (fault !== undefined) {
      known.faults.push(fault);
      known.faultPaths.push(path);
    }
    series.set(uid, known);
  }
  return { series: [...series].map(([uid, found]) => ({ uid, ...found })), others };
}

/** Whether a folder holds DICOM images, good or damaged. @param options.nested whether the folders below count too */
export async function holdsDicom(
  reading: Reading,
  folder: string,
  { nested }: { readonly nested: boolean },
): Promise<boolean> {
  for await (const { uid, slices, fault } of lookInto(reading, folder, { nested })) {
    if (uid !== undefined && (slices !== undefined || fault !== undefined)) return true;
  }
  return false;
}

/** A series for people: its UID, description, number of images and their size. */
function described({ uid, slices, faults }: DicomSeries): string {
  const [first] = slices;
  const name = first === undefined || first.description === '' ? '' : ` "${first.description}"`;
  const title = `${uid === '' ? 'files without a SeriesInstanceUID' : uid}${name}`;
  const damaged = faults.length === 0 ? '' : `, ${faults.length} that cannot be read`;
  if (first === undefined) return `${title} (${damaged.slice(2)})`;
  const paths = new Set(slices.map(({ path }) => path)).size;
  const frames = slices.length === paths ? '' : ` with ${slices.length} frames`;
  const size = `${first.pixel.columns}x${first.pixel.rows}`;
  return `${title} (${paths} file${paths === 1 ? '' : 's'}${frames} of ${size}${damaged}, for example ${first.path})`;
}

function listed(series: readonly DicomSeries[]): string {
  const more = series.length > LISTED ? `; and ${series.length - LISTED} more` : '';
  return series.slice(0, LISTED).map(described).join('; ') + more;
}

/**
 * The series that is wanted, or the only one that can be read.
 * @param options.source the folder, for messages
 * @param options.wanted its UID
 * @throws {InputError} E_DICOM_SERIES if it is not there or there are several; what is wrong with a file where there is
 * no other
 */
export function chooseSeries(
  contents: DicomContents,
  { source, wanted }: { readonly source: string; readonly wanted?: string | undefined },
): DicomSeries {
  const { series } = contents;
  const readable = series.filter(({ slices }) => slices.length > 0);
  const candidates = wanted === undefined ? readable : series.filter(({ uid }) => uid === wanted);
  if (wanted !== undefined && candidates.length === 0) {
    const there = series.length === 0 ? 'holds no series' : `holds ${series.length} series: ${listed(series)}`;
    throw new InputError('E_DICOM_SERIES', `${source} has no series ${wanted}; it ${there}. Give one of these.`);
  }
  const chosen = candidates[0] ?? series[0];
  if (candidates.length > 1) {
    throw new InputError(
      'E_DICOM_SERIES',
      `${source} holds ${series.length} series: ${listed(series)}. Choose one with --series UID, or give one of its files or its folder.`,
    );
  }
  if (chosen === undefined) throw new InputError('E_DICOM_SERIES', `${source} holds no DICOM series.`);
  if (chosen.faults.length > 0) throw chosen.faults[0];
  return chosen;
}
