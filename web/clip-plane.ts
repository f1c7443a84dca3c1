/** Planes that cut the rendering open, by the side of the patient that is cut away. */

/** Azimuth and elevation of the viewer's clip plane, degrees. */
const SIDES = {
  left: [270, 0],
  right: [90, 0],
  anterior: [180, 0],
  posterior: [0, 0],
  superior: [0, 90],
  inferior: [0, -90],
} as const;

export type ClipSide = keyof typeof SIDES;

/** A depth beyond every volume: nothing is cut. */
const NO_CUT = 2;
/** Depths from the middle of a volume that reach from one side to the other. */
const DEEPEST = 0.5;

/**
 * Depth, azimuth and elevation of a clip plane.
 * @param share of the volume that is cut away, 0 to 1
 */
export function clipPlaneOf(side: ClipSide | 'none', share: number): readonly [number, number, number] {
  if (side === 'none') return [NO_CUT, 0, 0];
  return [DEEPEST - share, ...SIDES[side]];
}
