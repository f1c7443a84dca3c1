import { expect, it } from 'vitest';
import { crossHairStep, type Plane } from '../../../web/cross-hair.ts';
import { lettersOf } from '../../../web/orientation-letters.ts';

/** Direction of an axis of the patient that a letter stands for: right, anterior, superior are positive. */
const DIRECTIONS: Readonly<Record<string, readonly number[]>> = {
  R: [1, 0, 0],
  L: [-1, 0, 0],
  A: [0, 1, 0],
  P: [0, -1, 0],
  S: [0, 0, 1],
  I: [0, 0, -1],
};
const SIDES = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'top', ArrowDown: 'bottom' } as const;
const cases = (['axial', 'coronal', 'sagittal'] as const).flatMap((plane: Plane) =>
  [false, true].flatMap(isRadiological =>
    Object.entries(SIDES).map(([key, side]) => ({ plane, isRadiological, key, side })),
  ),
);

it.each(cases)(
  '$key moves towards the letter at the $side of the $plane plane (radiological: $isRadiological)',
  one => {
    const { plane, isRadiological, key, side } = one;
    const step = crossHairStep(key, { plane, isRadiological, isLong: false });
    // + 0 makes 0 of -0
    expect(step?.map(each => each + 0)).toEqual(DIRECTIONS[lettersOf(plane, isRadiological)[side]]);
  },
);

it('steps through the slices with page up and down, ten voxels with Shift, and leaves other keys alone', () => {
  const context = { plane: 'axial', isRadiological: true, isLong: false } as const;
  expect(crossHairStep('PageUp', context)).toEqual([0, 0, 1]);
  expect(crossHairStep('PageDown', { ...context, plane: 'coronal' })).toEqual([0, -1, 0]);
  expect(crossHairStep('PageUp', { ...context, plane: 'sagittal', isLong: true })).toEqual([10, 0, 0]);
  expect(crossHairStep('v', context)).toBeUndefined();
});
