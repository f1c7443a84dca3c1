/**
 * The grid of a volume before it is read: from the first kilobytes of its header, or from the tags of its DICOM files.
 */
import { VoxstillError } from '../core/errors.ts';
import { readStart } from '../runtime/files.ts';
import { affineOfLps } from '../volume/lps.ts';
import { parseMetaImage } from '../volume/metaimage.ts';
import { decodeMghGrid } from '../volume/mgh.ts';
import { decodeNiftiHeader } from '../volume/nifti.ts';
import { parseNrrd } from '../volume/nrrd.ts';
import { decodePngGrid } from '../volume/png.ts';
import type { StoredImage } from '../volume/stored-image.ts';
import type { Grid } from '../volume/volume.ts';
import { readDicomGrid } from './dicom/volume.ts';
import { findPair } from './nifti-pair.ts';
import type { ReadVolumeOptions, VolumeSources } from './volume-file.ts';
import { formatOfName } from './volume-name.ts';

/** Headers that are longer are read with their volume. */
const START_BYTES = 65_536;

function gridOfStored({ sizeVoxels, geometry }: StoredImage): Grid {
  return { sizeVoxels, spacingMm: geometry.spacing, affine: affineOfLps(geometry) };
}

async function gridAt(sources: VolumeSources, path: string, { series }: ReadVolumeOptions): Promise<Grid> {
  const { files } = sources;
  const start = (file: string): Promise<Uint8Array> => readStart(files, file, START_BYTES);
  const format = formatOfName(path);
  switch (format) {
    case 'nifti':
      return decodeNiftiHeader(await start(path), path);
    case 'nifti-pair': {
      const { header } = await findPair(files, path);
      return decodeNiftiHeader(await start(header), header, { isPair: true });
    }
    case 'nrrd':
      return gridOfStored(parseNrrd(await start(path), path));
    case 'meta':
      return gridOfStored(parseMetaImage(await start(path), path));
    case 'mgh':
      return decodeMghGrid(await start(path), path);
    case 'png':
      return decodePngGrid(await start(path), path);
    case 'dicom':
    case undefined:
      return readDicomGrid(sources, path, series);
    default:
      return format satisfies never;
  }
}

/**
 * The grid of a volume as its header has it.
 * @param path as readVolume takes it
 * @returns undefined where that is not known; reading the volume then says why
 */
export async function readGrid(
  sources: VolumeSources,
  path: string,
  options: ReadVolumeOptions = {},
): Promise<Grid | undefined> {
  try {
    return await gridAt(sources, path, options);
  } catch (error) {
    // headers that are cut off or damaged fail in many ways
    if (error instanceof VoxstillError || error instanceof Error) return undefined;
    throw error;
  }
}
