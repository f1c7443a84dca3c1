/**
 * Colours as DICOM has them. Source: IEC 61966-2-1 (sRGB), CIE 15 (CIELab), Lindbloom's matrix for sRGB and D50; DICOM
 * PS3.3, C.10.7.1.1 (encoding).
 */
import type { Colour } from './label-colours.ts';

/** White of daylight (D50), to which DICOM's colours refer. */
const WHITE = [0.9642, 1, 0.8249] as const;
/** Linear sRGB to XYZ, adapted to D50 by the method of Bradford. */
const TO_XYZ = [
  [0.4360747, 0.3850649, 0.1430804],
  [0.2225045, 0.7168786, 0.0606169],
  [0.0139322, 0.0971045, 0.7141733],
] as const;

function linear(channel: number): number {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function curved(ratio: number): number {
  return ratio > (6 / 29) ** 3 ? Math.cbrt(ratio) : ratio / (3 * (6 / 29) ** 2) + 4 / 29;
}

/** A colour as RecommendedDisplayCIELabValue: L* over 0..100, a* and b* over -128..127, each as 16 bits. */
export function dicomLab(colour: Colour): readonly [number, number, number] {
  const rgb = colour.map(linear);
  const [x, y, z] = TO_XYZ.map((row, axis) =>
    curved(row.reduce((sum, factor, channel) => sum + factor * (rgb[channel] as number), 0) / (WHITE[axis] as number)),
  ) as [number, number, number];
  const [l, a, b] = [116 * y - 16, 500 * (x - y), 200 * (y - z)];
  return [(l / 100) * 65_535, ((a + 128) / 255) * 65_535, ((b + 128) / 255) * 65_535].map(Math.round) as [
    number,
    number,
    number,
  ];
}
