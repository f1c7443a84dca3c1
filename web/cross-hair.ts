/** Keys of the viewer: where an arrow moves the cross-hair, in the plane that was pointed at last. */
import type { Xyz } from '../src/core/shape.ts';

export type Plane = 'axial' | 'coronal' | 'sagittal';

/** Axes of the image (0 right, 1 anterior, 2 superior) across, up and through each plane. */
const AXES: Readonly<Record<Plane, readonly [across: number, up: number, through: number]>> = {
  axial: [0, 1, 2],
  coronal: [0, 2, 1],
  sagittal: [1, 2, 0],
};

/** For each key, which of the three axes of a plane, and the direction on the screen. */
const KEYS: Readonly<Record<string, readonly [axis: 0 | 1 | 2, direction: 1 | -1]>> = {
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
  ArrowUp: [1, 1],
  ArrowDown: [1, -1],
  PageUp: [2, 1],
  PageDown: [2, -1],
};

/** Voxels of a step while Shift is held. */
const LONG_STEP = 10;

/** What an arrow means. */
export interface KeyContext {
  readonly plane: Plane;
  /** Whether the left of the patient is on the right of the screen. */
  readonly isRadiological: boolean;
  /** Whether the step is a long one. */
  readonly isLong: boolean;
}

/**
 * Step of the cross-hair in voxels along right, anterior and superior.
 * @param key as a keyboard event names it
 * @returns undefined for other keys
 */
export function crossHairStep(key: string, { plane, isRadiological, isLong }: KeyContext): Xyz | undefined {
  const known = KEYS[key];
  if (known === undefined) return undefined;
  const [place, direction] = known;
  const axis = AXES[plane][place];
  const isMirrored = isRadiological && axis === 0 && place === 0;
  const length = (isLong ? LONG_STEP : 1) * (isMirrored ? -direction : direction);
  return [0, 1, 2].map(each => (each === axis ? length : 0)) as unknown as Xyz;
}
