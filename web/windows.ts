/** Windows of brightness: named ones for CT, in Hounsfield units, and those that follow from the image. */
import type { Scan } from './protocol.ts';

/** Values that are drawn black and white. */
export interface IntensityWindow {
  readonly low: number;
  readonly high: number;
}

/** What the viewer knows of the values of an image. */
export interface IntensityRange {
  /** The least and the largest value. */
  readonly whole: IntensityWindow;
  /** Without the few darkest and brightest voxels. */
  readonly robust: IntensityWindow;
}

export interface NamedWindow extends IntensityWindow {
  readonly name: string;
}

/** Windows of CT that radiologists use, by level and width in Hounsfield units. */
const CT_WINDOWS = [
  ['brain', 40, 80],
  ['soft tissue', 40, 400],
  ['liver', 60, 160],
  ['lung', -600, 1500],
  ['bone', 400, 1800],
] as const;
/** Air is -1000 HU; other images have no values so far below zero. */
const LIKE_CT = -500;

/** Whether the values of an image are Hounsfield units: its file says so, or they look like it, or neither. */
export function hounsfield({ dicom }: Pick<Scan, 'dicom'>, { whole }: IntensityRange): 'yes' | 'perhaps' | 'no' {
  if (dicom !== undefined) return dicom.modality === 'CT' ? 'yes' : 'no';
  return whole.low <= LIKE_CT && Number.isInteger(whole.low) ? 'perhaps' : 'no';
}

/** The windows that are offered for an image. */
export function windowsOf(scan: Pick<Scan, 'dicom'>, range: IntensityRange): readonly NamedWindow[] {
  const isCt = hounsfield(scan, range);
  const ct = CT_WINDOWS.map(([name, level, width]) => ({
    name: `${isCt === 'yes' ? '' : 'if CT: '}${name} (level ${level}, width ${width} HU)`,
    low: level - width / 2,
    high: level + width / 2,
  }));
  return [
    { name: 'without extremes', ...range.robust },
    { name: 'whole range', ...range.whole },
    ...(isCt === 'no' ? [] : ct),
  ];
}
