/**
 * The volumes of a folder of any mixture: images, pairs of files, DICOM files beside them, and DICOM series in folders
 * below. What is not taken is named with the reason. Reads file names and the tags of DICOM files, no voxels.
 */
import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import { chooseSeries, type DicomSeries, dicomContents, LITTER } from './dicom/series.ts';
import { onePerPair } from './nifti-pair.ts';
import { filesOfVolume, type VolumeSources } from './volume-file.ts';
import { isImageName, volumeStem } from './volume-name.ts';

/** A volume as readVolume takes it. */
export interface FolderVolume {
  readonly path: string;
  /** Name for results: of the file, or of the folder of a DICOM series, with the folders above it below the input. */
  readonly name: string;
  readonly isDicom: boolean;
}

/** A file or a folder that is no volume, or none that is looked for. */
export interface PassedOver {
  readonly path: string;
  /** Why it is not taken. */
  readonly reason: string;
}

/** What is a volume, and cannot be taken. */
interface RefusedVolume {
  readonly path: string;
  readonly error: InputError;
}

/** What a folder holds. */
export interface FolderContents {
  readonly volumes: readonly FolderVolume[];
  readonly passedOver: readonly PassedOver[];
  readonly refused: readonly RefusedVolume[];
}

interface Found {
  readonly volumes: FolderVolume[];
  readonly passedOver: PassedOver[];
  readonly refused: RefusedVolume[];
}

/** A folder on the way through an input. */
interface Place {
  readonly folder: string;
  /** Names of the folders from the input to this one. */
  readonly way: readonly string[];
}

interface Entries {
  /** Files by their names as images; one of each pair. */
  readonly images: readonly string[];
  readonly folders: readonly string[];
}

const DEEPEST = 8;

async function entriesOf({ files }: VolumeSources, folder: string): Promise<Entries> {
  const names = (await files.list(folder)).filter(name => !LITTER.test(name));
  const folders: string[] = [];
  const plain: string[] = [];
  for (const name of names) ((await files.list(`${folder}/${name}`)).length > 0 ? folders : plain).push(name);
  return { images: onePerPair(plain.filter(isImageName)), folders };
}

/** The files with voxels that headers name, which are no volumes by themselves. */
async function partsOf(sources: VolumeSources, headers: readonly string[]): Promise<ReadonlySet<string>> {
  const parts: string[] = [];
  for (const path of headers.filter(name => /\.(mhd|nhdr)$/i.test(name))) {
    // a header that cannot be read is reported by whoever reads the volume
    parts.push(...(await filesOfVolume(sources, path).catch(() => [])));
  }
  return new Set(parts);
}

function filesOf({ slices }: DicomSeries): readonly string[] {
  return [...new Set(slices.map(({ path }) => path))];
}

/** The error for a folder with several series, which lists them. */
function severalSeries(series: readonly DicomSeries[], folder: string): InputError {
  try {
    chooseSeries({ series, others: [] }, { source: folder });
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  return new InputError('E_DICOM_SERIES', `${folder} holds several series. Choose one with --series UID.`);
}

/** A file that is not taken; messages begin with its path and end with a full stop, which a list needs no more. */
function passedOver(path: string, message: string): PassedOver {
  const reason = message.startsWith(`${path} `) ? message.slice(path.length + 1) : message;
  return { path, reason: reason.replace(/\.$/, '') };
}

/** Takes the DICOM files of one folder: series of many files by the folder, series of one file by that file. */
function takeSeries(
  found: Found,
  { folder, way }: Place,
  { series, images, folders }: Entries & { readonly series: readonly DicomSeries[] },
): void {
  const readable = series.filter(({ slices }) => slices.length > 0);
  for (const { faults, faultPaths } of series.filter(({ slices }) => slices.length === 0)) {
    if (readable.length === 0) found.refused.push({ path: folder, error: faults[0] as InputError });
    else found.passedOver.push(...faults.map((error, index) => passedOver(faultPaths[index]!, error.message)));
  }
  const isAlone = readable.length === 1 && images.length === 0;
  const single = isAlone ? [] : readable.filter(one => filesOf(one).length === 1);
  for (const one of single) {
    const path = filesOf(one)[0]!;
    found.volumes.push({ path, name: [...way, volumeStem(path)].join('_'), isDicom: true });
  }
  const many = readable.filter(one => !single.includes(one));
  if (many.length > 1) found.refused.push({ path: folder, error: severalSeries(many, folder) });
  if (many.length !== 1) return;
  const name = way.length === 0 ? volumeStem(folder) : way.join('_');
  // a folder stands for the only series in it and below it
  const path = isAlone && folders.length === 0 ? folder : filesOf(many[0]!)[0]!;
  found.volumes.push({ path, name, isDicom: true });
}

/** Names the files that are no volumes: one by one in the input itself, as a whole in folders below. */
function nameOthers(
  found: Found,
  { folder, way }: Place,
  others: readonly { readonly path: string; readonly reason: string }[],
): void {
  if (others.length === 0) return;
  if (way.length > 0) {
    const names = listSome(others.map(({ path }) => path.slice(folder.length + 1)));
    found.passedOver.push({ path: folder, reason: `holds no volume but ${names}` });
    return;
  }
  for (const { path, reason } of others) {
    found.passedOver.push(passedOver(path, reason === 'no DICOM file' ? 'no volume' : reason));
  }
}

async function lookInto(sources: VolumeSources, place: Place, { found, except }: Walk): Promise<void> {
  const { folder, way } = place;
  if (way.length > DEEPEST) {
    found.passedOver.push({ path: folder, reason: `more than ${DEEPEST} folders below the input` });
    return;
  }
  const entries = await entriesOf(sources, folder);
  const { images, folders } = entries;
  if (way.length === 0) {
    found.volumes.push(...images.map(name => ({ path: `${folder}/${name}`, name: volumeStem(name), isDicom: false })));
  } else if (images.length > 0) {
    const reason = `images (${listSome(images)}) in a folder below the input; give it as an input of its own`;
    found.passedOver.push({ path: folder, reason });
  }
  const { series, others } = await dicomContents(sources, folder, { nested: false, headsOnly: true });
  takeSeries(found, place, { ...entries, series });
  const parts = await partsOf(
    sources,
    images.map(name => `${folder}/${name}`),
  );
  // whoever reads the series of a folder names what is beside it
  const isNamedLater = way.length > 0 && (series.length > 0 || images.length > 0);
  if (!isNamedLater)
    nameOthers(
      found,
      place,
      others.filter(({ path }) => !parts.has(path)),
    );
  for (const name of folders) {
    const below = { folder: `${folder}/${name}`, way: [...way, name] };
    if (!(await isSame(sources, below.folder, except))) await tryInto(sources, below, { found, except });
  }
}

interface Walk {
  readonly found: Found;
  readonly except: string | undefined;
}

/** A folder that cannot be listed is named, and does not end the others. */
async function tryInto(sources: VolumeSources, place: Place, walk: Walk): Promise<void> {
  try {
    await lookInto(sources, place, walk);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    walk.found.refused.push({ path: place.folder, error });
  }
}

async function isSame({ files }: VolumeSources, folder: string, other: string | undefined): Promise<boolean> {
  if (other === undefined) return false;
  const place = await files.realPath(other);
  return place !== undefined && place === (await files.realPath(folder));
}

/**
 * Finds the volumes of a folder.
 * @param options.except a folder below it that is not looked into, such as that of results
 */
export async function volumesIn(
  sources: VolumeSources,
  folder: string,
  { except }: { readonly except?: string } = {},
): Promise<FolderContents> {
  const found: Found = { volumes: [], passedOver: [], refused: [] };
  await lookInto(sources, { folder, way: [] }, { found, except });
  return found;
}
