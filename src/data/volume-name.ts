/** What the name of a file says of the volume in it: the format by its ending, and the name of the volume. */

type Format = 'nifti' | 'nifti-pair' | 'nrrd' | 'meta' | 'mgh' | 'png' | 'dicom';

const ENDINGS: readonly (readonly [RegExp, Format])[] = [
  [/\.nii(\.gz)?$/i, 'nifti'],
  [/\.(hdr|img)(\.gz)?$/i, 'nifti-pair'],
  [/\.(nrrd|nhdr)$/i, 'nrrd'],
  [/\.(mha|mhd)$/i, 'meta'],
  [/\.(mgz|mgh|mgh\.gz)$/i, 'mgh'],
  [/\.png$/i, 'png'],
  [/\.(dcm|dicom|ima)$/i, 'dicom'],
];
/** The endings of files that are a volume by themselves, for messages. */
export const FILE_ENDINGS = '.nii.gz, .nii, .hdr and .img, .nrrd, .nhdr, .mha, .mhd, .mgz, .mgh, .png';
/** The same with DICOM, whose files stand for their series. */
export const VOLUME_ENDINGS = `${FILE_ENDINGS}, .dcm`;

/** The format that a name stands for, undefined where it stands for none. */
export function formatOfName(name: string): Format | undefined {
  return ENDINGS.find(([ending]) => ending.test(name))?.[1];
}

/** Whether a name stands for an image that is a volume by itself, or a half of one: all formats but DICOM. */
export function isImageName(name: string): boolean {
  return (formatOfName(name) ?? 'dicom') !== 'dicom';
}

/** The ending of a volume's file as it is written, for example `.nii.gz`; empty where it has none. */
export function volumeEnding(path: string): string {
  return ENDINGS.map(([ending]) => ending.exec(path)?.[0] ?? '').find(found => found !== '') ?? '';
}

/** The last part of a path without the ending of a volume. */
export function volumeStem(path: string): string {
  const name = path.split('/').at(-1) ?? path;
  return name.slice(0, name.length - volumeEnding(name).length);
}

/** Whether a name is that of a DICOM file. */
export function isDicomName(name: string): boolean {
  return formatOfName(name) === 'dicom';
}

/** The formats that results are written in, by the ending of their file. */
export const RESULT_ENDINGS = /\.(nii\.gz|(?:seg\.)?nrrd|mha|mgz|dcm)$/i;
/** Whether a name is that of a segmentation of 3D Slicer. */
export const SEGMENT_ENDING = /\.seg\.nrrd$/i;
