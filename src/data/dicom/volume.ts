/**
 * A DICOM series as a volume: its slices found, put in their places and decoded one by one, so that only the volume is
 * in memory whole.
 */
import { InputError } from '../../core/errors.ts';
import { listSome } from '../../core/format.ts';
import type { Files } from '../../runtime/files.ts';
import type { FrameCodec } from '../../runtime/frame-codec.ts';
import type { VolumeWarning } from '../../volume/geometry.ts';
import { affineOfLps } from '../../volume/lps.ts';
import { type Grid, voxelCount } from '../../volume/volume.ts';
import { assertReadable } from '../../volume/voxel-file.ts';
import type { DecodedVolume } from '../read-volume.ts';
import { corruptDicom, parseDicom } from './file.ts';
import { openFrames } from './pixels.ts';
import { dicomSource } from './read-source.ts';
import { chooseSeries, type DicomContents, type DicomSeries, dicomContents } from './series.ts';
import { type DicomSlice, type PixelFormat, slicesOf } from './slice.ts';
import type { DicomSource } from './source.ts';
import { regularStack } from './stack.ts';

interface Sources {
  readonly files: Files;
  readonly images: FrameCodec;
}

function storedType({ bitsAllocated, signed, pixelTag }: PixelFormat): string {
  if (pixelTag !== 'x7fe00010') return `float${bitsAllocated}`;
  return `${signed ? 'int' : 'uint'}${bitsAllocated}`;
}

function isSame(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, index) => byte === two[index]);
}

/** Without files that are copies of others, byte for byte, and their names. */
async function withoutCopies({ files }: Sources, slices: readonly DicomSlice[]) {
  const known = new Map<string, string>();
  const copies = new Set<string>();
  for (const { path, instanceUid } of slices) {
    const other = known.get(instanceUid);
    if (instanceUid === '' || other === undefined || other === path) known.set(instanceUid, path);
    else if (isSame(await files.read(path), await files.read(other))) copies.add(path);
  }
  return { slices: slices.filter(({ path }) => !copies.has(path)), copies: [...copies] };
}

/** What a person should know of the files around a series. */
function surroundings(contents: DicomContents, chosen: DicomSeries, source: string): readonly VolumeWarning[] {
  const damaged = contents.series
    .filter(({ uid }) => uid !== chosen.uid)
    .flatMap(({ faults }) => faults.map(({ message }) => message.replace(/\.$/, '')));
  const foreign = contents.others.map(({ path, reason }) => (reason.includes(path) ? reason : `${path} (${reason})`));
  const told = [...damaged, ...foreign.map(text => text.replace(/\.$/, ''))];
  const warnings: VolumeWarning[] = [];
  if (told.length > 0) {
    const message = `${source}: ${told.length} file${told.length === 1 ? ' is' : 's are'} passed over: ${listSome(told, '; ')}.`;
    warnings.push({ code: 'W_DICOM_PASSED_OVER', message });
  }
  if (chosen.uid === '') {
    const message = `${source}: its files have no SeriesInstanceUID (0020,000E); they are taken as one series.`;
    warnings.push({ code: 'W_DICOM_SERIES_UID', message });
  }
  return warnings;
}

async function decodeSeries(sources: Sources, series: DicomSeries, source: string): Promise<DecodedVolume> {
  const { slices, copies } = await withoutCopies(sources, series.slices);
  const { sizeVoxels, geometry, channels, places } = regularStack(slices, source);
  assertReadable({ sizeVoxels, channels, path: source });
  const data = new Float32Array(voxelCount(sizeVoxels) * channels);
  const plane = sizeVoxels[0] * sizeVoxels[1];
  const byPath = new Map<string, (typeof places)[number][]>();
  for (const place of places) {
    const known = byPath.get(place.slice.path);
    if (known === undefined) byPath.set(place.slice.path, [place]);
    else known.push(place);
  }
  const first = places[0]!.slice;
  let dicom: DicomSource | undefined;
  for (const [path, inFile] of byPath) {
    const file = parseDicom(await sources.files.read(path), path);
    if (path === first.path) {
      const frames = Array.from({ length: channels }, (_, frame) =>
        places.filter(({ channel }) => channel === frame).map(({ slice }) => slice),
      );
      dicom = dicomSource(file.tags, frames);
    }
    const frames = openFrames(file, inFile[0]!.slice, sources.images);
    for (const { slice, z, channel } of inFile) {
      const start = (channel * sizeVoxels[2] + z) * plane;
      await frames.read(slice, data.subarray(start, start + plane));
    }
  }
  const volume = { data, sizeVoxels, channels, spacingMm: geometry.spacing, affine: affineOfLps(geometry) };
  const warnings: VolumeWarning[] = [];
  if (copies.length > 0) {
    const message = `${source}: ${listSome(copies, '; ')} ${copies.length === 1 ? 'is a copy' : 'are copies'} of other slices and left out.`;
    warnings.push({ code: 'W_DICOM_COPY', message });
  }
  return { volume, dataType: storedType(first.pixel), warnings, ...(dicom && { dicom }) };
}

/**
 * The grid of a series from the tags of its files alone.
 * @param path a folder with the series in it or below it, or one of its files
 * @throws {InputError} as readDicomFolder and readDicomFile
 */
export async function readDicomGrid(sources: Sources, path: string, wanted: string | undefined): Promise<Grid> {
  const isFolder = (await sources.files.list(path)).length > 0;
  const look = { nested: isFolder, headsOnly: true };
  const contents = await dicomContents(sources, isFolder ? path : folderOf(path), look);
  const own = contents.series.find(({ slices }) => slices.some(slice => slice.path === path));
  const chosen = isFolder || own === undefined ? chooseSeries(contents, { source: path, wanted }) : own;
  const inFile = chosen.slices.filter(slice => slice.path === path && slice.frames > 1);
  const { sizeVoxels, geometry } = regularStack(inFile.length > 0 ? inFile : chosen.slices, path);
  return { sizeVoxels, spacingMm: geometry.spacing, affine: affineOfLps(geometry) };
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.';
}

/**
 * Reads the series in a folder, or in the folders below it.
 * @param wanted its UID; needed where there are several
 * @returns undefined where there is no DICOM file with an image
 * @throws {InputError} E_DICOM_SERIES, E_DICOM_CORRUPT, E_DICOM_GEOMETRY, E_DICOM_SYNTAX, E_VOLUME_TYPE,
 * E_VOLUME_TOO_LARGE
 */
export async function readDicomFolder(
  sources: Sources,
  folder: string,
  wanted: string | undefined,
): Promise<DecodedVolume | undefined> {
  const contents = await dicomContents(sources, folder, { nested: true });
  if (contents.series.length === 0 && wanted === undefined) {
    const damaged = contents.others.find(({ fault }) => fault !== undefined);
    if (damaged?.fault !== undefined) throw damaged.fault;
    return undefined;
  }
  const chosen = chooseSeries(contents, { source: folder, wanted });
  const decoded = await decodeSeries(sources, chosen, folder);
  return { ...decoded, warnings: [...decoded.warnings, ...surroundings(contents, chosen, folder)] };
}

/**
 * Reads the series that a file belongs to, from the files beside it; a file of several frames stands for itself.
 * @throws {InputError} as readDicomFolder
 */
export async function readDicomFile(
  sources: Sources,
  path: string,
  wanted: string | undefined,
): Promise<DecodedVolume> {
  const folder = folderOf(path);
  const file = parseDicom(await sources.files.read(path), path);
  const own = slicesOf(file);
  const [first] = own;
  if (first === undefined) {
    throw new InputError('E_DICOM_IMAGE', `${path} is a DICOM file without an image. Give one that has pixel data.`);
  }
  if (wanted !== undefined && wanted !== first.seriesUid) {
    throw new InputError(
      'E_DICOM_SERIES',
      `${path} is of the series ${first.seriesUid}, not ${wanted}. Give its folder.`,
    );
  }
  if (first.frames > 1)
    return decodeSeries(sources, { uid: first.seriesUid, slices: own, faults: [], faultPaths: [] }, path);
  openFrames(file, first, sources.images);
  const contents = await dicomContents(sources, folder, { nested: false });
  const chosen = contents.series.find(({ uid }) => uid === first.seriesUid);
  if (chosen === undefined) throw corruptDicom(path, 'it has changed while it was read');
  if (chosen.faults.length > 0) throw chosen.faults[0];
  const decoded = await decodeSeries(sources, chosen, path);
  return { ...decoded, warnings: [...decoded.warnings, ...surroundings(contents, chosen, folder)] };
}
