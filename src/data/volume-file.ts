/**
 * A volume from files of any format, told apart by name, and results back. NIfTI is read here; NRRD, MetaImage and DICOM series by ITK
 * through {@link ImageCodec}. Whatever a file was, its volume comes with a NIfTI header for writing results on its grid.
 */
import { InputError } from '../core/errors.ts';
import type { Files } from '../runtime/files.ts';
import type { HeaderFormat, ImageCodec, LpsImage, NamedBytes } from '../runtime/image-codec.ts';
import { geometryWarnings } from '../volume/geometry.ts';
import { labelsOfVolume } from '../volume/label-volume.ts';
import { lpsOfAffine } from '../volume/lps.ts';
import { decodeNifti, encodeNiftiLabels, type NiftiHeader } from '../volume/nifti.ts';
import type { LabelVolume } from '../volume/volume.ts';
import { type DicomSlice, isDicom, onlySeries, readDicomSlice, regularStack } from './dicom-series.ts';
import { type ReadVolume, volumeOfLps } from './lps-volume.ts';
import { readTextHeader } from './text-header.ts';
import { formatOfName, VOLUME_ENDINGS, volumeEnding } from './volume-name.ts';

/** Where volumes come from. */
export interface VolumeSources {
  readonly files: Files;
  readonly images: ImageCodec;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.';
}

async function readHeaderFormat(sources: VolumeSources, path: string, format: HeaderFormat): Promise<ReadVolume> {
  const { files, images } = sources;
  const [header, voxels] = (await filesOfVolume(sources, path)) as readonly [string, string?];
  const named: NamedBytes[] = [{ name: `header${volumeEnding(path).toLowerCase()}`, bytes: await files.read(header) }];
  if (voxels !== undefined) named.push({ name: nameOf(voxels), bytes: await files.read(voxels) });
  return volumeOfLps(await images.decode(format, named, path), path);
}

/** The files that a volume's file stands for: itself, and the one with its voxels where they lie apart. */
export async function filesOfVolume({ files }: VolumeSources, path: string): Promise<readonly string[]> {
  const format = formatOfName(path);
  if (format !== 'nrrd' && format !== 'meta') return [path];
  const { detachedName } = readTextHeader(await files.read(path), format, path);
  return detachedName === undefined ? [path] : [path, `${folderOf(path)}/${detachedName}`];
}

/** DICOM files with an image in a folder; other files are passed over. */
async function* slicesIn({ files }: VolumeSources, folder: string): AsyncGenerator<DicomSlice> {
  for (const name of await files.list(folder)) {
    const path = `${folder}/${name}`;
    const mayBe = !name.startsWith('.') && (formatOfName(name) ?? 'dicom') === 'dicom';
    if (!mayBe || (await files.list(path)).length > 0) continue;
    const bytes = await files.read(path);
    const slice = isDicom(bytes) ? readDicomSlice(bytes, path) : undefined;
    if (slice !== undefined) yield slice;
  }
}

async function readSeries(sources: VolumeSources, slices: readonly DicomSlice[], source: string): Promise<ReadVolume> {
  const stack = regularStack(slices, source);
  const decode = (some: readonly DicomSlice[]): Promise<LpsImage> => {
    const named = some.map(({ bytes }, index) => ({ name: `${index}.dcm`, bytes }));
    return sources.images.decode('dicom', named, source);
  };
  const image = await decode(stack);
  if (stack.every(({ rescale }) => rescale === stack[0]?.rescale)) return volumeOfLps(image, source);
  // ITK gives every slice the slope of one of them; PET has one per slice
  const data = new Float64Array(image.data.length);
  const plane = data.length / stack.length;
  for (const [z, slice] of stack.entries())
    data.set(Float64Array.from((await decode([slice])).data, Number), z * plane);
  return volumeOfLps({ ...image, componentType: 'float64', data }, source);
}

/** The series that a file belongs to, from the files beside it. */
async function readSeriesOfFile(sources: VolumeSources, path: string): Promise<ReadVolume> {
  const bytes = await sources.files.read(path);
  const slice = isDicom(bytes) ? readDicomSlice(bytes, path) : undefined;
  if (slice === undefined) {
    throw new InputError('E_DICOM_CORRUPT', `${path} is not a DICOM file with an image.`);
  }
  const series: DicomSlice[] = [];
  for await (const other of slicesIn(sources, folderOf(path))) {
    if (other.seriesUid === slice.seriesUid) series.push(other);
  }
  return readSeries(sources, series, path);
}

/** Whether a folder holds DICOM images. */
export async function isDicomFolder(sources: VolumeSources, folder: string): Promise<boolean> {
  const { done } = await slicesIn(sources, folder).next();
  return done !== true;
}

/**
 * Reads a volume.
 * @param path a NIfTI, NRRD or MetaImage file; a DICOM file, which stands for its series; or a folder with one DICOM series
 * @throws {InputError} E_VOLUME_FORMAT for another file; E_VOLUME_CORRUPT, E_VOLUME_TYPE, E_VOLUME_SPACING, E_VOLUME_TOO_LARGE,
 *   E_VOLUME_PARTS, E_DICOM_CORRUPT, E_DICOM_SERIES, E_DICOM_GEOMETRY; as decodeNifti; all name the path
 */
export async function readVolume(sources: VolumeSources, path: string): Promise<ReadVolume> {
  const format = formatOfName(path);
  switch (format) {
    case 'nifti': {
      const { volume, header } = decodeNifti(await sources.files.read(path), { path });
      return { volume, header, dataType: header.dataType, warnings: geometryWarnings(volume, path) };
    }
    case 'nrrd':
    case 'meta':
      return readHeaderFormat(sources, path, format);
    case 'dicom':
      return readSeriesOfFile(sources, path);
    case undefined: {
      const slices: DicomSlice[] = [];
      for await (const slice of slicesIn(sources, path)) slices.push(slice);
      if (slices.length > 0) return readSeries(sources, onlySeries(slices, path), path);
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
 * Encodes a segmentation in the format of its file's name: compressed NIfTI with the header of its input, NRRD or MetaImage.
 * @param path ends with one of the endings of results, see volume-name.ts
 */
export async function encodeLabels(
  { images }: Pick<VolumeSources, 'images'>,
  labels: LabelVolume,
  { path, header }: { readonly path: string; readonly header: NiftiHeader },
): Promise<Uint8Array> {
  const format = formatOfName(path);
  if (format !== 'nrrd' && format !== 'meta') return encodeNiftiLabels(labels, header);
  const { sizeVoxels, data, affine } = labels;
  const pixel = { componentType: 'uint8', pixelType: 'Scalar', components: 1 };
  return images.encode(format, { ...pixel, ...lpsOfAffine(affine), size: sizeVoxels, data });
}
