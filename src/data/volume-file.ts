/**
 * A volume from files of any format, recognised by name, and results back. All formats are read here, the same in Node
 * and in pages; only compressed pictures inside of DICOM files need a {@link FrameCodec}. Whatever a file was, its
 * volume comes with a NIfTI header for writing results on its grid.
 */
import { InputError } from '../core/errors.ts';
import { type Files, readStart } from '../runtime/files.ts';
import type { FrameCodec } from '../runtime/frame-codec.ts';
import { geometryWarnings } from '../volume/geometry.ts';
import { labelsOfVolume } from '../volume/label-volume.ts';
import { encodeMetaImage, parseMetaImage } from '../volume/metaimage.ts';
import { decodeMgh, encodeMgh } from '../volume/mgh.ts';
import {
  type DecodedNifti,
  decodeNifti,
  encodeNiftiImage,
  encodeNiftiLabels,
  type NiftiHeader,
} from '../volume/nifti.ts';
import { encodeNrrd, parseNrrd } from '../volume/nrrd.ts';
import { decodePng } from '../volume/png.ts';
import { readStoredImage, type StoredImage } from '../volume/stored-image.ts';
import type { LabelVolume, Volume } from '../volume/volume.ts';
import { isDicom } from './dicom/file.ts';
import { holdsDicom } from './dicom/series.ts';
import { readDicomFile, readDicomFolder } from './dicom/volume.ts';
import { findPair, readNiftiPair } from './nifti-pair.ts';
import { type ReadVolume, readVolumeOf } from './read-volume.ts';
import { formatOfName, VOLUME_ENDINGS } from './volume-name.ts';

/** Where volumes come from. */
export interface VolumeSources {
  readonly files: Files;
  /** Decodes the pictures inside of DICOM files. */
  readonly images: FrameCodec;
}

/** Which of several volumes is wanted. */
export interface ReadVolumeOptions {
  /** SeriesInstanceUID of a DICOM series, where a folder has several. */
  readonly series?: string | undefined;
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.';
}

const PARSERS = { nrrd: parseNrrd, meta: parseMetaImage } as const;

/** The file with the voxels of a header; undefined where they follow it. */
function voxelPath({ voxels }: StoredImage, path: string): string | undefined {
  return 'file' in voxels ? `${folderOf(path)}/${voxels.file}` : undefined;
}

async function readHeaderFormat({ files }: VolumeSources, path: string, format: 'nrrd' | 'meta'): Promise<ReadVolume> {
  const header = await files.read(path);
  const image = PARSERS[format](header, path);
  const apart = voxelPath(image, path);
  return readVolumeOf(readStoredImage(image, apart === undefined ? header : await files.read(apart), path), path);
}

/** The files that a volume's file stands for: itself, and the one with its voxels where they lie apart. */
export async function filesOfVolume({ files }: Pick<VolumeSources, 'files'>, path: string): Promise<readonly string[]> {
  const format = formatOfName(path);
  if (format === 'nifti-pair') {
    const { header, voxels } = await findPair(files, path);
    return [header, voxels];
  }
  if (format !== 'nrrd' && format !== 'meta') return [path];
  const apart = voxelPath(PARSERS[format](await files.read(path), path), path);
  return apart === undefined ? [path] : [path, apart];
}

const DICOM_START_BYTES = 132;

/** Whether a file without an ending is a DICOM file, by its first bytes. */
export async function isDicomFile({ files }: Pick<VolumeSources, 'files'>, path: string): Promise<boolean> {
  const isFile = (await files.exists(path)) && (await files.list(path)).length === 0;
  // an empty folder is none, and what cannot be read says so when it is
  return isFile && isDicom(await readStart(files, path, DICOM_START_BYTES).catch(() => new Uint8Array(0)));
}

/**
 * Whether a folder holds DICOM images.
 * @param options.nested whether the folders below it count too
 */
export async function isDicomFolder(
  sources: VolumeSources,
  folder: string,
  options: { readonly nested: boolean } = { nested: false },
): Promise<boolean> {
  return holdsDicom(sources, folder, options);
}

function readVolumeOfNifti({ volume, header, warnings }: DecodedNifti, path: string): ReadVolume {
  return { volume, header, dataType: header.dataType, warnings: [...warnings, ...geometryWarnings(volume, path)] };
}

/**
 * Reads a volume.
 * @param path a NIfTI file or one of its pair, NRRD, MetaImage or MGH file; a DICOM file, which stands for its series;
 * or a folder with DICOM series in it or below
 * @throws {InputError} E_VOLUME_FORMAT for another file; E_VOLUME_CORRUPT, E_VOLUME_TYPE, E_VOLUME_SPACING,
 * E_VOLUME_TOO_LARGE,
 * E_VOLUME_PARTS, E_DICOM_CORRUPT, E_DICOM_SERIES, E_DICOM_GEOMETRY, E_DICOM_SYNTAX, E_DICOM_IMAGE; as decodeNifti; all
 * name the path
 */
export async function readVolume(
  sources: VolumeSources,
  path: string,
  { series }: ReadVolumeOptions = {},
): Promise<ReadVolume> {
  const format = formatOfName(path);
  switch (format) {
    case 'nifti': {
      return readVolumeOfNifti(decodeNifti(await sources.files.read(path), { path }), path);
    }
    case 'nifti-pair':
      return readVolumeOfNifti(await readNiftiPair(sources.files, path), path);
    case 'nrrd':
    case 'meta':
      return readHeaderFormat(sources, path, format);
    case 'mgh':
      return readVolumeOf(decodeMgh(await sources.files.read(path), path), path);
    case 'png':
      return readVolumeOf(decodePng(await sources.files.read(path), path), path);
    case 'dicom':
      return readVolumeOf(await readDicomFile(sources, path, series), path);
    case undefined: {
      if (await isDicomFile(sources, path)) return readVolumeOf(await readDicomFile(sources, path, series), path);
      const decoded = await readDicomFolder(sources, path, series);
      if (decoded !== undefined) return readVolumeOf(decoded, path);
      throw new InputError(
        'E_VOLUME_FORMAT',
        `${path} is neither a volume (${VOLUME_ENDINGS}) nor a folder with a DICOM series.`,
      );
    }
    default:
      return format satisfies never;
  }
}

/**
 * Reads a segmentation in any format.
 * @throws {InputError} as readVolume and labelsOfVolume
 */
export async function readLabels(sources: VolumeSources, path: string): Promise<LabelVolume> {
  return labelsOfVolume((await readVolume(sources, path)).volume, path);
}

/**
 * Encodes a segmentation in the format of its file's name: compressed NIfTI with the header of its input, NRRD,
 * MetaImage or MGZ.
 * @param path ends with one of the endings of results, see volume-name.ts
 */
export function encodeLabels(
  labels: LabelVolume,
  { path, header }: { readonly path: string; readonly header: NiftiHeader },
): Uint8Array {
  switch (formatOfName(path)) {
    case 'nrrd':
      return encodeNrrd(labels);
    case 'meta':
      return encodeMetaImage(labels);
    case 'mgh':
      return encodeMgh(labels);
    default:
      return encodeNiftiLabels(labels, header);
  }
}

/**
 * Encodes a map of one value per voxel in the format of its file's name, as 32-bit floating point.
 * @param map one channel
 * @param path as for {@link encodeLabels}
 */
export function encodeMap(
  map: Volume,
  { path, header }: { readonly path: string; readonly header: NiftiHeader },
): Uint8Array {
  switch (formatOfName(path)) {
    case 'nrrd':
      return encodeNrrd(map);
    case 'meta':
      return encodeMetaImage(map);
    case 'mgh':
      return encodeMgh(map);
    default:
      return encodeNiftiImage(map, header);
  }
}
